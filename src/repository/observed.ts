import { redeemChannel, rollbackChannel, validateChannel } from '../diagnostics/channels.js';
import type { RedeemEvent, RedeemOutcome, RollbackEvent, ValidateEvent } from '../diagnostics/events.js';
import type { Trace } from '../diagnostics/operation.js';
import type { RedeemResult } from '../redemption/results.js';
import type { Call, Context } from './context.js';
import type { Id } from './fields.js';
import type { RedeemInput, ValidateInput } from './input-types.js';
import type { RollbackReport } from './uses.js';
import type { ValidateResult } from './validate.js';

/** Runs a redemption and tells the subscribers of `pg-promo-codes:redeem`, where there are any. */
export function observeRedemption<Result extends RedeemResult | RedeemResult[]>(
  context: Context,
  method: RedeemEvent['method'],
  input: RedeemInput | readonly RedeemInput[],
  work: (trace?: Trace<RedeemEvent>) => Promise<Result>,
): Promise<Result> {
  if (!redeemChannel.isHeard) return work();
  const describe = (): RedeemEvent => ({
    method,
    ...whereOf(context),
    size: 1,
    outcomes: {},
    batchSize: 0,
    attempts: 0,
    waitedMs: 0,
    durationMs: 0,
    ...personalOf(context, input),
  });
  return redeemChannel.run(describe, work, (event, result) => {
    event.outcomes = result ? outcomesOf(result) : { [event.error!.code]: event.size };
  });
}

/** What is known of a redemption when its arguments have been checked. */
export function noteRequests({ event }: Trace<RedeemEvent>, call: Call, requests: readonly { shopId: string }[]): void {
  const shopId = requests[0]?.shopId;
  noteCall(event, call, requests.every((request) => request.shopId === shopId) ? shopId : undefined);
  event.size = requests.length;
}

/** The same for a preview. */
export function observePreview(
  context: Context,
  input: ValidateInput,
  work: (trace?: Trace<ValidateEvent>) => Promise<ValidateResult>,
): Promise<ValidateResult> {
  if (!validateChannel.isHeard) return work();
  const describe = (): ValidateEvent => ({
    ...whereOf(context),
    outcome: undefined,
    durationMs: 0,
    ...personalOf(context, input),
  });
  return validateChannel.run(describe, work, (event, result) => {
    if (!result) event.outcome = event.error?.code;
    else event.outcome = result.valid ? 'valid' : result.reason;
  });
}

/** The same for a use that is taken back. */
export function observeRollback(
  context: Context,
  input: Id,
  work: (trace?: Trace<RollbackEvent>) => Promise<RollbackReport>,
): Promise<RollbackReport> {
  if (!rollbackChannel.isHeard) return work();
  const describe = (): RollbackEvent => ({
    schema: context.schema,
    inTransaction: false,
    outcome: undefined,
    durationMs: 0,
    ...personalOf(context, input),
  });
  return rollbackChannel.run(describe, work, (event, result) => {
    if (!result) event.outcome = event.error?.code;
    else event.outcome = result.rolledBack ? 'rolled_back' : 'not_found';
  });
}

/** What is known of a call when its arguments have been checked. */
export function noteCall(
  event: { schema: string | undefined; inTransaction: boolean; shopId?: string | undefined },
  call: Call,
  shopId?: string,
): void {
  event.schema = call.host.layout.schema;
  event.inTransaction = call.hosted;
  if ('shopId' in event) event.shopId = shopId;
}

function whereOf({ schema }: Context): Pick<RedeemEvent, 'schema' | 'shopId' | 'inTransaction'> {
  return { schema, shopId: undefined, inTransaction: false };
}

function personalOf<Input>({ options }: Context, input: Input): { personal?: { input: Input } } {
  return options.diagnostics.personalData ? { personal: { input } } : {};
}

function outcomesOf(results: RedeemResult | RedeemResult[]): RedeemEvent['outcomes'] {
  const outcomes: RedeemEvent['outcomes'] = {};
  for (const result of Array.isArray(results) ? results : [results]) {
    const outcome: RedeemOutcome = result.ok ? (result.replayed ? 'replayed' : 'redeemed') : result.reason;
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  }
  return outcomes;
}

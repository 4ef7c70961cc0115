import { redeemChannel, rollbackChannel, validateChannel } from '../diagnostics/channels.js';
import type { RedeemEvent, RedeemOutcome, RollbackEvent, ValidateEvent } from '../diagnostics/events.js';
import type { Trace } from '../diagnostics/operation.js';
import type { RedeemResult } from '../redemption/results.js';
import type { Call, Context } from './context.js';
import type { Id } from './fields.js';
import type { RedeemInput, ValidateInput } from './input-types.js';
import type { RollbackReport } from './uses.js';
import type { ValidateResult } from './validate.js';

/** Runs a redemption and reports it to the subscribers of `pg-promo-codes:redeem`, where there are any. */
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
    campaignId: undefined,
    size: 1,
    outcomes: {},
    batchSize: 0,
    attempts: 0,
    waitedMs: 0,
    durationMs: 0,
    ...personalOf(context, input),
  });
  return redeemChannel.run(describe, work, {
    answered: (result) => ({ outcomes: outcomesOf(result) }),
    failed: ({ code }, { size }) => ({ outcomes: { [code]: size } }),
  });
}

/** What is known of a redemption when its arguments have been checked. */
export function noteRequests(trace: Trace<RedeemEvent>, call: Call, requests: readonly { shopId: string }[]): void {
  const shopId = requests[0]?.shopId;
  const isOfOneShop = requests.every((request) => request.shopId === shopId);
  trace.note(() => ({ ...whereIs(call), shopId: isOfOneShop ? shopId : undefined, size: requests.length }));
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
    campaignId: undefined,
    outcome: undefined,
    batchSize: 0,
    attempts: 0,
    waitedMs: 0,
    durationMs: 0,
    ...personalOf(context, input),
  });
  return validateChannel.run(describe, work, {
    answered: (result) =>
      result.valid
        ? { outcome: 'valid', campaignId: result.promoCode.campaignId ?? undefined }
        : { outcome: result.reason },
    failed: ({ code }) => ({ outcome: code }),
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
    shard: context.shard,
    inTransaction: false,
    outcome: undefined,
    durationMs: 0,
    ...personalOf(context, input),
  });
  return rollbackChannel.run(describe, work, {
    answered: ({ rolledBack }) => ({ outcome: rolledBack ? 'rolled_back' : 'not_found' }),
    failed: ({ code }) => ({ outcome: code }),
  });
}

/** Where a call goes whose arguments have been checked. */
export function whereIs({ host, hosted }: Call): { schema: string; inTransaction: boolean } {
  return { schema: host.layout.schema, inTransaction: hosted };
}

/** What is known of that before. */
function whereOf({ schema, shard }: Context): Pick<RedeemEvent, 'schema' | 'shard' | 'shopId' | 'inTransaction'> {
  return { schema, shard, shopId: undefined, inTransaction: false };
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

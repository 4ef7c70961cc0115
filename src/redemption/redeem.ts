import { IdempotencyConflictError, PromoCodesError, RetryableTransactionError } from '../errors.js';
import type { Queryable } from '../postgres/database.js';
import { quoteIdentifier } from '../postgres/identifiers.js';
import { messageOf, SqlState, sqlStateOf } from '../postgres/sqlstate.js';
import { toDate, toPromoCodeUse, type UseRow } from './promo-code-use.js';
import type { RedeemResult, RefusalReason } from './results.js';
import { refusal } from './results.js';
import type { UseIds } from './use-ids.js';

/** One request, checked, with amounts as text. */
export interface RedeemRequest {
  code: string;
  shopId: string;
  customerAddress: string;
  baseReward: string;
  transactionId?: string | undefined;
  idempotencyKey?: string | undefined;
  ttlSeconds?: number | undefined;
}

/** What a batch is sent with. */
export interface RedeemContext {
  schema: string;
  ids: UseIds;
  lockTimeoutMs: number;
  uniformRefusals: boolean;
  /** Runs a call with the repetitions that it may have; a call in the host's transaction has none. */
  run<Result>(work: (connection: Queryable, attempt: { inDoubt: boolean }) => Promise<Result>): Promise<Result>;
  /** Whether the call runs in the host's transaction. */
  hosted: boolean;
  /** Whether a conflict of keys undoes the whole batch. */
  strict: boolean;
}

/** A row of `redeem_promo_codes`. */
interface AnswerRow extends UseRow {
  request: number;
  outcome: string;
  expires: string | null;
}

/** How often other ids are taken when those that were reserved turn out to be in use already. */
const ID_ATTEMPTS = 5;
const ID_TAKEN = 'id_taken';

/**
 * Sends requests as one statement and gives the answers in their order.
 *
 * Every request has the id that its use is going to have. When a connection breaks, the repetition first waits until the
 * attempt before it has ended (an advisory lock that both take), then looks for that id under the lock of the code: what
 * was recorded is found, what was not is done now. So a call makes at most one use and knows which.
 */
export async function redeemBatch(context: RedeemContext, requests: readonly RedeemRequest[]): Promise<RedeemResult[]> {
  const { ids, hosted } = context;
  const reserve = <R>(work: (connection: Queryable) => Promise<R>) => context.run(work);
  const results: RedeemResult[] = [];
  let open = requests.map((request, index) => ({ request, index }));
  for (let attempt = 1; open.length > 0; attempt += 1) {
    if (attempt > ID_ATTEMPTS) {
      throw new PromoCodesError(
        'SEQUENCE_BEHIND',
        `The sequence of promo_code_uses.id in schema ${context.schema} gives ids that are in use already. Set it past the ` +
          'highest id, with setval().',
      );
    }
    const useIds = await ids.take(open.length, reserve, !hosted);
    const rows = await send(
      context,
      open.map(({ request }) => request),
      useIds,
    );
    open.forEach(({ request, index }, position) => {
      const row = rows?.[position];
      if (row && row.outcome !== ID_TAKEN) results[index] = toResult(context, row, request, useIds[position]!);
    });
    open = open.filter((_, position) => !rows?.[position] || rows[position]?.outcome === ID_TAKEN);
    if (open.length > 0) ids.discard();
  }
  return results;
}

/** @returns nothing when ids that were reserved are in use already, so that the whole batch was undone. */
async function send(
  context: RedeemContext,
  requests: readonly RedeemRequest[],
  useIds: string[],
): Promise<AnswerRow[] | undefined> {
  const statement = `SELECT * FROM ${quoteIdentifier(context.schema)}.redeem_promo_codes($1::jsonb, $2::bigint, $3::integer)`;
  let doubted = false;
  try {
    return await context.run(async (connection, { inDoubt }) => {
      doubted = inDoubt;
      const batch = JSON.stringify(
        requests.map((request, index) => toJson(request, useIds[index]!, inDoubt, context.strict)),
      );
      const answer = await connection.query(statement, [
        batch,
        context.hosted ? null : useIds[0],
        context.lockTimeoutMs,
      ]);
      return answer.rows as AnswerRow[];
    });
  } catch (error) {
    const cause = error instanceof PromoCodesError ? error.cause : error;
    if (sqlStateOf(cause) === SqlState.keyConflict) throw conflict(cause);
    if (!isIdInUse(cause)) throw error;
    if (!context.hosted && !doubted) return undefined;
    context.ids.discard();
    throw new RetryableTransactionError('The sequence of promo_code_uses.id was set back; run the transaction again.', {
      sqlState: SqlState.uniqueViolation,
      cause,
    });
  }
}

/** The server names the columns of a violated constraint in any language as `(id)=(7)`. */
function isIdInUse(error: unknown): boolean {
  return (
    sqlStateOf(error) === SqlState.uniqueViolation &&
    typeof error === 'object' &&
    error !== null &&
    'table' in error &&
    String(error.table).startsWith('promo_code_uses') &&
    'detail' in error &&
    /\(id\)=\(/.test(String(error.detail))
  );
}

function toJson(request: RedeemRequest, useId: string, inDoubt: boolean, strict: boolean): Record<string, unknown> {
  return {
    c: request.code,
    s: request.shopId,
    a: request.customerAddress,
    b: request.baseReward,
    i: useId,
    ...(request.transactionId !== undefined && { t: request.transactionId }),
    ...(request.idempotencyKey !== undefined && { k: request.idempotencyKey }),
    ...(request.ttlSeconds !== undefined && { h: request.ttlSeconds }),
    ...(inDoubt && { r: true }),
    ...(strict && { x: true }),
  };
}

function toResult(context: RedeemContext, row: AnswerRow, request: RedeemRequest, useId: string): RedeemResult {
  switch (row.outcome) {
    case 'redeemed':
    case 'found':
      return {
        ok: true,
        use: toPromoCodeUse(row),
        // A use under this call's own id was made by an earlier attempt of this same call.
        replayed: row.outcome === 'found' && row.use_id !== useId,
        ...(row.expires !== null && { expiresAt: toDate(row.expires) }),
      };
    case 'key_conflict':
      throw conflict(undefined, request.idempotencyKey);
    default:
      return refusal(row.outcome as RefusalReason, row.code_id ?? undefined, context.uniformRefusals);
  }
}

function conflict(cause: unknown, key?: string): IdempotencyConflictError {
  return new IdempotencyConflictError(
    key === undefined
      ? `${messageOf(cause)}. Nothing of the batch was recorded.`
      : `The idempotency key ${JSON.stringify(key)} was used before in this shop with other parameters. Nothing was recorded.`,
    cause === undefined ? {} : { sqlState: sqlStateOf(cause), cause },
  );
}

import { IdempotencyConflictError, PromoCodesError, RetryableTransactionError, ValidationError } from '../errors.js';
import type { Queryable } from '../postgres/database.js';
import { messageOf, SqlState, sqlStateOf } from '../postgres/sqlstate.js';
import { toDate, toPromoCodeUse } from './promo-code-use.js';
import type { RedeemResult, RefusalReason } from './results.js';
import { refusal } from './results.js';
import { isPlain, type RedeemStatements, valuesOfBatch, valuesOfOne } from './statements.js';
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
  statements: RedeemStatements;
  ids: UseIds;
  /** Milliseconds that a lock is waited for, where the session sets no `lock_timeout`. */
  lockTimeoutMs: number;
  /** The same where nothing is in doubt, if that is shorter. */
  patienceMs?: number | undefined;
  uniformRefusals: boolean;
  /** Runs a call with the repetitions that it may have; a call in the host's transaction has none. */
  run<Result>(
    work: (connection: Queryable, attempt: { inDoubt: boolean }) => Promise<Result>,
    inDoubt?: boolean,
  ): Promise<Result>;
  /** Whether the call runs in the host's transaction. */
  hosted: boolean;
  /** Whether a conflict of keys undoes the whole batch. */
  strict: boolean;
}

/** A request on its way, with what its attempts so far have left. */
export interface Attempted {
  request: RedeemRequest;
  /** The id that its use is going to have. */
  useId?: string;
  /** What its first attempt locked: a repetition waits for that attempt to end. */
  callId?: string;
  /** A connection broke under an earlier attempt, which may have recorded it. */
  inDoubt?: boolean;
}

/** What became of a request; an error concerns this one alone. */
export type Settled = RedeemResult | PromoCodesError;

/** What the server answers of a request or of a use: the columns of `redeem_promo_codes_in_order`, all of them text. */
type AnswerRow = [
  request: string | null,
  outcome: string,
  useId: string,
  codeId: string | null,
  customer: string,
  shop: string,
  transaction: string | null,
  base: string,
  bonus: string | null,
  total: string,
  used: string | null,
  expires: string | null,
];

/** How often other ids are taken when those that were reserved turn out to be in use already. */
const ID_ATTEMPTS = 5;
const ID_TAKEN = 'id_taken';

/**
 * Sends requests as one statement and gives what became of them, in their order.
 *
 * Every request has the id that its use is going to have. When a connection breaks, the repetition first waits until the
 * attempt before it has ended (an advisory lock that both take), then looks for that id under the lock of the code: what
 * was recorded is found, what was not is done now. So a call makes at most one use and knows which.
 */
export async function redeemBatch(context: RedeemContext, requests: readonly Attempted[]): Promise<Settled[]> {
  const settled = new Map<Attempted, Settled>();
  let open = [...requests];
  for (let attempt = 1; open.length > 0; attempt += 1) {
    if (attempt > ID_ATTEMPTS) {
      throw new PromoCodesError(
        'SEQUENCE_BEHIND',
        `The sequence of promo_code_uses.id in schema ${context.statements.schema} gives ids that are in use already. Set it past the ` +
          'highest id, with setval().',
      );
    }
    await takeIds(context, open);
    const rows = await send(context, open);
    const retaken = open.filter((entry, place) => {
      const row = rows?.of(entry, place);
      if (row && row[1] !== ID_TAKEN) settled.set(entry, toSettled(context, row, entry));
      else if (rows && !row) settled.set(entry, unanswered(entry));
      return !settled.has(entry);
    });
    if (retaken.length > 0) context.ids.discard();
    for (const entry of retaken) delete entry.useId;
    open = retaken;
  }
  return requests.map((entry) => settled.get(entry)!);
}

async function takeIds({ ids, run, hosted }: RedeemContext, entries: Attempted[]): Promise<void> {
  const without = entries.filter(({ useId }) => useId === undefined);
  if (without.length === 0) return;
  const taken = await ids.take(without.length, (work) => run(work), !hosted);
  without.forEach((entry, index) => {
    entry.useId = taken[index]!;
  });
}

/** The rows of an answer, by request. */
class Answer {
  readonly #byPlace = new Map<number, AnswerRow>();
  readonly #byId = new Map<string, AnswerRow>();

  constructor(json: string) {
    for (const row of JSON.parse(json) as AnswerRow[]) {
      // A use that was made answers the request with its id.
      if (row[0] === null) this.#byId.set(row[2], row);
      else this.#byPlace.set(Number(row[0]) - 1, row);
    }
  }

  of({ useId }: Attempted, place: number): AnswerRow | undefined {
    return this.#byPlace.get(place) ?? this.#byId.get(useId!);
  }
}

/** @returns nothing when ids that were reserved are in use already, so that the whole batch was undone. */
async function send(context: RedeemContext, entries: Attempted[]): Promise<Answer | undefined> {
  const { statements, hosted, lockTimeoutMs, patienceMs = lockTimeoutMs } = context;
  const callId = entries[0]!.callId ?? entries[0]!.useId!;
  if (!hosted) for (const entry of entries) entry.callId ??= callId;
  const doubted = () => entries.some(({ inDoubt }) => inDoubt);
  try {
    return await context.run(async (connection, { inDoubt }) => {
      if (inDoubt) for (const entry of entries) entry.inDoubt = true;
      const waitMs = doubted() ? lockTimeoutMs : Math.min(patienceMs, lockTimeoutMs);
      const shared = [hosted ? null : `{${callId}}`, waitMs];
      const [only] = entries;
      const { rows } =
        entries.length === 1 && isPlain(only!)
          ? await connection.query(statements.one, [...valuesOfOne(only!), ...shared])
          : await connection.query(statements.batch, [...valuesOfBatch(entries), doubted(), context.strict, ...shared]);
      return new Answer(String(rows[0]?.answer));
    }, doubted());
  } catch (error) {
    const cause = error instanceof PromoCodesError ? error.cause : error;
    if (sqlStateOf(cause) === SqlState.keyConflict) throw conflict(cause);
    if (sqlStateOf(cause) === SqlState.numberTooLarge) throw tooLarge(cause);
    if (!isIdInUse(cause)) throw error;
    if (!hosted && !doubted()) return undefined;
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

function toSettled(context: RedeemContext, row: AnswerRow, { request, useId }: Attempted): Settled {
  const [, outcome, id, code, customer, shop, transaction, base, bonus, total, used, expires] = row;
  switch (outcome) {
    case 'redeemed':
    case 'found':
      return {
        ok: true,
        use: toPromoCodeUse({ use_id: id, code_id: code!, customer, shop, transaction, base, bonus, total, used }),
        // A use under this call's own id was made by an earlier attempt of this same call.
        replayed: outcome === 'found' && id !== useId,
        ...(expires !== null && { expiresAt: toDate(expires) }),
      };
    case 'key_conflict':
      return conflict(undefined, request.idempotencyKey);
    default:
      return refusal(outcome as RefusalReason, code ?? undefined, context.uniformRefusals);
  }
}

/** What a trigger of the host gave another id cannot be told from what it kept out. */
function unanswered({ useId }: Attempted): PromoCodesError {
  return new PromoCodesError('DATABASE_ERROR', `The server recorded no use with the id ${useId} that it was given.`);
}

function tooLarge(cause: unknown): ValidationError {
  const message = `is too large: with the bonus it does not fit the columns (${messageOf(cause)})`;
  return new ValidationError([{ path: 'baseReward', message }], { sqlState: SqlState.numberTooLarge, cause });
}

function conflict(cause: unknown, key?: string): IdempotencyConflictError {
  return new IdempotencyConflictError(
    key === undefined
      ? `${messageOf(cause)}. Nothing of the batch was recorded.`
      : `The idempotency key ${JSON.stringify(key)} was used before in this shop with other parameters. Nothing was recorded.`,
    cause === undefined ? {} : { sqlState: sqlStateOf(cause), cause },
  );
}

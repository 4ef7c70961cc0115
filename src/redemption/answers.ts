import { IdempotencyConflictError, OutcomeUnknownError, PromoCodesError, ValidationError } from '../errors.js';
import type { Layout } from '../host/layout.js';
import { messageOf, SqlState, serverField, sqlStateOf } from '../postgres/sqlstate.js';
import { toDate, toPromoCodeUse } from './promo-code-use.js';
import type { Attempted, Settled } from './redeem.js';
import { type RefusalReason, refusal } from './results.js';

/** What the server answers of a request or of a use: the columns of `redeem_promo_codes_in_order`, all of them text. */
export type AnswerRow = [
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

/** The rows of an answer, by request. */
export class Answer {
  readonly #rows: AnswerRow[];
  #byPlace: Map<number, AnswerRow> | undefined;
  #byId: Map<string, AnswerRow> | undefined;
  /** Of codes, by their ids. */
  readonly #campaigns = new Map<string, string>();

  constructor(json: string) {
    this.#rows = JSON.parse(json);
    // They come last, and as a rule there are none.
    for (let row = this.#rows.at(-1); row?.[1] === 'campaign'; row = this.#rows.at(-1)) {
      for (const codeId of JSON.parse(row[2])) this.#campaigns.set(codeId, row[3]!);
      this.#rows.pop();
    }
  }

  /** The campaign of the code that this answers; `null` where that is in none, `undefined` where there is no such code. */
  campaignOf([, , , codeId]: AnswerRow): string | null | undefined {
    return codeId === null ? undefined : (this.#campaigns.get(codeId) ?? null);
  }

  of({ useId }: Attempted, place: number): AnswerRow | undefined {
    // As a rule every request made a use, and they stand in its order.
    const row = this.#rows[place];
    if (row !== undefined && row[0] === null && row[2] === useId) return row;
    if (!this.#byPlace || !this.#byId) {
      this.#byPlace = new Map();
      this.#byId = new Map();
      for (const other of this.#rows) {
        // A use that was made answers the request with its id.
        if (other[0] === null) this.#byId.set(other[2], other);
        else this.#byPlace.set(Number(other[0]) - 1, other);
      }
    }
    return this.#byPlace.get(place) ?? this.#byId.get(useId!);
  }
}

/** The server names the columns of a violated constraint in any language as `(id)=(7)`; a partition has a name of its own. */
export function isIdInUse(error: unknown, { uses }: Layout): boolean {
  const [, columns = ''] = /\(([^()]*)\)=\(/.exec(serverField(error, 'detail') ?? '') ?? [];
  return (
    sqlStateOf(error) === SqlState.uniqueViolation &&
    columns.split(', ').some((name) => name.replace(/^"(.*)"$/, '$1') === uses.columns.id)
  );
}

export function toSettled(
  { uniformRefusals }: { uniformRefusals: boolean },
  row: AnswerRow,
  { request, useId }: Attempted,
): Settled {
  const [, outcome, id, code, customer, shop, transaction, base, bonus, total, used, expires] = row;
  switch (outcome) {
    case 'redeemed':
    case 'found':
      return {
        ok: true,
        use: toPromoCodeUse({ use: id, code: code!, customer, shop, transaction, base, bonus, total, used }),
        // A use under this call's own id was made by an earlier attempt of this same call.
        replayed: outcome === 'found' && id !== useId,
        ...(expires !== null && { expiresAt: toDate(expires) }),
      };
    case 'key_conflict':
      return conflict(undefined, request.idempotencyKey);
    case 'uncertain':
      return uncertain(useId);
    default:
      return refusal(outcome as RefusalReason, code ?? undefined, uniformRefusals);
  }
}

/** Ids come again, and a trigger of the host may change what was sent: a use like that is not shown, and none is added to it. */
function uncertain(useId: string | undefined): OutcomeUnknownError {
  return new OutcomeUnknownError(
    `The connection broke. There is a use ${useId} of this code now, of another customer: whether this call recorded it ` +
      'cannot be known.',
  );
}

/** What a trigger of the host gave another id looks like what it kept out. */
export function unanswered({ useId }: Attempted): PromoCodesError {
  return new PromoCodesError('DATABASE_ERROR', `The server recorded no use with the id ${useId} that it was given.`);
}

export function tooLarge(cause: unknown): ValidationError {
  const message = `is too large: with the bonus it does not fit the columns (${messageOf(cause)})`;
  return new ValidationError([{ path: 'baseReward', message }], { sqlState: SqlState.numberTooLarge, cause });
}

/** What a column of the host does not read as a value of its type. */
export function wrongColumns(cause: unknown): ValidationError {
  const message = `must hold values of the types of these columns (${messageOf(cause)})`;
  return new ValidationError([{ path: 'columns', message }], { sqlState: sqlStateOf(cause), cause });
}

export function conflict(cause: unknown, key?: string): IdempotencyConflictError {
  return new IdempotencyConflictError(
    key === undefined
      ? `${messageOf(cause)}. Nothing of the batch was recorded.`
      : `The idempotency key ${JSON.stringify(key)} was used before in this shop with other parameters. Nothing was recorded.`,
    cause === undefined ? {} : { sqlState: sqlStateOf(cause), cause },
  );
}

/**
 * Says which request of many an error is about, where the server shows the row: by the id that the row was to have and its
 * customer.
 */
export function ofRequest(error: PromoCodesError, entries: readonly Attempted[]): PromoCodesError {
  const detail = serverField(error, 'detail') ?? '';
  const [, id] = /\(([^,()]+), /.exec(detail) ?? [];
  const index = entries.findIndex(({ useId }) => useId === id);
  // The server cuts long values.
  const customer = entries[index]?.request.customerAddress.trim().slice(0, 20);
  if (entries.length < 2 || customer === undefined || !detail.toLowerCase().includes(customer.toLowerCase())) {
    return error;
  }
  const details = { sqlState: error.sqlState, cause: error.cause };
  if (!(error instanceof ValidationError)) {
    return new PromoCodesError(error.code, `requests[${index}]: ${error.message}`, details);
  }
  const issues = error.issues.map((issue) => ({ ...issue, path: `requests[${index}].${issue.path}` }));
  return new ValidationError(issues, details);
}

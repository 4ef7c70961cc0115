import { BudgetExhaustedError, HoldExpiredError, IdempotencyConflictError, NotFoundError } from '../errors.js';
import { withRules } from '../host/rules.js';
import { ReadOnlyServer } from '../postgres/faults.js';
import type { Host } from '../redemption/host.js';
import { epochOf } from '../redemption/moments.js';
import {
  type PromoCodeUse,
  toPromoCodeUse,
  USE_ANSWER,
  type UseRow,
  useColumns,
} from '../redemption/promo-code-use.js';
import { type Guarded, inShop, ofShop } from './codes.js';
import type { Call } from './context.js';
import { type Mark, type Page, requireMark, toPage } from './cursor.js';

/**
 * The id of a use ($1), or NULL where it is of another shop: then the functions find none and write nothing. A use is of the
 * shop of its code; one that is gone (a hold whose time ran out) of that of the code that it was of.
 */
function guardedUse(call: Call, { shopId }: Guarded, values: unknown[]): string {
  const id = '$1:::use_id_type';
  if (shopId === undefined) return id;
  return `(SELECT ${id} FROM :"codes" AS c
    WHERE c.:"code_id" = coalesce(
            (SELECT u.:"promo_code_id" FROM :"uses" AS u WHERE u.:"use_id" = ${id}),
            (SELECT h.promo_code_id FROM :"library".promo_code_holds AS h WHERE h.use_id = ${id}))${ofShop(call, shopId, values)})`;
}

/** What `rollbackUse` did. */
export interface RollbackReport {
  /** Whether there was such a use. */
  rolledBack: boolean;
}

/** What `releaseExpired` did. */
export interface ReleaseReport {
  /** How many holds were released. */
  released: number;
  /** Whether more holds are due than the limit let be released. */
  remaining: boolean;
}

/** What `pruneIdempotencyKeys` did. */
export interface PruneReport {
  /** How many keys were forgotten. */
  pruned: number;
}

export async function rollbackUse(
  call: Call,
  use: Guarded,
  { reason = null, actor = null }: { reason?: string | null | undefined; actor?: string | null | undefined },
): Promise<RollbackReport> {
  const values: unknown[] = [use.id, reason, actor];
  const statement = `SELECT :"library".rollback_promo_code_use(
      ${guardedUse(call, use, values)}, $2::text, $3::text)::text AS found,
    current_setting('transaction_read_only'::text) AS readonly`;
  return call.write(async (db) => {
    const { rows } = await db.query(call.sql(statement), values);
    const rolledBack = rows[0]?.found === 'true';
    if (!rolledBack && rows[0]?.readonly === 'on') throw new ReadOnlyServer();
    return { rolledBack };
  });
}

/** `undefined`: unchanged. */
export interface Amendment {
  baseReward?: string | undefined;
  bonusAmount?: string | undefined;
  transactionId?: string | null | undefined;
}

export async function amendUse(call: Call, use: Guarded, changes: Amendment): Promise<PromoCodeUse> {
  const values: unknown[] = [use.id, JSON.stringify(changes)];
  const statement = `SELECT ${USE_ANSWER}
    FROM :"library".amend_promo_code_use(${guardedUse(call, use, values)}, $2::text::jsonb)`;
  const { rows } = await call.write((db) => db.query(call.sql(statement), values));
  const answer: UseRow | undefined = rows[0];
  if (!answer) throw unknownUse(use);
  if (answer.use === null) {
    throw new BudgetExhaustedError(
      `The bonus of the use ${use.id} can be at most ${answer.bonus} within the budget of the promo code ${answer.code} and of its campaign. ` +
        'Nothing was changed.',
    );
  }
  return toPromoCodeUse(answer);
}

export async function confirmUse(call: Call, use: Guarded, transactionId: string | undefined): Promise<PromoCodeUse> {
  const { id } = use;
  const values: unknown[] = [id, transactionId ?? null];
  const statement = `SELECT outcome, ${USE_ANSWER}
    FROM :"library".confirm_promo_code_use(${guardedUse(call, use, values)}, $2::text)`;
  const { rows } = await call.write((db) => db.query(call.sql(statement), values));
  const answer: (UseRow & { outcome: string }) | undefined = rows[0];
  switch (answer?.outcome) {
    case 'confirmed':
      return toPromoCodeUse(answer);
    case 'conflict': {
      const { transaction } = answer;
      const other =
        transaction === null ? 'without a transactionId' : `for transactionId ${JSON.stringify(transaction)}`;
      throw new IdempotencyConflictError(`The use ${id} is confirmed already, ${other}. Nothing was changed.`);
    }
    case 'expired':
      throw new HoldExpiredError('expired', `The hold ${id} was not confirmed in time. Redeem the code again.`);
    case 'replaced':
      throw new HoldExpiredError(
        'replaced',
        `The hold ${id} gave way to another redemption of the same code by the same customer.`,
      );
    default:
      throw unknownUse(use);
  }
}

export async function releaseExpired(call: Call, limit: number): Promise<ReleaseReport> {
  const statement = `SELECT r.released::text AS released, r.remaining::text AS remaining
    FROM :"library".release_due_promo_code_holds($1::integer) AS r`;
  const { rows } = await call.run((db) => db.query(call.sql(statement), [limit]));
  return { released: Number(rows[0]?.released), remaining: rows[0]?.remaining === 'true' };
}

export async function pruneIdempotencyKeys(call: Call, olderThanDays: number, limit: number): Promise<PruneReport> {
  // Counted by the statement itself: not every library says how many rows were deleted.
  const statement = call.sql(`WITH pruned AS (
    DELETE FROM :"library".promo_code_idempotency_keys AS k USING (
      SELECT o.shop_id, o.idempotency_key FROM :"library".promo_code_idempotency_keys AS o
       WHERE o.created_at <= now() - pg_catalog.make_interval(days => $1::integer)
       ORDER BY o.created_at LIMIT $2::integer
    ) AS old
    WHERE k.shop_id = old.shop_id AND k.idempotency_key = old.idempotency_key RETURNING 1
    ), answers AS (
    -- Those of keys that were forgotten, and not those of keys that the limit has left.
    DELETE FROM :"library".promo_code_archived_uses AS v
     WHERE v.use_id = ANY (ARRAY(
             SELECT o.use_id FROM :"library".promo_code_archived_uses AS o
              WHERE o.used_at < least(now() - pg_catalog.make_interval(days => $1::integer), (
                      SELECT e.created_at FROM :"library".promo_code_idempotency_keys AS e
                       ORDER BY e.created_at OFFSET $2::integer LIMIT 1))
              ORDER BY o.used_at LIMIT $2::integer))
    ) SELECT count(*)::text AS pruned FROM pruned`);
  const { rows } = await call.run((db) => db.query(statement, [olderThanDays, limit]));
  return { pruned: Number(rows[0]?.pruned) };
}

interface UsePage {
  limit: number;
  cursor?: Mark | null | undefined;
}

/** Seconds, to the microsecond and in any session. */
const timeOf = (host: Host) => `${epochOf(host, 'uses', 'usedAt')}::numeric`;
/** What has no time is the oldest. */
const NEWEST_FIRST = 'ORDER BY u.:"used_at" DESC NULLS LAST, u.:"use_id" DESC LIMIT $4::integer';
/** Uses that were not taken back, on the page that is asked for. */
const onPage = (host: Host) => `${COUNTS} AND ($2:::use_id_type IS NULL OR CASE
  WHEN $3::numeric IS NULL THEN u.:"used_at" IS NULL AND u.:"use_id" < $2
  ELSE u.:"used_at" IS NULL OR (${timeOf(host)}, u.:"use_id") < ($3, $2) END)`;
const COUNTS = withRules(':counts(u)');
const IS_OF_CUSTOMER = withRules(':customer(u) = :asked_customer($1::text)');

/**
 * Looks into the uses of each code for those of the customer: the index leads with the code, so the work grows with the
 * number of codes and not with the number of uses.
 */
export async function usesByCustomer(
  call: Call,
  customerAddress: string,
  shopId: string | undefined,
  page: UsePage,
): Promise<Page<PromoCodeUse>> {
  if (!call.host.canWrite(customerAddress)) return { items: [], nextCursor: null };
  return pageOfUses(
    call,
    { of: customerAddress, shopId },
    page,
    (isOfShop) => `:"codes" AS c
     CROSS JOIN LATERAL (
             SELECT * FROM :"uses" AS u
              WHERE u.:"promo_code_id" = c.:"code_id" AND ${IS_OF_CUSTOMER} AND ${onPage(call.host)}
              ${NEWEST_FIRST}
           ) AS u
     WHERE true${isOfShop}`,
  );
}

export function usesByCode(call: Call, { id, shopId }: Guarded, page: UsePage): Promise<Page<PromoCodeUse>> {
  const guard = (isOfShop: string) =>
    isOfShop && ` AND EXISTS (SELECT FROM :"codes" AS c WHERE c.:"code_id" = $1:::code_id_type${isOfShop})`;
  return pageOfUses(
    call,
    { of: id, shopId },
    page,
    (isOfShop) => `(
             SELECT * FROM :"uses" AS u
              WHERE u.:"promo_code_id" = $1:::code_id_type AND ${onPage(call.host)}${guard(isOfShop)}
              ${NEWEST_FIRST}
           ) AS u`,
  );
}

/** @param found where the uses are, under the condition that a code `c` is of the shop */
async function pageOfUses(
  call: Call,
  { of, shopId }: { of: string; shopId: string | undefined },
  { limit, cursor }: UsePage,
  found: (isOfShop: string) => string,
): Promise<Page<PromoCodeUse>> {
  const { host } = call;
  const values: unknown[] = [of, cursor ? requireMark(host, 'uses', cursor.id) : null, cursor?.at ?? null, limit + 1];
  const statement = `SELECT ${useColumns(host)}, coalesce(${timeOf(host)}::text, 'none') AS mark
    FROM ${found(ofShop(call, shopId, values))} ${NEWEST_FIRST}`;
  const { rows } = await call.read((db) => db.query(call.sql(statement), values));
  const marks = new Map(rows.map(({ use, mark }) => [use, mark]));
  return toPage(
    rows.map((row: UseRow) => toPromoCodeUse(row)),
    limit,
    ({ id }) => `at:${marks.get(id)}`,
  );
}

/** The same for a use that is not there and for one of another shop. */
function unknownUse({ id, shopId }: Guarded): NotFoundError {
  return new NotFoundError(`There is no use with the id ${id}${inShop(shopId)}: it never was, or it was rolled back.`);
}

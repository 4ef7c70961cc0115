import pg from 'pg';
import { defaultLibrarySchema } from '../../src/host/library-schema.js';

/** A code as it is in the end; amounts as text. */
export interface CodeRow {
  id: string;
  code: string;
  shop: string;
  /** The call that changed it last. */
  name: string | null;
  bonusType: string;
  bonusValue: string;
  maxBonus: string | null;
  isActive: boolean;
}

/** A use as it is in the end. */
export interface UseRow {
  id: string;
  codeId: string;
  customer: string;
  shop: string;
  transaction: string | null;
  base: string;
  bonus: string;
  total: string;
}

export interface HoldRow {
  useId: string;
  codeId: string;
  customer: string;
  /** Milliseconds since 1970. */
  expiresAt: number;
  releasedAt: number | null;
  releasedAs: string | null;
}

interface KeyRow {
  shop: string;
  key: string;
  useId: string;
}

/** What a run left in the tables. */
export interface Rows {
  /** The server's clock, milliseconds since 1970. */
  now: number;
  codes: CodeRow[];
  uses: UseRow[];
  holds: HoldRow[];
  keys: KeyRow[];
}

const MS = (column: string) => `(extract(epoch FROM ${column}) * 1000)::float8`;

/** Reads the tables; those of the library only where it is installed. */
export async function readRows(client: pg.ClientBase, schema: string): Promise<Rows> {
  const table = (name: string) => `${pg.escapeIdentifier(schema)}.${name}`;
  const all = async <Row extends object>(text: string) => (await client.query<Row>(text)).rows;
  const library = pg.escapeIdentifier(defaultLibrarySchema(schema));
  const own = async <Row extends object>(name: string, textOf: (table: string) => string) => {
    const found = `${library}.${name}`;
    const { rows } = await client.query<{ oid: string | null }>('SELECT to_regclass($1)::text AS oid', [found]);
    return rows[0]?.oid == null ? [] : all<Row>(textOf(found));
  };
  return {
    now: (await all<{ now: number }>(`SELECT ${MS('clock_timestamp()')} AS now`))[0]!.now,
    codes: await all<CodeRow>(
      `SELECT id::text, code, shop_id AS shop, name, bonus_type AS "bonusType", bonus_value::text AS "bonusValue",
              max_bonus::text AS "maxBonus", is_active AS "isActive" FROM ${table('promo_codes')}`,
    ),
    uses: await all<UseRow>(
      `SELECT id::text, promo_code_id::text AS "codeId", customer_address AS customer, shop_id AS shop,
              transaction_id AS transaction, base_reward::text AS base, bonus_amount::text AS bonus,
              total_reward::text AS total FROM ${table('promo_code_uses')}`,
    ),
    holds: await own<HoldRow>(
      'promo_code_holds',
      (holds) => `SELECT use_id::text AS "useId", promo_code_id::text AS "codeId", customer_address AS customer,
              ${MS('expires_at')} AS "expiresAt", ${MS('released_at')} AS "releasedAt", released_as AS "releasedAs"
         FROM ${holds}
        -- What was rolled back or refused leaves a row as well, which was no hold.
        WHERE released_as IS NULL OR released_as IN ('expired', 'replaced')`,
    ),
    keys: await own<KeyRow>(
      'promo_code_idempotency_keys',
      (keys) => `SELECT shop_id AS shop, idempotency_key AS key, use_id::text AS "useId" FROM ${keys}`,
    ),
  };
}

/** A counter that is not what the rows say, or a limit that was passed, at one moment. */
export interface Breach {
  rule: 'drift' | 'limit_exceeded';
  code: string;
  detail: string;
}

/** One statement, hence one snapshot: exact while others write. */
export async function findBreaches(client: pg.ClientBase, schema: string): Promise<Breach[]> {
  const codes = `${pg.escapeIdentifier(schema)}.promo_codes`;
  const uses = `${pg.escapeIdentifier(schema)}.promo_code_uses`;
  const { rows } = await client.query<Breach>(`
    WITH of_customer AS MATERIALIZED (
      SELECT promo_code_id AS code, lower(btrim(customer_address)) AS customer, count(*) AS uses, sum(bonus_amount) AS bonus
        FROM ${uses} GROUP BY 1, 2
    ), of_code AS (
      SELECT code, sum(uses) AS uses, sum(bonus) AS bonus FROM of_customer GROUP BY 1
    ), counted AS (
      SELECT c.*, coalesce(u.uses, 0) AS uses, coalesce(u.bonus, 0) AS bonus
        FROM ${codes} AS c LEFT JOIN of_code AS u ON u.code = c.id
    )
    SELECT 'drift' AS rule, code, format('counters %s and %s, rows %s and %s', times_used, total_bonus_issued, uses, bonus) AS detail
      FROM counted WHERE times_used IS DISTINCT FROM uses OR total_bonus_issued IS DISTINCT FROM bonus
    UNION ALL
    SELECT 'limit_exceeded', code, format('%s uses, the limit is %s', uses, total_usage_limit)
      FROM counted WHERE uses > total_usage_limit
    UNION ALL
    SELECT 'limit_exceeded', c.code, format('%s uses of %s, the limit for one customer is %s', o.uses, o.customer, c.per_customer_limit)
      FROM of_customer AS o JOIN ${codes} AS c ON c.id = o.code WHERE o.uses > c.per_customer_limit`);
  return rows;
}

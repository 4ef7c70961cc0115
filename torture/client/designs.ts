import pg from 'pg';
import type { Answer, AnsweredUse, Request } from '../log.js';
import type { Pools, Subject } from './subject.js';

/** What applications do without a library: when the connection breaks they try again, and after this often they report it. */
const ATTEMPTS = 3;

interface CodeRow {
  id: string;
  bonus: string;
  total_usage_limit: number | null;
  per_customer_limit: number | null;
  times_used: number;
  is_open: boolean;
}

interface UseRow {
  id: string;
  code_id: string;
  customer: string;
  transaction: string | null;
  base: string;
  bonus: string;
  total: string;
}

/** The statements that both designs are made of. */
class Statements {
  readonly #codes: string;
  readonly #uses: string;

  constructor(schema: string) {
    this.#codes = `${pg.escapeIdentifier(schema)}.promo_codes`;
    this.#uses = `${pg.escapeIdentifier(schema)}.promo_code_uses`;
  }

  /** Reads the code and counts what the customer has used; says why it may not be redeemed. */
  async look(db: pg.Pool | pg.PoolClient, request: Request, lock: '' | 'FOR UPDATE'): Promise<CodeRow | Answer> {
    const { rows } = await db.query<CodeRow>(
      `SELECT id, CASE WHEN bonus_type = 'fixed' THEN bonus_value
                       ELSE least(round($3::numeric * bonus_value / 100, 2), max_bonus) END AS bonus,
              total_usage_limit, per_customer_limit, times_used,
              is_active AND start_date <= now() AND now() <= end_date AS is_open
         FROM ${this.#codes} WHERE shop_id = $1 AND upper(code) = upper($2) ${lock}`,
      [request.shop, request.code, request.base],
    );
    const [code] = rows;
    if (!code) return { ok: false, reason: 'not_found' };
    if (!code.is_open) return { ok: false, reason: 'inactive' };
    if (code.total_usage_limit !== null && code.times_used >= code.total_usage_limit) {
      return { ok: false, reason: 'usage_limit_reached' };
    }
    const { rows: own } = await db.query<{ uses: string }>(
      `SELECT count(*) AS uses FROM ${this.#uses} WHERE promo_code_id = $1 AND lower(btrim(customer_address)) = lower(btrim($2))`,
      [code.id, request.customer],
    );
    if (code.per_customer_limit !== null && Number(own[0]?.uses) >= code.per_customer_limit) {
      return { ok: false, reason: 'customer_limit_reached' };
    }
    return code;
  }

  async record(db: pg.Pool | pg.PoolClient, request: Request, { id, bonus }: CodeRow): Promise<AnsweredUse> {
    const { rows } = await db.query<UseRow>(
      `INSERT INTO ${this.#uses} (promo_code_id, customer_address, shop_id, transaction_id, base_reward, bonus_amount, total_reward)
       VALUES ($1, btrim($2), $3, $4, $5::numeric, $6::numeric, $5::numeric + $6::numeric)
       RETURNING id::text, promo_code_id::text AS code_id, customer_address AS customer, transaction_id AS transaction,
                 base_reward::text AS base, bonus_amount::text AS bonus, total_reward::text AS total`,
      [id, request.customer, request.shop, request.origin, request.base, bonus],
    );
    const { code_id: codeId, ...use } = rows[0]!;
    return { ...use, codeId };
  }

  async remove(db: pg.Pool | pg.PoolClient, useId: string): Promise<{ codeId: string; bonus: string } | undefined> {
    const { rows } = await db.query<{ codeId: string; bonus: string }>(
      `DELETE FROM ${this.#uses} WHERE id = $1 RETURNING promo_code_id::text AS "codeId", bonus_amount::text AS bonus`,
      [useId],
    );
    return rows[0];
  }

  async count(db: pg.Pool | pg.PoolClient, codeId: string, uses: 1 | -1, bonus: string): Promise<void> {
    await db.query(
      `UPDATE ${this.#codes} SET times_used = times_used + $2::integer, updated_at = now(),
              total_bonus_issued = total_bonus_issued + $2::integer * $3::numeric WHERE id = $1`,
      [codeId, uses, bonus],
    );
  }
}

/** The seed's design: BEGIN, SELECT … FOR UPDATE, count, INSERT with a row trigger that counts, COMMIT. */
export function fiveRoundTrips(pools: Pools, schema: string): Subject {
  const statements = new Statements(schema);
  return {
    redeem: ({ requests }) =>
      patiently(() =>
        inTransaction(pools.main, async (client) => {
          const [request] = requests!;
          const code = await statements.look(client, request!, 'FOR UPDATE');
          if ('ok' in code) return { answers: [code] };
          return { answers: [{ ok: true, use: await statements.record(client, request!, code) }] };
        }),
      ),
    rollbackUse: ({ useId }) =>
      patiently(async () => ({ rolledBack: (await statements.remove(pools.main, useId!)) !== undefined })),
  };
}

/** What the seed replaced: no lock, no trigger, and the counters in a statement of their own. */
export function applicationCounters(pools: Pools, schema: string): Subject {
  const statements = new Statements(schema);
  return {
    redeem: ({ requests }) =>
      patiently(async () => {
        const [request] = requests!;
        const code = await statements.look(pools.main, request!, '');
        if ('ok' in code) return { answers: [code] };
        const use = await statements.record(pools.main, request!, code);
        await statements.count(pools.main, use.codeId, 1, use.bonus);
        return { answers: [{ ok: true, use }] };
      }),
    rollbackUse: ({ useId }) =>
      patiently(async () => {
        const removed = await statements.remove(pools.main, useId!);
        if (removed) await statements.count(pools.main, removed.codeId, -1, removed.bonus);
        return { rolledBack: removed !== undefined };
      }),
  };
}

async function patiently<Result>(work: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (attempt === ATTEMPTS || !isConnectionLoss(error)) throw error;
    }
  }
}

function isConnectionLoss(error: unknown): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return /^(08|57P|ECONN|EPIPE)/.test(String(code)) || /connection|timeout/i.test(String(message));
}

async function inTransaction<Result>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    client.release();
    return result;
  } catch (error) {
    client.release(true);
    throw error;
  }
}

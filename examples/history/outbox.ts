import type pg from 'pg';
import type { HistoryRecord, PromoCodeRepository } from 'pg-promo-codes';

/** A table from which others take their work, and the place up to which it is filled. */
export async function createOutbox(pool: pg.Pool, schema: string): Promise<void> {
  await pool.query(`
    CREATE TABLE IF NOT EXISTS ${schema}.outbox (
      record_id bigint PRIMARY KEY, topic text NOT NULL, message jsonb NOT NULL, added_at timestamptz NOT NULL DEFAULT now());
    CREATE TABLE IF NOT EXISTS ${schema}.followers (name text PRIMARY KEY, last_record bigint NOT NULL)`);
}

/** The id of the last record that this follower has dealt with. */
export async function lastRecord(pool: pg.Pool, schema: string, follower: string): Promise<string | null> {
  const { rows } = await pool.query(`SELECT last_record FROM ${schema}.followers WHERE name = $1`, [follower]);
  return rows[0]?.last_record ?? null;
}

async function noteLast(db: pg.Pool | pg.PoolClient, schema: string, follower: string, id: string): Promise<void> {
  await db.query(
    `INSERT INTO ${schema}.followers (name, last_record) VALUES ($1, $2)
     ON CONFLICT (name) DO UPDATE SET last_record = excluded.last_record`,
    [follower, id],
  );
}

/** Message and place in one transaction: a record that comes twice finds its message there. */
export async function fillOutbox(
  pool: pg.Pool,
  schema: string,
  promoCodes: PromoCodeRepository,
  signal: AbortSignal,
): Promise<void> {
  const after = await lastRecord(pool, schema, 'outbox');
  for await (const record of promoCodes.followHistory({ after, signal })) {
    const client = await pool.connect();
    try {
      await client.query('BEGIN');
      await client.query(
        `INSERT INTO ${schema}.outbox (record_id, topic, message) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
        [record.id, `promo-code.${record.kind}`, record],
      );
      await noteLast(client, schema, 'outbox', record.id);
      await client.query('COMMIT');
    } catch (error) {
      await client.query('ROLLBACK').catch(() => undefined);
      throw error;
    } finally {
      client.release();
    }
  }
}

/**
 * Posts each record to a URL, in order. One that is not taken is sent again until it is; a receiver may get a record twice, and
 * knows it by its id.
 */
export async function feedWebhook(
  pool: pg.Pool,
  schema: string,
  promoCodes: PromoCodeRepository,
  url: string,
  signal: AbortSignal,
): Promise<void> {
  const after = await lastRecord(pool, schema, url);
  for await (const record of promoCodes.followHistory({ after, signal })) {
    if (!(await deliver(record, url, signal))) return;
    await noteLast(pool, schema, url, record.id);
  }
}

/** Whether it was taken; otherwise the signal came first. */
async function deliver(record: HistoryRecord, url: string, signal: AbortSignal): Promise<boolean> {
  for (let pauseMs = 100; !signal.aborted; pauseMs = Math.min(2 * pauseMs, 30_000)) {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': record.id },
      body: JSON.stringify(record),
      signal: AbortSignal.any([signal, AbortSignal.timeout(10_000)]),
    }).catch(() => undefined);
    if (answer?.ok) return true;
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, pauseMs);
      signal.addEventListener('abort', () => resolve(clearTimeout(timer)), { once: true });
    });
  }
  return false;
}

import type pg from 'pg';
import { connect, cut, isConnectionLoss } from './connection';

/** Anything with the `query` of node-postgres. */
export type Connection = Pick<pg.Client, 'query'>;

/**
 * The application of the bug report, before the fix: a redemption is one statement for the row and another one for the
 * counters. Whatever comes between the two makes drift; `between` is where the demo lets it come.
 */
export async function redeem(
  db: Connection,
  codeId: number,
  bonus: string,
  between: () => unknown = () => {},
): Promise<void> {
  await recordUse(db, codeId, bonus);
  await between();
  await addToCounters(db, codeId, bonus);
}

export async function recordUse(db: Connection, codeId: number, bonus: string): Promise<void> {
  await db.query(
    `INSERT INTO promo_code_uses (promo_code_id, customer_address, shop_id, base_reward, bonus_amount, total_reward)
     VALUES ($1, $2, 'shop-1', 10, $3::numeric, 10 + $3::numeric)`,
    [codeId, randomCustomer(), bonus],
  );
}

export async function addToCounters(db: Connection, codeId: number, bonus: string): Promise<void> {
  await db.query(
    `UPDATE promo_codes SET times_used = times_used + 1, total_bonus_issued = total_bonus_issued + $2 WHERE id = $1`,
    [codeId, bonus],
  );
}

/** Two requests read the same counters, and each writes back what it has read plus its own: one of them is lost. */
export async function redeemTwiceAtOnce(db: Connection, codeId: number, bonus: string): Promise<void> {
  const readCounters = () =>
    db
      .query('SELECT times_used, total_bonus_issued FROM promo_codes WHERE id = $1', [codeId])
      .then(({ rows }) => rows[0]);
  const writeCounters = (read: { times_used: number; total_bonus_issued: string }) =>
    db.query('UPDATE promo_codes SET times_used = $2::int + 1, total_bonus_issued = $3::numeric + $4 WHERE id = $1', [
      codeId,
      read.times_used,
      read.total_bonus_issued,
      bonus,
    ]);
  const [one, other] = await Promise.all([readCounters(), readCounters()]);
  await Promise.all([recordUse(db, codeId, bonus), recordUse(db, codeId, bonus)]);
  await Promise.all([writeCounters(one), writeCounters(other)]);
}

/** A process that dies between the two statements. */
export async function redeemAndCrash(url: string, codeId: number, bonus: string): Promise<void> {
  const client = await connect(url, 'old application');
  await redeem(client, codeId, bonus, () => cut(client)).catch((error: unknown) => {
    if (!isConnectionLoss(error)) throw error;
  });
}

export function randomBonus(): string {
  return `${Math.floor(Math.random() * 25)}.${Math.floor(Math.random() * 10)}0`;
}

export function randomCustomer(): string {
  const number = Math.floor(Math.random() * 500);
  return `0x${number.toString(16).padStart(40, '0')}`;
}

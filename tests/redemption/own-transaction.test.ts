import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import { LockTimeoutError, PromoCodeRepository, RetryableTransactionError } from '../../src/index';
import { intercepted } from '../support/intercepted';
import { useRepository, waitingRedemption } from '../support/repository';

const t = useRepository('own transaction');
const { newCode, request, counts, schema } = t;

function poolWith(settings: string): pg.Pool {
  return t.poolWith({ options: settings, max: 5 });
}

it('a redemption is one round trip', async () => {
  const statements: string[] = [];
  const counting = intercepted(t.pool, (text, values, send) => {
    statements.push(text);
    return send(text, values);
  });
  const repository = new PromoCodeRepository(counting, { schema });
  const code = await newCode({ perCustomerLimit: null });
  await repository.redeem(request(code));
  const isReservation = (text: string) => text.includes('reserve_promo_code_use_ids');
  statements.length = 0;
  for (let time = 0; time < 50; time += 1) await repository.redeem(request(code));
  await repository.redeemMany(Array.from({ length: 40 }, () => request(code)));
  expect(statements.filter((text) => !isReservation(text))).toHaveLength(51);
  // Ids are fetched ahead, in blocks that nobody waits for.
  expect(statements.length).toBeLessThanOrEqual(53);
});

it.each(['repeatable read', 'serializable'])(
  'on a database whose default is %s, it is READ COMMITTED all the same',
  async (isolation) => {
    const pool = poolWith(`-c default_transaction_isolation=${isolation.replace(' ', '\\ ')}`);
    const repository = new PromoCodeRepository(pool, { schema });
    const code = await newCode({ totalUsageLimit: 10 });
    const results = await Promise.all(Array.from({ length: 30 }, () => repository.redeem(request(code))));
    expect(results.filter(({ ok }) => ok)).toHaveLength(10);
    expect(await counts(code)).toMatchObject({ timesUsed: 10, uses: 10 });
  },
);

describe('a lock that is held', () => {
  it('is waited for no longer than lockTimeoutMs, and nothing is recorded', async () => {
    const code = await newCode();
    const holder = await t.client();
    await holder.query('BEGIN');
    await holder.query(t.expand('SELECT FROM :"schema".promo_codes WHERE id = $1 FOR UPDATE'), [code.id]);
    const impatient = new PromoCodeRepository(t.pool, { schema, lockTimeoutMs: 50 });
    await expect(impatient.redeem(request(code))).rejects.toBeInstanceOf(LockTimeoutError);
    await holder.query('COMMIT');
    expect(await counts(code)).toMatchObject({ timesUsed: 0, uses: 0 });
    expect(await impatient.redeem(request(code))).toMatchObject({ ok: true });
  });

  it('shows what its holder has changed: a code that is switched off while a redemption waits is not used', async () => {
    const code = await newCode();
    const holder = await t.client();
    await holder.query('BEGIN');
    await t.repository.deactivate(code.id, { client: holder });
    const redeeming = t.repository.redeem(request(code));
    await waitingRedemption(t);
    await holder.query('COMMIT');
    expect(await redeeming).toMatchObject({ ok: false, reason: 'inactive' });
    expect(await counts(code)).toMatchObject({ timesUsed: 0, uses: 0 });
  });

  it('by the customer’s other purchase counts: the limit is not let through twice', async () => {
    const code = await newCode();
    const holder = await t.client();
    await holder.query('BEGIN');
    const asked = request(code);
    expect(await t.repository.redeem(asked, { client: holder })).toMatchObject({ ok: true });
    const redeeming = t.repository.redeem(asked);
    await waitingRedemption(t);
    await holder.query('COMMIT');
    expect(await redeeming).toMatchObject({ ok: false, reason: 'customer_limit_reached' });
  });
});

describe('a deadlock', () => {
  async function provoke(work: (codes: Awaited<ReturnType<typeof newCode>>[]) => Promise<unknown>): Promise<unknown> {
    const codes = [await newCode(), await newCode()];
    const other = await t.client();
    await other.query(`BEGIN; SET LOCAL deadlock_timeout = '60s'`);
    const lock = t.expand('SELECT FROM :"schema".promo_codes WHERE id = $1 FOR NO KEY UPDATE');
    await other.query(lock, [codes[1]!.id]);
    const working = work(codes).catch((error: unknown) => error);
    await waitingRedemption(t);
    await other.query(lock, [codes[0]!.id]);
    await other.query('COMMIT');
    return working;
  }

  it('in a transaction of the library is got over', async () => {
    const results = await provoke((codes) => t.repository.redeemMany(codes.map((code) => request(code))));
    expect(results).toMatchObject([{ ok: true }, { ok: true }]);
  });

  it('in a transaction of the host is told', async () => {
    const client = await t.client();
    await client.query('BEGIN');
    const error = await provoke((codes) =>
      t.repository.redeemMany(
        codes.map((code) => request(code)),
        { client },
      ),
    );
    expect(error).toBeInstanceOf(RetryableTransactionError);
    expect(error).toMatchObject({ sqlState: '40P01' });
    await client.query('ROLLBACK');
  });
});

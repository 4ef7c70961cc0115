import postgres from 'postgres';
import { afterAll, expect, it } from 'vitest';
import { fromPostgresJs, poolFromPostgresJs } from '../../src/adapters/index';
import {
  assertNoDrift,
  checkDrift,
  inspectTriggers,
  installSchema,
  PromoCodeRepository,
  repairDrift,
  streamDrift,
} from '../../src/index';
import { endBackend, waitUntilBlocked } from '../support';
import { useRepository } from '../support/repository';

const t = useRepository('postgres js pool');
const { schema, newCode, request, counts } = t;
const sql = postgres(t.url, { max: 4, transform: postgres.camel, onnotice: () => {} });
const pool = poolFromPostgresJs(sql);
const repository = new PromoCodeRepository(pool, { schema });
// postgres.js waits for ever for a connection that the server has ended.
afterAll(() => sql.end({ timeout: 1 }));

it('is one pool, however often it is asked for', () => {
  expect(poolFromPostgresJs(sql)).toBe(pool);
});

it('many redeem at once, to the limit, each once', async () => {
  const code = await newCode({ totalUsageLimit: 60 });
  const results = await Promise.all(
    Array.from({ length: 100 }, (_, place) => repository.redeem(request(code, { idempotencyKey: `many ${place}` }))),
  );
  expect(results.filter(({ ok }) => ok)).toHaveLength(60);
  expect(await counts(code)).toMatchObject({ timesUsed: 60, uses: 60 });
});

it('codes, holds, pages, statistics', async () => {
  const code = await repository.create({ code: 'POOL', shopId: 'p', bonusValue: '2.5', totalUsageLimit: 9 });
  expect(await repository.findById(code.id)).toEqual(code);
  expect(await repository.update(code.id, { name: 'new', perCustomerLimit: null })).toMatchObject({ name: 'new' });
  const held = await repository.reserve({ ...request(code), ttlSeconds: 60 });
  if (!held.ok) throw new Error(held.reason);
  expect(await repository.confirm(held.use.id, { transactionId: 'x' })).toMatchObject({ transactionId: 'x' });
  expect(await repository.amendUse(held.use.id, { bonusAmount: '3' })).toMatchObject({ totalReward: '13.00' });
  expect((await repository.list({ shopId: 'p' })).items).toMatchObject([{ timesUsed: 1, totalBonusIssued: '3.00' }]);
  expect((await repository.usesByCode(code.id)).items).toMatchObject([{ id: held.use.id, bonusAmount: '3.00' }]);
  expect(await repository.usageStats(code.id, { days: 1 })).toMatchObject({ perDay: [{ uses: 1, bonus: '3.00' }] });
  expect(await repository.rollbackUse(held.use.id)).toEqual({ rolledBack: true });
  expect(await repository.delete(code.id)).toMatchObject({ id: code.id });
});

it('installs, checks and repairs', async () => {
  expect(await installSchema(pool, { schema })).toMatchObject({ changed: false });
  expect(await inspectTriggers(pool, { schema })).toMatchObject({ ok: true });
  const code = await newCode();
  await repository.redeem(request(code));
  await t.sql(`ALTER TABLE :"schema".promo_code_uses DISABLE TRIGGER USER;
               DELETE FROM :"schema".promo_code_uses WHERE promo_code_id = ${code.id};
               ALTER TABLE :"schema".promo_code_uses ENABLE TRIGGER USER`);
  const drifted = { promoCodeId: code.id, shopId: 'shop', timesUsed: 1, actualUses: 0, totalBonusIssued: '5.00' };
  expect(await checkDrift(pool, { schema })).toMatchObject([drifted]);
  const streamed = [];
  for await (const record of streamDrift(pool, { schema })) streamed.push(record);
  expect(streamed).toMatchObject([drifted]);
  expect(await repairDrift(pool, { schema })).toMatchObject([drifted]);
  await assertNoDrift(pool, { schema });
});

it('the limiter counts, and does not wait for a connection inside of a transaction', async () => {
  const one = postgres(t.url, { max: 1, onnotice: () => {} });
  const limited = new PromoCodeRepository(poolFromPostgresJs(one), { schema, rateLimit: { failures: 2 } });
  const code = await newCode();
  await limited.validate(request(code), { rateLimitKey: 'other' });
  await one.begin(async (tx) => {
    const guess = () =>
      limited.redeem({ ...request(code), code: 'GUESS' }, { client: fromPostgresJs(tx), rateLimitKey: 'guesser' });
    expect([await guess(), await guess()]).toMatchObject([{ ok: false }, { ok: false }]);
    await expect(guess()).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  });
  await limited.close();
  const later = new PromoCodeRepository(poolFromPostgresJs(one), { schema, rateLimit: { failures: 2 } });
  await expect(later.validate(request(code), { rateLimitKey: 'guesser' })).rejects.toMatchObject({
    code: 'RATE_LIMITED',
  });
  await one.end();
});

it('a connection that breaks under a redemption is replaced, and the use is made once', async () => {
  const code = await newCode();
  const holder = await t.client();
  await holder.query(t.expand(`BEGIN; SELECT FROM :"schema".promo_codes WHERE id = ${code.id} FOR UPDATE`));
  const redeemed = repository.redeem(request(code));
  for (const _ of [1, 2]) {
    const { rows } = await t.sql<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = current_setting('application_name')`,
    );
    if (rows[0]) await endBackend(t.pool, rows[0].pid);
    else await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await holder.query('ROLLBACK');
  expect(await redeemed).toMatchObject({ ok: true });
  expect(await counts(code)).toMatchObject({ timesUsed: 1, uses: 1 });
  const after = await Promise.all(Array.from({ length: 12 }, async () => repository.redeem(request(code))));
  expect(after.every(({ ok }) => ok)).toBe(true);
});

it('a connection in doubt goes back when the server has answered, without its transaction', async () => {
  const one = postgres(t.url, { max: 1, onnotice: () => {} });
  const own = poolFromPostgresJs(one);
  const code = await newCode();
  const holder = await t.client();
  await holder.query(t.expand(`BEGIN; SELECT FROM :"schema".promo_codes WHERE id = ${code.id} FOR UPDATE`));
  const connection = await own.connect();
  await connection.query('BEGIN');
  const { rows } = await connection.query('SELECT pg_backend_pid() AS pid');
  const waiting = connection.query(t.expand(`UPDATE :"schema".promo_codes SET name = 'late' WHERE id = ${code.id}`));
  await waitUntilBlocked(t.pool, Number(rows[0].pid));
  connection.release(true);
  const next = own.query(t.expand(`SELECT name FROM :"schema".promo_codes WHERE id = ${code.id}`));
  await holder.query('ROLLBACK');
  await waiting;
  expect((await next).rows).toEqual([{ name: null }]);
  await one.end();
});

it('where nobody listens it says so, and after end() that it is closed', async () => {
  const nowhere = postgres('postgres://someone@127.0.0.1:1/shop', { max: 1, connect_timeout: 1 });
  const unreached = new PromoCodeRepository(poolFromPostgresJs(nowhere), { schema, retry: { attempts: 2 } });
  await expect(unreached.list()).rejects.toMatchObject({ code: 'CONNECTION_FAILED' });
  await expect(checkDrift(poolFromPostgresJs(nowhere), { schema })).rejects.toMatchObject({
    code: 'CONNECTION_FAILED',
  });
  await nowhere.end();
  await expect(unreached.list()).rejects.toMatchObject({ code: 'CLOSED' });
});

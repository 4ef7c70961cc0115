import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import { assertNoDrift, installTriggers, type PromoCode, PromoCodeRepository } from '../../src/index';
import { useSchema, waitUntilBlocked } from '../support';
import { SEED_TABLES } from '../support/host-tables';
import { useRepository } from '../support/repository';

const t = useRepository('locks');
const { repository, newCode, request, schema } = t;

/** A client of its own, in a transaction that holds the code. */
async function holding(code: PromoCode, strength = 'FOR NO KEY UPDATE') {
  const client = await t.client();
  await client.query('BEGIN');
  await client.query(t.expand(`SELECT FROM :"schema".promo_codes WHERE id = $1 ${strength}`), [code.id]);
  return client;
}
const isFree = (table: string, id: string) =>
  t.sql(`SELECT FROM :"schema".${table} WHERE id = $1 FOR UPDATE NOWAIT`, [id]).then(
    () => true,
    (error: { code?: string }) => {
      if (error.code === '55P03') return false;
      throw error;
    },
  );
const used = async (code: PromoCode) => {
  const result = await repository.redeem(request(code));
  if (!result.ok) throw new Error(result.reason);
  return result.use.id;
};

describe('while somebody holds the code', () => {
  it.each<[string, (client: pg.Client, id: string) => Promise<unknown>]>([
    ['rollbackUse', (client, id) => repository.rollbackUse(id, { client })],
    ['amendUse', (client, id) => repository.amendUse(id, { baseReward: 11 }, { client })],
  ])('%s waits, and does not hold the use yet', async (_, work) => {
    const code = await newCode({ perCustomerLimit: null });
    const id = await used(code);
    const holder = await holding(code);
    const waiter = await t.client();
    const done = work(waiter, id);
    await waitUntilBlocked(t.pool, waiter);
    expect(await isFree('promo_code_uses', id)).toBe(true);
    await holder.query('COMMIT');
    await done;
    await assertNoDrift(t.pool, { schema });
  });

  it('a batch waits for the lower id before it holds the higher, in whatever order the requests come', async () => {
    const [lower, higher] = [await newCode(), await newCode()];
    const holder = await holding(lower);
    const waiter = await t.client();
    const done = repository.redeemMany([request(higher), request(lower)], { client: waiter });
    await waitUntilBlocked(t.pool, waiter);
    expect(await isFree('promo_codes', higher.id)).toBe(true);
    await holder.query('COMMIT');
    expect(await done).toMatchObject([{ ok: true }, { ok: true }]);
  });

  it('so does one that goes in order', async () => {
    const [lower, higher] = [await newCode(), await newCode({ isActive: false })];
    const holder = await holding(lower);
    const waiter = await t.client();
    const done = repository.redeemMany([request(higher), request(lower)], { client: waiter });
    await waitUntilBlocked(t.pool, waiter);
    expect(await isFree('promo_codes', higher.id)).toBe(true);
    await holder.query('COMMIT');
    expect(await done).toMatchObject([{ reason: 'inactive' }, { ok: true }]);
  });

  it('for a foreign key, redemptions go on', async () => {
    const code = await newCode({ perCustomerLimit: null });
    const holder = await holding(code, 'FOR KEY SHARE');
    expect(await repository.redeem(request(code))).toMatchObject({ ok: true });
    expect(await repository.redeemMany([request(code), request(code)])).toMatchObject([{ ok: true }, { ok: true }]);
    await holder.query('COMMIT');
  });
});

it('a use that is being confirmed stays, and the redemption beside it is refused', async () => {
  const code = await newCode({ perCustomerLimit: 1 });
  const asked = request(code);
  const held = await repository.reserve({ ...asked, ttlSeconds: 60 });
  if (!held.ok) throw new Error(held.reason);
  const [confirming, redeeming] = [await t.client(), await t.client()];
  await confirming.query('BEGIN');
  await repository.confirm(held.use.id, { client: confirming });
  const beside = repository.redeem(asked, { client: redeeming });
  await waitUntilBlocked(t.pool, redeeming);
  await confirming.query('COMMIT');
  expect(await beside).toMatchObject({ ok: false, reason: 'customer_limit_reached' });
  expect(await t.counts(code)).toMatchObject({ timesUsed: 1, uses: 1 });
});

it('two orders that confirm one hold at once: one is told that the other has it', async () => {
  const code = await newCode();
  const held = await repository.reserve({ ...request(code), ttlSeconds: 60 });
  if (!held.ok) throw new Error(held.reason);
  const [first, second] = [await t.client(), await t.client()];
  await first.query('BEGIN');
  await repository.confirm(held.use.id, { transactionId: 'order-1' }, { client: first });
  const other = repository.confirm(held.use.id, { transactionId: 'order-2' }, { client: second });
  const outcome = expect(other).rejects.toMatchObject({
    code: 'IDEMPOTENCY_CONFLICT',
    message: expect.stringContaining('order-1'),
  });
  await waitUntilBlocked(t.pool, second);
  await first.query('COMMIT');
  await outcome;
  await expect(repository.confirm(await used(await newCode()), { transactionId: 'order-3' })).rejects.toMatchObject({
    code: 'IDEMPOTENCY_CONFLICT',
  });
});

it('a key of a hold does not stand for a redemption, nor for a hold of another length', async () => {
  const code = await newCode({ perCustomerLimit: null });
  const asked = request(code, { idempotencyKey: 'hold' });
  expect(await repository.reserve({ ...asked, ttlSeconds: 60 })).toMatchObject({ ok: true });
  await expect(repository.redeem(asked)).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
  await expect(repository.reserve({ ...asked, ttlSeconds: 61 })).rejects.toMatchObject({
    code: 'IDEMPOTENCY_CONFLICT',
  });
});

it('a unique index of the host on something else is told as what it is', async () => {
  await t.sql('CREATE UNIQUE INDEX one_order ON :"schema".promo_code_uses (transaction_id)');
  const code = await newCode({ perCustomerLimit: null });
  const asked = request(code, { transactionId: 'order' });
  await repository.redeem(asked);
  for (const repeated of [() => repository.redeem(asked), () => repository.redeemMany([asked])]) {
    await expect(repeated()).rejects.toMatchObject({
      code: 'DATABASE_ERROR',
      sqlState: '23505',
      cause: { constraint: 'one_order' },
    });
  }
  await t.sql('DROP INDEX :"schema".one_order');
});

describe('tables without a unique index', () => {
  const own = useSchema('no unique index');

  it('take a code once, also when two create it at the same time', async () => {
    await own.sql(SEED_TABLES);
    await installTriggers(own.pool, { schema: own.schema });
    const creator = new PromoCodeRepository(own.pool, { schema: own.schema });
    const fields = { shopId: 's', bonusValue: 5, name: 'n', endDate: new Date(Date.now() + 86_400_000) };
    const [first, second] = [await own.client(), await own.client()];
    await first.query('BEGIN');
    await creator.create({ ...fields, code: 'Rush' }, { client: first });
    const other = creator.create({ ...fields, code: 'RUSH' }, { client: second });
    const outcome = expect(other).rejects.toMatchObject({ code: 'DUPLICATE_CODE' });
    await waitUntilBlocked(own.pool, second);
    await first.query('COMMIT');
    await outcome;
  });
});

it('a preview reads a few pages for codes that exist and for those that do not', async () => {
  await t.sql(
    `INSERT INTO :"schema".promo_codes (code, shop_id, bonus_value, end_date)
       SELECT 'MANY' || n, 'shop', 5, 'infinity' FROM generate_series(1, 20000) AS n`,
  );
  const pages = async (code: string) => {
    const call = `SELECT * FROM :"library".preview_promo_codes('{${code}}', '{shop}', '{1}', '{ann}', '{10}', '{}')`;
    // The first run reads catalogs.
    await t.sql(call);
    const client = await t.client();
    await client.query(t.expand(call));
    const { rows } = await client.query(t.expand(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${call}`));
    return (
      Number(rows[0]['QUERY PLAN'][0].Plan['Shared Hit Blocks']) +
      Number(rows[0]['QUERY PLAN'][0].Plan['Shared Read Blocks'])
    );
  };
  const [known, folded, unknown] = [await pages('MANY777'), await pages('many778'), await pages('NONE')];
  for (const read of [known, folded, unknown]) expect(read).toBeLessThan(150);
});

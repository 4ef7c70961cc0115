import pg from 'pg';
import { expect, it } from 'vitest';
import { ConnectionError, PromoCodeRepository } from '../../src/index';
import { useRepository } from '../support/repository';

const t = useRepository('close');

it('lets 3,000 queued callers finish, so that the pool can be ended behind it', async () => {
  const code = await t.newCode({ perCustomerLimit: null });
  const pool = new pg.Pool({ connectionString: t.url });
  const repository = new PromoCodeRepository(pool, { schema: t.schema });
  const calls = Promise.allSettled(Array.from({ length: 3_000 }, () => repository.redeem(t.request(code))));
  await repository.close();
  await pool.end();
  const outcomes = await calls;
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(3_000);
  expect(await t.counts(code)).toMatchObject({ timesUsed: 3_000, uses: 3_000 });
});

it('waits for a call that is held up, and refuses those that come meanwhile', async () => {
  const code = await t.newCode();
  const repository = new PromoCodeRepository(t.pool, { schema: t.schema });
  const holder = await t.client();
  await holder.query('BEGIN');
  await holder.query(t.expand('SELECT FROM :"schema".promo_codes WHERE id = $1 FOR UPDATE'), [code.id]);
  const held = repository.redeem(t.request(code));
  let isClosed = false;
  const closing = repository.close().then(() => {
    isClosed = true;
  });
  await expect(repository.redeem(t.request(code))).rejects.toMatchObject({ code: 'CLOSED' });
  expect(isClosed).toBe(false);
  await holder.query('COMMIT');
  expect(await held).toMatchObject({ ok: true });
  await closing;
  expect(isClosed).toBe(true);
});

it('refuses every further call, with or without a client, and may be called twice', async () => {
  const code = await t.newCode();
  const repository = new PromoCodeRepository(t.pool, { schema: t.schema });
  await Promise.all([repository.close(), repository.close()]);
  await repository.close();
  const client = await t.client();
  const page = { limit: 1 };
  const calls: (() => Promise<unknown>)[] = [
    () => repository.create({ code: 'X', shopId: 'shop', bonusValue: 1 }),
    () => repository.ensure({ code: 'X', shopId: 'shop', bonusValue: 1 }),
    () => repository.generate({ shopId: 'shop', bonusValue: 1, count: 1 }),
    () => repository.findById(code.id),
    () => repository.findByCode(code.code, code.shopId),
    () => repository.list(),
    () => repository.update(code.id, { name: 'x' }),
    () => repository.activate(code.id),
    () => repository.deactivate(code.id),
    () => repository.delete(code.id),
    () => repository.validate({ code: code.code, shopId: 'shop', customerAddress: 'x' }),
    () => repository.redeem(t.request(code)),
    () => repository.redeem(t.request(code), { client }),
    () => repository.redeemMany([t.request(code)]),
    () => repository.reserve({ ...t.request(code), ttlSeconds: 5 }),
    () => repository.confirm(1),
    () => repository.releaseExpired(),
    () => repository.rollbackUse(1),
    () => repository.amendUse(1, { bonusAmount: 1 }),
    () => repository.usesByCustomer('x', page),
    () => repository.usesByCode(code.id, page),
    () => repository.usageStats(code.id),
    () => repository.shopStats(),
    () => repository.import([]),
    () => repository.pruneIdempotencyKeys({ olderThanDays: 1 }),
    () => repository.history(),
    () => repository.followHistory()[Symbol.asyncIterator]().next(),
    () => repository.eraseCustomer('x', { replacement: 'y' }),
    () => repository.pruneHistory({ before: new Date() }),
    () => repository.campaigns.create({ shopId: 'shop', name: 'x' }),
    () => repository.campaigns.update(1, { name: 'x' }),
    () => repository.campaigns.findById(1),
    () => repository.campaigns.list(),
    () => repository.campaigns.addCodes(1, [code.id]),
    () => repository.campaigns.removeCodes(1, [code.id]),
    () => repository.campaigns.delete(1),
  ];
  const methods: string[] = [];
  for (let type = PromoCodeRepository.prototype; type !== Object.prototype; type = Object.getPrototypeOf(type)) {
    methods.push(...Object.getOwnPropertyNames(type).filter((name) => name !== 'constructor' && name !== 'close'));
  }
  methods.push(...Object.getOwnPropertyNames(Object.getPrototypeOf(repository.campaigns)).slice(1));
  expect(calls.length).toBeGreaterThanOrEqual(methods.length);
  for (const call of calls) {
    const error = await call().catch((thrown: unknown) => thrown);
    expect(error, String(call)).toBeInstanceOf(ConnectionError);
    expect(error, String(call)).toMatchObject({ code: 'CLOSED' });
  }
  expect(await t.repository.findById(code.id)).toMatchObject({ id: code.id });
  expect(await t.pool.query('SELECT 1 AS one')).toMatchObject({ rowCount: 1 });
});

it('does not count a call that failed as under way', async () => {
  const repository = new PromoCodeRepository(t.pool, { schema: t.schema });
  await expect(repository.redeem({} as never)).rejects.toMatchObject({ code: 'VALIDATION' });
  await expect(repository.delete(999_999_999)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await repository.close();
});

import { expect, it } from 'vitest';
import { useRepository } from '../support/repository';

const t = useRepository('host transaction');
const { repository, newCode, request, counts } = t;

it('a redemption is part of the transaction of the host, and gone when that rolls back', async () => {
  const code = await newCode();
  const client = await t.client();
  await client.query('BEGIN');
  const result = await repository.redeem(request(code), { client });
  expect(result.ok).toBe(true);
  expect(await counts(code)).toMatchObject({ timesUsed: 0, uses: 0 });
  await client.query('ROLLBACK');
  expect(await counts(code)).toMatchObject({ timesUsed: 0, uses: 0 });
});

it('a refusal does not abort it, nor does a conflict of keys', async () => {
  const code = await newCode({ totalUsageLimit: 1 });
  const client = await t.client();
  await client.query('BEGIN');
  const first = request(code, { idempotencyKey: 'key' });
  expect(await repository.redeem(first, { client })).toMatchObject({ ok: true });
  expect(await repository.redeem(request(code), { client })).toMatchObject({ reason: 'usage_limit_reached' });
  await expect(repository.redeem({ ...first, baseReward: '11' }, { client })).rejects.toMatchObject({
    code: 'IDEMPOTENCY_CONFLICT',
  });
  expect(await repository.redeem(first, { client })).toMatchObject({ ok: true, replayed: true });
  await client.query('COMMIT');
  expect(await counts(code)).toMatchObject({ timesUsed: 1, uses: 1 });
});

it('is left with the settings that it had', async () => {
  const code = await newCode();
  const client = await t.client();
  await client.query(`BEGIN; SET LOCAL lock_timeout = '777ms'; SET LOCAL timezone = 'Asia/Kathmandu'`);
  await repository.redeem(request(code), { client });
  const read = `SELECT current_setting('lock_timeout') AS wait, current_setting('timezone') AS zone`;
  expect((await client.query(read)).rows).toEqual([{ wait: '777ms', zone: 'Asia/Kathmandu' }]);
  await client.query('ROLLBACK; BEGIN');
  await repository.redeem(request(code), { client });
  expect((await client.query(read)).rows).toEqual([{ wait: '0', zone: 'UTC' }]);
  await client.query('ROLLBACK');
});

it('every method takes the client', async () => {
  const client = await t.client();
  await client.query('BEGIN');
  const options = { client };
  const code = await repository.create({ code: 'IN TX', shopId: 'shop', bonusValue: 1 }, options);
  expect(await repository.findById(code.id)).toBeNull();
  expect(await repository.findById(code.id, options)).toMatchObject({ code: 'IN TX' });
  expect(await repository.findByCode('in tx', 'shop', options)).toMatchObject({ id: code.id });
  expect((await repository.list({ shopId: 'shop' }, options)).items.map(({ id }) => id)).toContain(code.id);
  expect(await repository.update(code.id, { name: 'new' }, options)).toMatchObject({ name: 'new' });
  const held = await repository.reserve({ ...request(code), ttlSeconds: 60 }, options);
  if (!held.ok) throw new Error(held.reason);
  expect(await repository.validate(request(code), options)).toMatchObject({ valid: true });
  expect(await repository.confirm(held.use.id, { transactionId: 'x', client })).toMatchObject({ transactionId: 'x' });
  expect(await repository.amendUse(held.use.id, { baseReward: 3 }, options)).toMatchObject({ totalReward: '4.00' });
  expect((await repository.usesByCode(code.id, {}, options)).items).toHaveLength(1);
  expect((await repository.usesByCustomer(held.use.customerAddress, {}, options)).items).toHaveLength(1);
  expect(await repository.usageStats(code.id, {}, options)).toMatchObject({ totalUses: 1 });
  expect(await repository.releaseExpired({}, options)).toEqual({ released: 0, remaining: false });
  expect(await repository.rollbackUse(held.use.id, options)).toEqual({ rolledBack: true });
  expect(await repository.deactivate(code.id, options)).toMatchObject({ isActive: false });
  expect(await repository.delete(code.id, options)).toMatchObject({ id: code.id });
  await client.query('ROLLBACK');
});

import { describe, expect, it } from 'vitest';
import { IdempotencyConflictError, PromoCodeRepository } from '../../src/index';
import { useRepository } from '../support/repository';

const t = useRepository('idempotency');
const { repository, newCode, request, counts } = t;

async function keys(): Promise<number> {
  const { rows } = await t.sql<{ keys: string }>('SELECT count(*) AS keys FROM :"library".promo_code_idempotency_keys');
  return Number(rows[0]?.keys);
}

describe('the same key', () => {
  it('gives the first use again, at any later time and from another process', async () => {
    const code = await newCode();
    const asked = request(code, { idempotencyKey: 'order-7', transactionId: 'tx' });
    const first = await repository.redeem(asked);
    expect(first).toMatchObject({ ok: true, replayed: false });
    await repository.deactivate(code.id);
    const elsewhere = new PromoCodeRepository(t.pool, { schema: t.schema });
    const again = await elsewhere.redeem({ ...asked, baseReward: 10, customerAddress: ` ${asked.customerAddress} ` });
    expect(again).toEqual({ ...first, replayed: true });
    expect(await counts(code)).toMatchObject({ timesUsed: 1, uses: 1 });
  });

  it.each([
    ['another code', { code: 'OTHER' }],
    ['another customer', { customerAddress: 'somebody else' }],
    ['another amount', { baseReward: '10.01' }],
    ['another transaction', { transactionId: 'other' }],
  ])('with %s is a conflict', async (_, change) => {
    const code = await newCode({ perCustomerLimit: null });
    const asked = request(code, { idempotencyKey: `conflict ${code.code}` });
    await repository.redeem(asked);
    await expect(repository.redeem({ ...asked, ...change })).rejects.toBeInstanceOf(IdempotencyConflictError);
    expect(await counts(code)).toMatchObject({ timesUsed: 1, uses: 1 });
  });

  it('in another shop is another key', async () => {
    const [here, there] = [await newCode(), await newCode({ shopId: 'other shop' })];
    expect(await repository.redeem(request(here, { idempotencyKey: 'shared' }))).toMatchObject({ replayed: false });
    expect(await repository.redeem(request(there, { idempotencyKey: 'shared' }))).toMatchObject({ replayed: false });
  });

  it('after a rollback is told, and stays so', async () => {
    const code = await newCode();
    const asked = request(code, { idempotencyKey: 'to be rolled back' });
    const first = await repository.redeem(asked);
    if (!first.ok) throw new Error(first.reason);
    await repository.rollbackUse(first.use.id);
    for (let time = 0; time < 2; time += 1) {
      expect(await repository.redeem(asked)).toMatchObject({ ok: false, reason: 'rolled_back' });
    }
    expect(await counts(code)).toMatchObject({ timesUsed: 0, uses: 0 });
  });

  it('after the code was deleted is told like a rollback', async () => {
    const code = await newCode();
    const asked = request(code, { idempotencyKey: 'of a deleted code' });
    await repository.redeem(asked);
    await repository.delete(code.id);
    expect(await repository.redeem(asked)).toMatchObject({ ok: false, reason: 'rolled_back' });
  });

  it('sent by 40 callers at once makes one use', async () => {
    const code = await newCode({ perCustomerLimit: null });
    const asked = request(code, { idempotencyKey: 'all at once' });
    const results = await Promise.all(Array.from({ length: 40 }, () => repository.redeem(asked)));
    expect(results.filter((result) => result.ok && !result.replayed)).toHaveLength(1);
    expect(new Set(results.map((result) => result.ok && result.use.id)).size).toBe(1);
    expect(await counts(code)).toMatchObject({ timesUsed: 1, uses: 1 });
  });

  it('sent at once for two codes is used by one, and a conflict for the other', async () => {
    const codes = [await newCode(), await newCode()];
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) =>
        repository.redeem(request(codes[index % 2]!, { idempotencyKey: 'torn', customerAddress: 'same' })),
      ),
    );
    const made = await Promise.all(codes.map((code) => counts(code)));
    expect(made.map(({ uses }) => uses).sort()).toEqual([0, 1]);
    expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(10);
  });

  it('within a batch gives one use; with other parameters it undoes the batch', async () => {
    const code = await newCode({ perCustomerLimit: null });
    const asked = request(code, { idempotencyKey: 'in a batch' });
    const [first, second] = await repository.redeemMany([asked, asked]);
    expect(first).toMatchObject({ ok: true, replayed: false });
    expect(second).toEqual({ ...first, replayed: true });
    await expect(
      repository.redeemMany([request(code), { ...asked, baseReward: 99 }, request(code)]),
    ).rejects.toBeInstanceOf(IdempotencyConflictError);
    expect(await counts(code)).toMatchObject({ timesUsed: 1, uses: 1 });
  });
});

it('a refusal stores nothing, so the key is free for the next attempt', async () => {
  const code = await newCode({ isActive: false });
  const before = await keys();
  const asked = request(code, { idempotencyKey: 'refused first' });
  expect(await repository.redeem(asked)).toMatchObject({ ok: false, reason: 'inactive' });
  expect(await keys()).toBe(before);
  await repository.activate(code.id);
  expect(await repository.redeem({ ...asked, baseReward: 20 })).toMatchObject({ ok: true, replayed: false });
});

it('a call without a key stores nothing beside its use', async () => {
  const code = await newCode();
  const before = await keys();
  await repository.redeem(request(code));
  expect(await keys()).toBe(before);
});

it('keys are pruned by age, the oldest first', async () => {
  const code = await newCode({ perCustomerLimit: null });
  const asked = request(code, { idempotencyKey: 'old' });
  await repository.redeem(asked);
  await repository.redeem(request(code, { idempotencyKey: 'young' }));
  await t.sql(
    `UPDATE :"library".promo_code_idempotency_keys SET created_at = now() - interval '31 days' WHERE idempotency_key = 'old'`,
  );
  expect(await repository.pruneIdempotencyKeys({ olderThanDays: 30 })).toEqual({ pruned: 1 });
  expect(await repository.redeem(asked)).toMatchObject({ ok: true, replayed: false });
  await expect(repository.pruneIdempotencyKeys({ olderThanDays: -1 })).rejects.toMatchObject({ code: 'VALIDATION' });
});

it('a sequence that was set back costs other ids, not a use', async () => {
  const fresh = new PromoCodeRepository(t.pool, { schema: t.schema });
  const code = await newCode();
  await t.sql(`SELECT setval(pg_get_serial_sequence(format('%I.promo_code_uses', :'schema'), 'id'), 1, false)`);
  expect(await fresh.redeem(request(code))).toMatchObject({ ok: true, replayed: false });
  expect(await counts(code)).toMatchObject({ timesUsed: 1, uses: 1 });
});

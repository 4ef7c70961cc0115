import { expect, it } from 'vitest';
import { PromoCodeRepository } from '../../src/index';
import { type Contract, undone } from './contract';

/** Uses: made, taken back, held, changed, listed. */
export function redeemingContract(contract: Contract): void {
  const { t, transaction } = contract;
  const { repository, newCode, request, counts } = t;

  it('a redemption is there when it commits', async () => {
    const code = await newCode({ bonusType: 'percentage', bonusValue: '15.15', maxBonus: '20.00' });
    const asked = request(code, { baseReward: '33.33', transactionId: 'order-1', idempotencyKey: 'key-of-commit' });
    const result = await transaction(async ({ client }) => {
      const redeemed = await repository.redeem(asked, { client });
      expect(await counts(code)).toMatchObject({ timesUsed: 0, uses: 0 });
      return redeemed;
    });
    expect(result).toMatchObject({
      ok: true,
      replayed: false,
      use: {
        id: expect.stringMatching(/^\d+$/),
        promoCodeId: code.id,
        customerAddress: asked.customerAddress,
        transactionId: 'order-1',
        baseReward: '33.33',
        bonusAmount: '5.05',
        totalReward: '38.38',
        usedAt: expect.any(Date),
      },
    });
    expect(await counts(code)).toEqual({ timesUsed: 1, uses: 1, total: '5.05' });
    expect(await transaction(({ client }) => repository.redeem(asked, { client }))).toMatchObject({ replayed: true });
  });

  it('and gone when it rolls back', async () => {
    const code = await newCode();
    const asked = request(code, { idempotencyKey: 'key-of-rollback' });
    expect(await undone(contract, ({ client }) => repository.redeem(asked, { client }))).toMatchObject({ ok: true });
    expect(await counts(code)).toMatchObject({ timesUsed: 0, uses: 0 });
    expect(await repository.redeem(asked)).toMatchObject({ ok: true, replayed: false });
  });

  it('a refusal is a value, and the transaction goes on', async () => {
    const code = await newCode({ totalUsageLimit: 1 });
    const first = request(code, { idempotencyKey: 'key-of-refusal' });
    await transaction(async ({ client, run }) => {
      expect(await repository.redeem(first, { client })).toMatchObject({ ok: true });
      expect(await repository.redeem(request(code), { client })).toMatchObject({ reason: 'usage_limit_reached' });
      expect(await repository.redeem({ ...first, code: 'NO SUCH' }, { client }).catch(({ code }) => code)).toBe(
        'IDEMPOTENCY_CONFLICT',
      );
      await run('SELECT 1');
    });
    expect(await counts(code)).toMatchObject({ timesUsed: 1, uses: 1 });
  });

  it('redeemMany answers in order', async () => {
    const [limited, plain] = [await newCode({ totalUsageLimit: 1 }), await newCode()];
    const quoted = request(plain, { customerAddress: 'o"brien, {a\\b}', idempotencyKey: 'batch "1"' });
    const inputs = [request(limited), request(limited), quoted, { ...request(plain), code: 'UNKNOWN' }, quoted];
    const results = await transaction(({ client }) => repository.redeemMany(inputs, { client }));
    expect(results.map((result) => (result.ok ? result.replayed : result.reason))).toEqual([
      false,
      'usage_limit_reached',
      false,
      'not_found',
      true,
    ]);
    expect(results[2]).toMatchObject({ use: { customerAddress: 'o"brien, {a\\b}' } });
    expect(await counts(plain)).toMatchObject({ timesUsed: 1, total: '5.00' });
    expect(await transaction(({ client }) => repository.redeemMany([], { client }))).toEqual([]);
  });

  it('holds are made, confirmed, released and taken back', async () => {
    const code = await newCode();
    const uses = await transaction(async ({ client }) => {
      const held = [1, 2].map((serial) => ({ ...request(code, { transactionId: `t${serial}` }), ttlSeconds: 60 }));
      const ids: string[] = [];
      for (const hold of held) {
        const result = await repository.reserve(hold, { client });
        if (!result.ok) throw new Error(result.reason);
        expect(result.expiresAt).toBeInstanceOf(Date);
        ids.push(result.use.id);
      }
      return ids;
    });
    expect(await counts(code)).toMatchObject({ timesUsed: 2 });
    await transaction(async ({ client }) => {
      expect(await repository.confirm(uses[0]!, { client })).toMatchObject({ transactionId: 't1' });
      expect(await repository.amendUse(uses[0]!, { baseReward: '3', bonusAmount: '1.5' }, { client })).toMatchObject({
        totalReward: '4.50',
      });
      expect(await repository.releaseExpired({}, { client })).toEqual({ released: 0, remaining: false });
      expect(await repository.rollbackUse(uses[1]!, { client })).toEqual({ rolledBack: true });
      expect(await repository.rollbackUse(uses[1]!, { client })).toEqual({ rolledBack: false });
    });
    expect(await counts(code)).toEqual({ timesUsed: 1, uses: 1, total: '1.50' });
  });

  it('keys are forgotten, and counted', async () => {
    const code = await newCode();
    await repository.redeem(request(code, { idempotencyKey: 'old' }));
    await t.sql(`UPDATE :"library".promo_code_idempotency_keys SET created_at = now() - interval '400 days'
                  WHERE idempotency_key = 'old'`);
    const prune = ({ client }: { client: object }) =>
      repository.pruneIdempotencyKeys({ olderThanDays: 300 }, { client: client as never });
    expect(await undone(contract, prune)).toEqual({ pruned: 1 });
    expect(await transaction(prune)).toEqual({ pruned: 1 });
    expect(await transaction(prune)).toEqual({ pruned: 0 });
  });

  it('statements that are prepared by name', async () => {
    const prepared = new PromoCodeRepository(t.pool, { schema: t.schema, prepare: true });
    const code = await newCode();
    await transaction(async ({ client }) => {
      for (let time = 0; time < 2; time += 1) {
        expect(await prepared.redeem(request(code), { client })).toMatchObject({ ok: true });
      }
    });
    expect(await counts(code)).toMatchObject({ timesUsed: 2 });
  });

  it('failures of a guesser count also when it rolls back', async () => {
    const limited = new PromoCodeRepository(t.pool, { schema: t.schema, rateLimit: { failures: 2 } });
    const code = await newCode();
    const rateLimitKey = 'guesser';
    await undone(contract, async ({ client }) => {
      const guess = () => limited.redeem({ ...request(code), code: 'GUESS' }, { client, rateLimitKey });
      expect(await guess()).toMatchObject({ reason: 'not_found' });
      expect(await guess()).toMatchObject({ reason: 'not_found' });
      await expect(guess()).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    });
    await limited.close();
    const later = new PromoCodeRepository(t.pool, { schema: t.schema, rateLimit: { failures: 2 } });
    await transaction(async ({ client }) => {
      await expect(later.validate(request(code), { client, rateLimitKey })).rejects.toMatchObject({
        code: 'RATE_LIMITED',
      });
      expect(await later.validate(request(code), { client, rateLimitKey: 'other' })).toMatchObject({ valid: true });
    });
    await t.sql('DELETE FROM :"library".promo_code_rate_limits');
  });
}

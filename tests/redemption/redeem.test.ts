import { describe, expect, it } from 'vitest';
import { checkDrift } from '../../src/index';
import { useRepository } from '../support/repository';
import { unguarded } from '../triggers/host';

const DAY = 86_400_000;

describe.each(['own', 'seed'] as const)('on the tables of %s', (tables) => {
  const t = useRepository(`redeem ${tables}`, { tables });
  const { repository, newCode, request, counts } = t;

  it('records a use and counts it', async () => {
    const code = await newCode();
    const result = await repository.redeem({
      code: ` ${code.code.toLowerCase()} `,
      shopId: 'shop',
      customerAddress: ' 0xAbC ',
      baseReward: 10,
      transactionId: 'order-1',
    });
    expect(result).toEqual({
      ok: true,
      replayed: false,
      use: {
        id: expect.stringMatching(/^\d+$/),
        promoCodeId: code.id,
        customerAddress: '0xabc',
        shopId: 'shop',
        transactionId: 'order-1',
        baseReward: '10.00',
        bonusAmount: '5.00',
        totalReward: '15.00',
        usedAt: expect.any(Date),
      },
    });
    expect(Math.abs(Date.now() - (result.ok ? result.use.usedAt.getTime() : 0))).toBeLessThan(60_000);
    expect(await counts(code)).toEqual({ timesUsed: 1, uses: 1, total: '5.00' });
  });

  it('refuses with a reason, and records nothing', async () => {
    const inactive = await newCode({ isActive: false });
    const early = await newCode({ startDate: new Date(Date.now() + DAY), endDate: new Date(Date.now() + 2 * DAY) });
    const late = await newCode({ startDate: new Date(Date.now() - 2 * DAY), endDate: new Date(Date.now() - DAY) });
    for (const [code, reason] of [
      [inactive, 'inactive'],
      [early, 'not_started'],
      [late, 'expired'],
    ] as const) {
      expect(await repository.redeem(request(code))).toEqual({
        ok: false,
        reason,
        message: expect.any(String),
        promoCodeId: code.id,
      });
      expect(await counts(code)).toMatchObject({ timesUsed: 0, uses: 0 });
    }
    const unknown = await repository.redeem({ ...request(inactive), code: 'NOSUCH' });
    expect(unknown).toEqual({ ok: false, reason: 'not_found', message: expect.any(String) });
    const otherShop = await repository.redeem({ ...request(inactive), shopId: 'elsewhere' });
    expect(otherShop).toMatchObject({ ok: false, reason: 'not_found' });
  });

  it('keeps both limits, and compares customers without case and outer spaces', async () => {
    const code = await newCode({ totalUsageLimit: 2 });
    expect(await repository.redeem(request(code, { customerAddress: 'Ann' }))).toMatchObject({ ok: true });
    expect(await repository.redeem(request(code, { customerAddress: ' aNN ' }))).toMatchObject({
      reason: 'customer_limit_reached',
    });
    expect(await repository.redeem(request(code, { customerAddress: 'Bob' }))).toMatchObject({ ok: true });
    expect(await repository.redeem(request(code, { customerAddress: 'Cid' }))).toMatchObject({
      reason: 'usage_limit_reached',
    });
    expect(await counts(code)).toMatchObject({ timesUsed: 2, uses: 2 });
  });

  it('keeps the limit of a customer whatever somebody has written into the counter', async () => {
    const code = await newCode();
    const write = (number: number) =>
      t.sql(unguarded(`UPDATE :"schema".promo_codes SET times_used = ${number} WHERE id = ${code.id}`));
    const ann = { customerAddress: 'Ann' };
    expect(await repository.redeem(request(code, ann))).toMatchObject({ ok: true });
    await write(0);
    const refused = { ok: false, reason: 'customer_limit_reached' };
    expect(await repository.redeem(request(code, ann))).toMatchObject(refused);
    expect(await repository.redeemMany([request(code, ann)])).toMatchObject([refused]);
    expect(await repository.validate(request(code, ann))).toMatchObject({ valid: false, reason: refused.reason });
    await write(1);
    expect(await counts(code)).toMatchObject({ uses: 1 });
  });

  it('fails, and keeps no key, where a trigger of the host keeps the use out', async () => {
    await t.sql(`CREATE FUNCTION :"schema".keep_out() RETURNS trigger LANGUAGE plpgsql AS
                   $$ BEGIN IF NEW.customer_address ~ '^nobody' THEN RETURN NULL; END IF; RETURN NEW; END $$;
                 CREATE TRIGGER keep_out BEFORE INSERT ON :"schema".promo_code_uses
                    FOR EACH ROW EXECUTE FUNCTION :"schema".keep_out()`);
    const code = await newCode();
    const nobody = request(code, { customerAddress: 'nobody', idempotencyKey: `kept out ${tables}` });
    const failure = { name: 'PromoCodesError', code: 'DATABASE_ERROR', sqlState: 'PC008' };
    await expect(repository.redeem(nobody)).rejects.toMatchObject(failure);
    await expect(repository.redeemMany([request(code), nobody])).rejects.toMatchObject(failure);
    await expect(repository.reserve({ ...nobody, ttlSeconds: 60 })).rejects.toMatchObject(failure);
    expect(await counts(code)).toMatchObject({ timesUsed: 0, uses: 0 });
    const { rows } = await t.sql(
      `SELECT FROM :"library".promo_code_idempotency_keys UNION ALL SELECT FROM :"library".promo_code_holds`,
    );
    expect(rows).toEqual([]);

    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, place) =>
        repository
          .redeem(request(code, { customerAddress: `${place % 7 === 3 ? 'nobody' : 'somebody'} ${place}` }))
          .catch((error: unknown) => error),
      ),
    );
    outcomes.forEach((outcome, place) => {
      expect(outcome).toMatchObject(place % 7 === 3 ? failure : { ok: true });
    });
    expect(await counts(code)).toMatchObject({ timesUsed: 17, uses: 17 });
    await t.sql('DROP TRIGGER keep_out ON :"schema".promo_code_uses');
    expect(await repository.redeem(nobody)).toMatchObject({ ok: true, replayed: false });
  });

  it('treats null as no limit', async () => {
    const code = await newCode({ totalUsageLimit: null, perCustomerLimit: null });
    for (let time = 0; time < 5; time += 1) {
      expect(await repository.redeem(request(code, { customerAddress: 'same' }))).toMatchObject({ ok: true });
    }
  });

  it('redeems many in one transaction, in order, refusals among them', async () => {
    const [first, second] = [await newCode({ totalUsageLimit: 2 }), await newCode()];
    const results = await repository.redeemMany([
      request(second, { customerAddress: 'a' }),
      request(first, { customerAddress: 'a' }),
      request(second, { customerAddress: 'A ' }),
      { ...request(first), code: 'NOSUCH' },
      request(first, { customerAddress: 'b' }),
      request(first, { customerAddress: 'c' }),
      request(second, { customerAddress: 'c' }),
    ]);
    expect(results.map((result) => (result.ok ? result.use.customerAddress : result.reason))).toEqual([
      'a',
      'a',
      'customer_limit_reached',
      'not_found',
      'b',
      'usage_limit_reached',
      'c',
    ]);
    expect(await counts(first)).toMatchObject({ timesUsed: 2, uses: 2 });
    expect(await counts(second)).toMatchObject({ timesUsed: 2, uses: 2 });
    expect(await repository.redeemMany([])).toEqual([]);
  });

  it('rolls back and amends, and the counters follow', async () => {
    const code = await newCode();
    const result = await repository.redeem(request(code));
    if (!result.ok) throw new Error(result.reason);
    expect(await repository.amendUse(result.use.id, { bonusAmount: '7.25', transactionId: 'tx' })).toMatchObject({
      bonusAmount: '7.25',
      baseReward: '10.00',
      totalReward: '17.25',
      transactionId: 'tx',
    });
    expect(await counts(code)).toEqual({ timesUsed: 1, uses: 1, total: '7.25' });
    expect(await repository.rollbackUse(result.use.id)).toEqual({ rolledBack: true });
    expect(await repository.rollbackUse(result.use.id)).toEqual({ rolledBack: false });
    expect(await counts(code)).toEqual({ timesUsed: 0, uses: 0, total: '0.00' });
    await expect(repository.amendUse(result.use.id, { bonusAmount: 1 })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await checkDrift(t.pool, { schema: t.schema })).toEqual([]);
  });
});

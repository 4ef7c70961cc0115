import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { assertNoDrift, OutcomeUnknownError, PromoCodeRepository } from '../../src/index';
import { intercepted } from '../support/intercepted';
import { useRepository } from '../support/repository';

describe.each(['own', 'seed'] as const)('ids that come again, on the tables of %s', (tables) => {
  const t = useRepository(`identity ${tables}`, { tables });
  const { repository, newCode, request, schema } = t;
  /** A process that has reserved no ids yet. */
  const elsewhere = () => new PromoCodeRepository(t.pool, { schema });
  const forget = () => t.sql('TRUNCATE :"schema".promo_code_uses RESTART IDENTITY');
  const customers = async () => {
    const { rows } = await t.sql('SELECT customer_address AS who FROM :"schema".promo_code_uses ORDER BY id');
    return rows.map(({ who }) => who);
  };
  const expire = () => t.sql(`UPDATE :"library".promo_code_holds SET expires_at = now() - interval '1 s'`);
  beforeEach(async () => {
    await t.sql('TRUNCATE :"library".promo_code_holds, :"library".promo_code_idempotency_keys');
    await forget();
  });

  it('a key never shows somebody else’s use, one by one or in a batch', async () => {
    const code = await newCode({ perCustomerLimit: null });
    const eve = request(code, { customerAddress: 'eve', idempotencyKey: `key ${tables}` });
    expect(await elsewhere().redeem(eve)).toMatchObject({ ok: true, replayed: false });
    await forget();
    expect(await elsewhere().redeem(request(code, { customerAddress: 'frank' }))).toMatchObject({ use: { id: '1' } });
    expect(await repository.redeem(eve)).toMatchObject({ ok: false, reason: 'rolled_back' });
    expect(await repository.redeemMany([eve, eve])).toMatchObject([
      { reason: 'rolled_back' },
      { reason: 'rolled_back' },
    ]);
    expect(await customers()).toEqual(['frank']);
  });

  it('a key of a use that was moved to another code still shows it', async () => {
    const [one, two] = [await newCode(), await newCode()];
    const asked = request(one, { idempotencyKey: `moved ${tables}` });
    const first = await elsewhere().redeem(asked);
    await t.sql('UPDATE :"schema".promo_code_uses SET promo_code_id = $1', [two.id]);
    expect(await repository.redeem(asked)).toMatchObject({
      ok: true,
      replayed: true,
      use: { id: first.ok && first.use.id, promoCodeId: two.id },
    });
  });

  it('a hold that is left over releases nobody’s use, is not confirmed, and makes room for nothing', async () => {
    const code = await newCode({ perCustomerLimit: null, totalUsageLimit: 2 });
    await elsewhere().reserve({ ...request(code, { customerAddress: 'mallory' }), ttlSeconds: 600 });
    await forget();
    await elsewhere().redeemMany(['frank', 'gina'].map((customerAddress) => request(code, { customerAddress })));
    await expect(repository.confirm('1')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await repository.redeem(request(code, { customerAddress: 'mallory' }))).toMatchObject({
      reason: 'usage_limit_reached',
    });
    await expire();
    const latecomer = request(code, { customerAddress: 'zoe' });
    expect(await repository.validate(latecomer)).toMatchObject({ reason: 'usage_limit_reached' });
    expect(await repository.redeem(latecomer)).toMatchObject({ reason: 'usage_limit_reached' });
    expect(await repository.releaseExpired()).toEqual({ released: 0, remaining: false });
    expect(await customers()).toEqual(['frank', 'gina']);
  });

  it('an id whose old hold was released is not for the same customer, and can be held anew by others', async () => {
    const code = await newCode({ perCustomerLimit: null });
    const hold = { ...request(code), ttlSeconds: 600 };
    await elsewhere().reserve(hold);
    await expire();
    expect(await repository.releaseExpired()).toEqual({ released: 1, remaining: false });
    await forget();
    const other = await elsewhere().reserve(hold);
    if (!other.ok) throw new Error(other.reason);
    expect(other.use.id).not.toBe('1');
    await expect(repository.confirm('1')).rejects.toMatchObject({ code: 'HOLD_EXPIRED' });
    expect(await repository.confirm(other.use.id)).toMatchObject({ id: other.use.id });
    await forget();
    const held = await elsewhere().reserve({ ...hold, customerAddress: 'frank' });
    expect(held).toMatchObject({ ok: true, use: { id: '1' }, expiresAt: expect.any(Date) });
    expect(await repository.confirm('1')).toMatchObject({ id: '1' });
  });

  it('a hold follows its use to another code, also when the old one is gone, or both change places', async () => {
    const [a, b, c] = [await newCode(), await newCode({ totalUsageLimit: 1 }), await newCode({ totalUsageLimit: 1 })];
    for (const code of [a, c]) await repository.reserve({ ...request(code), ttlSeconds: 600 });
    await t.sql(
      `UPDATE :"schema".promo_code_uses SET promo_code_id = CASE promo_code_id WHEN $1 THEN $2::int ELSE promo_code_id END`,
      [a.id, b.id],
    );
    await repository.delete(a.id);
    await t.sql(
      `UPDATE :"schema".promo_code_uses SET promo_code_id = CASE promo_code_id WHEN $1 THEN $2::int ELSE $1 END`,
      [b.id, c.id],
    );
    expect(await repository.redeem(request(b))).toMatchObject({ reason: 'usage_limit_reached' });
    await expire();
    for (const code of [b, c]) expect(await repository.redeem(request(code))).toMatchObject({ ok: true });
    await assertNoDrift(t.pool, { schema });
  });

  it('a call in doubt does not take somebody else’s use for its own, and makes no second one', async () => {
    const code = await newCode({ perCustomerLimit: null });
    let sent = 0;
    const pool = intercepted(t.pool, async (text, values, send) => {
      if (!text.includes('.redeem_promo_code') || sent++ > 0) return send(text, values);
      // The server forgets this one, and gives its id to somebody else.
      await forget();
      await elsewhere().redeem(request(code, { customerAddress: 'frank' }));
      throw Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' });
    });
    await expect(new PromoCodeRepository(pool, { schema }).redeem(request(code))).rejects.toBeInstanceOf(
      OutcomeUnknownError,
    );
    expect(await customers()).toEqual(['frank']);
  });
});

describe('holds that are due', () => {
  const t = useRepository('due');
  const { repository, newCode, request } = t;

  it('are counted as left only while their uses are there', async () => {
    const [gone, kept] = [await newCode({ perCustomerLimit: null }), await newCode({ perCustomerLimit: null })];
    for (const code of [gone, gone, gone, kept, kept]) await repository.reserve({ ...request(code), ttlSeconds: 1 });
    await repository.delete(gone.id);
    await sleep(1_050);
    expect(await repository.releaseExpired({ limit: 1 })).toEqual({ released: 1, remaining: true });
    expect(await repository.releaseExpired({ limit: 1 })).toEqual({ released: 1, remaining: false });
    const { rows } = await t.sql('SELECT FROM :"library".promo_code_holds WHERE released_at IS NULL');
    expect(rows).toHaveLength(0);
  });
});

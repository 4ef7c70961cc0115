import { describe, expect, it } from 'vitest';
import { PromoCodeRepository, RateLimitedError } from '../../src/index';
import { useRepository } from '../support/repository';

const DAY = 86_400_000;
const t = useRepository('guessing');
const { newCode, request, pool, schema } = t;

describe('uniform refusals', () => {
  const repository = new PromoCodeRepository(pool, { schema, uniformRefusals: true });

  it('do not tell a code that cannot be used from one that is none', async () => {
    const inactive = await newCode({ isActive: false });
    const early = await newCode({ startDate: new Date(Date.now() + DAY), endDate: new Date(Date.now() + 2 * DAY) });
    const late = await newCode({ startDate: new Date(Date.now() - 2 * DAY), endDate: new Date(Date.now() - DAY) });
    const requests = [inactive, early, late].map((code) => request(code));
    requests.push({ ...request(inactive), code: 'NOSUCH' });
    const refused = await Promise.all(requests.map((asked) => repository.redeem(asked)));
    expect(new Set(refused.map((result) => JSON.stringify(result))).size).toBe(1);
    expect(refused[0]).toMatchObject({ ok: false, reason: 'not_found' });
    const previews = await Promise.all(requests.map(({ baseReward: _, ...asked }) => repository.validate(asked)));
    expect(new Set(previews.map((result) => JSON.stringify(result))).size).toBe(1);
    expect(await repository.redeemMany(requests)).toEqual(refused);
  });

  it('take the same work of the server, however many codes there are (A7)', async () => {
    await newCode({ code: 'OFF', isActive: false });
    await t.sql(`INSERT INTO :"schema".promo_codes (code, shop_id, bonus_value, end_date)
      SELECT 'C' || i, 's' || i % 100, 5, 'infinity' FROM generate_series(1, 20000) AS i; ANALYZE :"schema".promo_codes`);
    const read = async (code: string): Promise<number> => {
      const client = await t.client();
      await client.query('BEGIN');
      await repository.validate({ code, shopId: 'shop', customerAddress: 'g' }, { client });
      const { rows } = await client.query<{ read: string }>(
        `SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) AS read FROM pg_stat_xact_user_tables WHERE schemaname = $1`,
        [t.schema],
      );
      await client.query('ROLLBACK');
      return Number(rows[0]?.read);
    };
    for (const code of ['OFF', 'NOSUCH']) expect(await read(code), code).toBeLessThan(20);
  });

  it('still say that a limit is reached', async () => {
    const code = await newCode({ totalUsageLimit: 1 });
    await repository.redeem(request(code));
    expect(await repository.redeem(request(code))).toMatchObject({ reason: 'usage_limit_reached' });
  });
});

describe('the rate limiter', () => {
  const options = { schema, rateLimit: { failures: 3, windowSeconds: 600 } };
  const [here, there] = [new PromoCodeRepository(pool, options), new PromoCodeRepository(pool, options)];

  it('stops a key after its failures, in all instances, and no other key', async () => {
    const code = await newCode();
    const guess = { ...request(code), code: 'GUESS' };
    const key = { rateLimitKey: '203.0.113.7' };
    expect(await here.redeem(guess, key)).toMatchObject({ reason: 'not_found' });
    expect(await there.validate({ code: 'GUESS', shopId: 'shop', customerAddress: 'x' }, key)).toMatchObject({
      valid: false,
    });
    expect(await here.redeem(guess, key)).toMatchObject({ reason: 'not_found' });
    const stopped = there.redeem(request(code), key);
    await expect(stopped).rejects.toBeInstanceOf(RateLimitedError);
    await stopped.catch(({ retryAfterMs }: RateLimitedError) => {
      expect(retryAfterMs).toBeGreaterThan(590_000);
      expect(retryAfterMs).toBeLessThanOrEqual(600_000);
    });
    expect(await there.redeem(request(code), { rateLimitKey: '203.0.113.8' })).toMatchObject({ ok: true });
  });

  it('does not let more through when the guesses come at once', async () => {
    const guess = { ...request(await newCode()), code: 'GUESS' };
    const key = { rateLimitKey: 'all at once' };
    const outcomes = await Promise.allSettled(Array.from({ length: 30 }, () => here.redeem(guess, key)));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
  });

  it('does not count what succeeds, nor that a limit is reached', async () => {
    const code = await newCode({ totalUsageLimit: 5 });
    for (let time = 0; time < 10; time += 1) {
      expect(await here.redeem(request(code), { rateLimitKey: 'good' })).toMatchObject({ ok: time < 5 });
    }
  });

  it('counts a failure in a transaction that is rolled back', async () => {
    const guess = { ...request(await newCode()), code: 'GUESS' };
    const client = await t.client();
    for (let time = 0; time < 3; time += 1) {
      await client.query('BEGIN');
      await here.redeem(guess, { client, rateLimitKey: 'rolled back' });
      await client.query('ROLLBACK');
    }
    await expect(here.redeem(guess, { rateLimitKey: 'rolled back' })).rejects.toBeInstanceOf(RateLimitedError);
  });
});

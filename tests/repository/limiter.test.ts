import pg from 'pg';
import { afterAll, expect, it } from 'vitest';
import { PromoCodeRepository, RateLimitedError } from '../../src/index';
import { eventually } from '../support/races';
import { useRepository } from '../support/repository';

const t = useRepository('limiter');
const small = new pg.Pool({ connectionString: t.url, max: 1 });
afterAll(() => small.end());
const options = { schema: t.schema, rateLimit: { failures: 3, windowSeconds: 600 } };
const [here, there] = [new PromoCodeRepository(t.pool, options), new PromoCodeRepository(t.pool, options)];

async function pointsOf(key: string): Promise<number> {
  const { rows } = await t.sql<{ points: number }>(
    'SELECT points FROM :"schema".promo_code_rate_limits WHERE key = $1',
    [key],
  );
  return rows[0]?.points ?? 0;
}

it('lets no guess through after the failures, however many come at once', async () => {
  const code = await t.newCode({ perCustomerLimit: null });
  const key = { rateLimitKey: 'guesser' };
  const guesses = Array.from({ length: 60 }, (_, index) =>
    [here, there][index % 2]!.redeem({ ...t.request(code), code: `NO${index}` }, key),
  );
  const hit = Promise.allSettled([here.redeem(t.request(code), key)]);
  const outcomes = await Promise.allSettled(guesses);
  expect(outcomes.filter(({ status }) => status === 'fulfilled').length).toBeLessThanOrEqual(3);
  const [right] = await hit;
  expect(right).toMatchObject({ status: 'rejected', reason: { code: 'RATE_LIMITED' } });
  const { retryAfterMs } = (right as { reason: RateLimitedError }).reason;
  expect(retryAfterMs).toBeGreaterThan(590_000);
  expect(retryAfterMs).toBeLessThanOrEqual(600_000);
});

it('refuses nobody for successes, however many come at once', async () => {
  const code = await t.newCode();
  const key = { rateLimitKey: 'one office' };
  const results = await Promise.all(Array.from({ length: 40 }, () => here.redeem(t.request(code), key)));
  expect(results.every(({ ok }) => ok)).toBe(true);
  expect(await pointsOf('one office')).toBe(0);
});

it('gives the point back when the attempt failed with an error', async () => {
  const code = await t.newCode();
  const request = t.request(code, { idempotencyKey: 'twice' });
  const key = { rateLimitKey: 'erring' };
  await here.redeem(request, key);
  for (let time = 0; time < 5; time += 1) {
    await expect(here.redeem({ ...request, baseReward: 1 }, key)).rejects.toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
    });
  }
  expect(await pointsOf('erring')).toBe(0);
});

it('needs no connection besides that of the host, and counts what the host rolls back', async () => {
  const repository = new PromoCodeRepository(small, options);
  const code = await t.newCode();
  const client = await small.connect();
  try {
    await client.query('BEGIN');
    const good = { client, rateLimitKey: 'hosted and good' };
    expect(await repository.redeem(t.request(code), good)).toMatchObject({ ok: true });
    const key = { client, rateLimitKey: 'hosted' };
    for (let time = 0; time < 3; time += 1) {
      const guess = { ...t.request(code), code: 'GUESS' };
      expect(await repository.redeem(guess, key)).toMatchObject({ reason: 'not_found' });
    }
    await expect(repository.redeem(t.request(code), key)).rejects.toBeInstanceOf(RateLimitedError);
    await client.query('ROLLBACK');
  } finally {
    client.release();
  }
  await eventually(async () => expect(await pointsOf('hosted')).toBe(3));
  await expect(there.redeem(t.request(code), { rateLimitKey: 'hosted' })).rejects.toBeInstanceOf(RateLimitedError);
  expect(await t.counts(code)).toMatchObject({ uses: 0 });
});

it('lets no more guesses through in transactions of the host that run at once', async () => {
  const code = await t.newCode();
  const clients = await Promise.all(Array.from({ length: 8 }, () => t.client()));
  await Promise.all(clients.map((client) => client.query('BEGIN')));
  const guess = { ...t.request(code), code: 'GUESS' };
  const outcomes = await Promise.allSettled(
    clients.map((client) =>
      here.redeem(guess, { rateLimitKey: 'hosted at once', client }).finally(() => client.query('ROLLBACK')),
    ),
  );
  expect(outcomes.filter(({ status }) => status === 'fulfilled').length).toBe(3);
});

import pg from 'pg';
import { afterAll, expect, it } from 'vitest';
import { PromoCodeRepository, RateLimitedError, ValidationError } from '../../src/index';
import { eventually } from '../support/races';
import { useRepository } from '../support/repository';

const t = useRepository('limiter');
const small = new pg.Pool({ connectionString: t.url, max: 1 });
afterAll(() => small.end());
const options = { schema: t.schema, rateLimit: { failures: 3, windowSeconds: 600 } };
const [here, there] = [new PromoCodeRepository(t.pool, options), new PromoCodeRepository(t.pool, options)];

async function pointsOf(key: string): Promise<number> {
  const { rows } = await t.sql<{ points: number }>(
    'SELECT points FROM :"library".promo_code_rate_limits WHERE key = $1',
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

it.each(['validate', 'redeem', 'reserve'] as const)(
  'asks for a key that a guesser cannot choose: %s (A8)',
  async (method) => {
    const code = await t.newCode();
    const asked = { ...t.request(code), ...(method === 'reserve' && { ttlSeconds: 5 }) };
    const { baseReward: _, ...preview } = asked;
    const call = (options?: object) => here[method]((method === 'validate' ? preview : asked) as never, options);
    for (const options of [undefined, {}, { rateLimitKey: undefined }, { client: await t.client() }]) {
      const error = await call(options).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(ValidationError);
      expect(error).toMatchObject({
        issues: [{ path: 'rateLimitKey', message: expect.stringContaining('IP address') }],
      });
    }
    await expect(call({ rateLimitKey: '' })).rejects.toBeInstanceOf(ValidationError);
    await expect(here.redeem({} as never)).rejects.toMatchObject({ issues: { length: 5 } });
    expect(await t.counts(code)).toMatchObject({ uses: 0 });
    expect(await call({ rateLimitKey: `given to ${method}` })).toBeTruthy();
  },
);

it('waits for no lock on its table longer than a call may, and leaves nobody behind in the server', async () => {
  const limits = { lockTimeoutMs: 300, attemptTimeoutMs: 1_000, deadlineMs: 3_000 };
  const repository = new PromoCodeRepository(t.pool, { ...options, ...limits });
  const code = await t.newCode();
  const holder = await t.client();
  await holder.query('BEGIN');
  await holder.query(t.expand('LOCK TABLE :"library".promo_code_rate_limits IN ACCESS EXCLUSIVE MODE'));
  const begun = performance.now();
  const { baseReward: _, ...preview } = t.request(code);
  await expect(repository.validate(preview, { rateLimitKey: 'locked out' })).rejects.toMatchObject({
    code: expect.stringMatching(/LOCK_TIMEOUT|TIMEOUT/),
  });
  expect(performance.now() - begun).toBeLessThan(10_000);
  await eventually(async () => {
    const { rows } = await t.sql(
      `SELECT FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE NOT l.granted AND n.nspname = :'schema' AND c.relname = 'promo_code_rate_limits'`,
    );
    expect(rows).toHaveLength(0);
  });
  await holder.query('ROLLBACK');
  expect(await repository.validate(preview, { rateLimitKey: 'locked out' })).toMatchObject({ valid: true });
});

it('holds up close() until what it counts is written', async () => {
  const repository = new PromoCodeRepository(t.pool, options);
  const client = await t.client();
  await client.query('BEGIN');
  const guess = { ...t.request(await t.newCode()), code: 'GUESS' };
  await repository.redeem(guess, { client, rateLimitKey: 'closing' });
  await repository.close();
  expect(await pointsOf('closing')).toBe(1);
  await client.query('ROLLBACK');
});

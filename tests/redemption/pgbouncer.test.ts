import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkDrift, installTriggers, PromoCodeRepository } from '../../src/index';
import { backendPid, clientToolOrSkip } from '../support';
import { type Bouncer, startBouncer } from '../support/bouncer';
import { useRepository, waitingRedemption } from '../support/repository';

const SERVER_CONNECTIONS = 3;

const pgbouncer = clientToolOrSkip('pgbouncer');
describe.skipIf(!pgbouncer)('behind PgBouncer that lends a server connection for one transaction at a time', () => {
  const t = useRepository('pgbouncer');
  const { newCode, request, counts, schema } = t;
  let bouncer: Bouncer;
  const pools: pg.Pool[] = [];
  let pool: pg.Pool;
  let repository: PromoCodeRepository;

  function poolOf(max: number): pg.Pool {
    const made = new pg.Pool({ connectionString: bouncer.url, max });
    made.on('error', () => {});
    pools.push(made);
    return made;
  }

  beforeAll(async () => {
    bouncer = await startBouncer(pgbouncer!, t.url, {
      pool_mode: 'transaction',
      default_pool_size: SERVER_CONNECTIONS,
    });
    pool = poolOf(20);
    repository = new PromoCodeRepository(pool, { schema });
  });
  afterAll(async () => {
    try {
      await Promise.all(pools.map((each) => each.end()));
    } finally {
      await bouncer?.stop();
    }
  });

  it('it really is one: the connections of the pool share few of the server', async () => {
    const pids = await Promise.all(
      Array.from({ length: 40 }, async () => (await pool.query('SELECT pg_backend_pid() AS pid')).rows[0].pid),
    );
    expect(pool.totalCount).toBe(20);
    expect(new Set(pids).size).toBeLessThanOrEqual(SERVER_CONNECTIONS);
    expect(await bouncer.serverPids()).toEqual(expect.arrayContaining([...new Set(pids)]));
  });

  it.each([
    { batching: true, calls: 300, limit: 50 },
    { batching: false, calls: 60, limit: 20 },
  ])('$calls redemptions at once against a limit of $limit, batching $batching', async ({ batching, calls, limit }) => {
    const one = new PromoCodeRepository(pool, { schema, ...(batching ? {} : { batching }) });
    const code = await newCode({ totalUsageLimit: limit });
    const results = await Promise.all(Array.from({ length: calls }, () => one.redeem(request(code))));
    const reasons = results.map((result) => (result.ok ? 'ok' : result.reason));
    expect(reasons.filter((reason) => reason === 'ok')).toHaveLength(limit);
    expect(reasons.filter((reason) => reason === 'usage_limit_reached')).toHaveLength(calls - limit);
    expect(await counts(code)).toMatchObject({ timesUsed: limit, uses: limit });
    expect(await checkDrift(pool, { schema })).toEqual([]);
  });

  it('codes are created, listed and validated; uses are held, confirmed, amended, rolled back', async () => {
    const code = await repository.create({
      code: 'BOUNCED',
      shopId: 'bouncer',
      bonusValue: '5.00',
      totalUsageLimit: 2,
    });
    expect(await repository.list({ shopId: 'bouncer' })).toMatchObject({ items: [{ id: code.id, code: 'BOUNCED' }] });
    const asked = request(code);
    expect(await repository.validate(asked)).toMatchObject({ valid: true });

    const held = await repository.reserve({ ...asked, ttlSeconds: 60 });
    if (!held.ok) throw new Error(held.reason);
    const made = await repository.redeem(request(code));
    if (!made.ok) throw new Error(made.reason);
    expect(await repository.validate(request(code))).toMatchObject({ valid: false, reason: 'usage_limit_reached' });
    expect(await repository.confirm(held.use.id, { transactionId: 'paid' })).toMatchObject({ transactionId: 'paid' });
    expect(await repository.amendUse(held.use.id, { bonusAmount: '7.25' })).toMatchObject({ totalReward: '17.25' });
    expect(await repository.rollbackUse(made.use.id)).toEqual({ rolledBack: true });
    expect(await counts(code)).toEqual({ timesUsed: 1, uses: 1, total: '7.25' });
  });

  it('an idempotency key gives its use again', async () => {
    const code = await newCode({ perCustomerLimit: null });
    const asked = request(code, { idempotencyKey: 'through the bouncer' });
    const [first, ...others] = await Promise.all(Array.from({ length: 30 }, () => repository.redeem(asked)));
    expect(first).toMatchObject({ ok: true, replayed: false });
    for (const other of others) expect(other).toEqual({ ...first, replayed: true });
    const elsewhere = new PromoCodeRepository(poolOf(1), { schema });
    expect(await elsewhere.redeem(asked)).toEqual({ ...first, replayed: true });
    expect(await counts(code)).toMatchObject({ timesUsed: 1, uses: 1 });
  });

  it('the triggers are installed, and are left alone where nothing has changed', async () => {
    expect(await installTriggers(pool, { schema })).toMatchObject({ changed: false });
    expect(await installTriggers(pool, { schema, counterWrites: 'reject' })).toMatchObject({ changed: true });
    expect(await installTriggers(pool, { schema, counterWrites: 'reject' })).toMatchObject({ changed: false });
    expect(await installTriggers(pool, { schema, counterWrites: 'ignore' })).toMatchObject({ changed: true });
    expect(await repository.redeem(request(await newCode()))).toMatchObject({ ok: true });
  });

  it('a concurrent build of an index leaves no setting on the connections that others get', async () => {
    const settings: string[] = [];
    const watched = {
      query: (text: string, values?: unknown[]) => pool.query(text, values),
      connect: async () => {
        const client = await pool.connect();
        return {
          processID: backendPid(client),
          release: (error?: Error | boolean) => client.release(error),
          query: async (text: string, values?: unknown[]) => {
            if (/^CREATE INDEX CONCURRENTLY/.test(text)) {
              await onAllServerConnections(poolOf(SERVER_CONNECTIONS), async (each) => {
                const { rows } = await each.query(`SELECT current_setting('lock_timeout') AS setting`);
                settings.push(rows[0].setting);
              });
            }
            return client.query(text, values);
          },
        };
      },
    };
    await t.sql('DROP INDEX :"schema".promo_code_uses_code_customer_idx');
    expect(await installTriggers(watched, { schema, enforceLimits: true, lockTimeoutMs: 4_321 })).toMatchObject({
      created: expect.arrayContaining(['promo_code_uses_code_customer_idx']),
    });
    expect(settings).toEqual(Array(SERVER_CONNECTIONS).fill('0'));
    expect(await installTriggers(pool, { schema, enforceLimits: false })).toMatchObject({ changed: true });
  });

  it('no statement has a name: the next transaction may find itself on any connection of the server', async () => {
    const sessions = poolOf(SERVER_CONNECTIONS);
    const own = new PromoCodeRepository(sessions, { schema });
    const code = await newCode();
    const isUsed = async () => expect(await own.redeem(request(code))).toMatchObject({ ok: true });
    for (let time = 0; time < 3; time += 1) await isUsed();
    const pids = new Set<number>();
    await onAllServerConnections(sessions, async (client) => {
      const { rows } = await client.query(
        'SELECT pg_backend_pid() AS pid, (SELECT count(*)::int FROM pg_prepared_statements) AS named',
      );
      expect(rows[0].named).toBe(0);
      pids.add(rows[0].pid);
    });
    expect(pids.size).toBe(SERVER_CONNECTIONS);
    // The connections to the bouncer stay, those to the server are others.
    expect(new Set(await endServerConnections())).toEqual(pids);
    await isUsed();
    expect(await counts(code)).toMatchObject({ timesUsed: 4, uses: 4 });
  });

  it.each([true, false])('connections of the server that end midway lose no call (batching %s)', async (batching) => {
    const impaired = new PromoCodeRepository(pool, { schema, batching, retry: { maxDelayMs: 100 } });
    const [held, free] = [await newCode(), await newCode()];
    await impaired.redeem(request(free));
    const holder = await t.client();
    await holder.query('BEGIN');
    await holder.query(t.expand('SELECT FROM :"schema".promo_codes WHERE id = $1 FOR NO KEY UPDATE'), [held.id]);
    const first = impaired.redeem(request(held));
    const pid = await waitingRedemption(t);
    const others = Array.from({ length: 20 }, (_, place) => impaired.redeem(request(place % 2 ? held : free)));
    const ended = await endServerConnections();
    await holder.query('COMMIT');
    expect(ended).toContain(pid);
    for (const result of await Promise.all([first, ...others])) {
      expect(result).toMatchObject({ ok: true, replayed: false });
    }
    expect(await counts(held)).toMatchObject({ timesUsed: 11, uses: 11 });
    expect(await counts(free)).toMatchObject({ timesUsed: 11, uses: 11 });
    expect(await checkDrift(t.pool, { schema })).toEqual([]);
  });

  /** As many transactions at once as the server has connections are on all of them. */
  async function onAllServerConnections(sessions: pg.Pool, work: (client: pg.PoolClient) => Promise<void>) {
    const clients = await Promise.all(Array.from({ length: SERVER_CONNECTIONS }, () => sessions.connect()));
    try {
      for (const client of clients) await client.query('BEGIN');
      for (const client of clients) await work(client);
    } finally {
      for (const client of clients) {
        await client.query('COMMIT');
        client.release();
      }
    }
  }

  /** The backends that were ended; a connection of the bouncer that is still being made has none. */
  async function endServerConnections(): Promise<number[]> {
    const { rows } = await t.sql<{ pid: number }>(
      'SELECT pid FROM unnest($1::int[]) AS pid WHERE pid > 0 AND pg_terminate_backend(pid, 5000)',
      [await bouncer.serverPids()],
    );
    return rows.map(({ pid }) => pid);
  }
});

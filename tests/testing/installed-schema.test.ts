import pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type InstallOptions, inspectTriggers, isPromoCodesError, type PromoCodeRepository } from '../../src/index';
import { toHaveNoDrift, withInstalledSchema } from '../../src/testing/index';
import { SEED_TABLES } from '../support/host-tables';
import { barrier } from '../support/races';
import { useRole } from '../support/role';
import { useSchema } from '../support/schema';
import { isIncluded } from '../support/scope';

expect.extend({ toHaveNoDrift });

const t = useSchema('installed');
const code = { code: 'SUMMER', shopId: 's', bonusValue: '5.00', perCustomerLimit: null };
const request = { code: 'SUMMER', shopId: 's', customerAddress: 'ann', baseReward: '10.00' };

async function schemasLike(schema: string): Promise<string[]> {
  const { rows } = await t.sql<{ name: string }>(
    'SELECT nspname AS name FROM pg_namespace WHERE strpos(nspname, $1) > 0',
    [schema],
  );
  return rows.map(({ name }) => name);
}

describe('a schema for one test', () => {
  it('is installed, is handed out, and is gone afterwards', async () => {
    let used = '';
    const answer = await withInstalledSchema(
      t.pool,
      async ({ pool, schema, librarySchema, repository }) => {
        used = schema;
        expect(pool).toBe(t.pool);
        expect((await schemasLike(schema)).sort()).toEqual([librarySchema, schema].sort());
        await repository.create(code);
        expect(await repository.redeem(request)).toMatchObject({ ok: true, use: { totalReward: '15.00' } });
        await expect(pool).toHaveNoDrift({ schema });
        expect(await inspectTriggers(pool, { schema })).toMatchObject({
          warnings: [expect.stringContaining('testClock')],
        });
        return 42;
      },
      { counterWrites: 'reject', uniformRefusals: true, lockTimeoutMs: 1_000, testClock: undefined },
    );
    expect(answer).toBe(42);
    expect(await schemasLike(used)).toEqual([]);
  });

  it('is gone when the test throws, whose error it is', async () => {
    let used = '';
    let kept: PromoCodeRepository | undefined;
    const failure = new Error('of the test');
    await expect(
      withInstalledSchema(t.pool, ({ schema, repository }) => {
        used = schema;
        kept = repository;
        throw failure;
      }),
    ).rejects.toBe(failure);
    expect(await schemasLike(used)).toEqual([]);
    await expect(kept?.findById('1')).rejects.toMatchObject({ code: 'CLOSED' });
  });

  it('is one for each of those that run at once', async () => {
    const allThere = barrier(4);
    const names = await Promise.all(
      Array.from({ length: 4 }, (_, place) =>
        withInstalledSchema(t.pool, async ({ pool, schema, repository }) => {
          await repository.create(code);
          await allThere.arrive();
          for (let n = 0; n <= place; n += 1) await repository.redeem(request);
          expect((await repository.findByCode('summer', 's'))?.timesUsed).toBe(place + 1);
          await expect(pool).toHaveNoDrift({ schema });
          return schema;
        }),
      ),
    );
    expect(new Set(names).size).toBe(4);
    for (const name of names) expect(await schemasLike(name)).toEqual([]);
  });

  it('takes the tables of a host, and what its migrations create', async () => {
    await withInstalledSchema(
      t.pool,
      async ({ repository }) => {
        await repository.create(code);
        expect(await repository.redeem(request)).toMatchObject({ ok: true });
      },
      {
        enforceLimits: true,
        migrate: ({ pool, schema }) => pool.query(SEED_TABLES.replaceAll(':"schema"', schema)),
      },
    );
    await withInstalledSchema(
      t.pool,
      async ({ pool, schema, repository }) => {
        await repository.create(code);
        const { rows } = await pool.query(`SELECT count(*)::int AS codes FROM ${schema}.coupons`);
        expect(rows).toEqual([{ codes: 1 }]);
      },
      { tables: { codes: { name: 'coupons' } } },
    );
  });
});

describe('what a test leaves behind', () => {
  it.runIf(isIncluded('open transactions in a schema for one test'))(
    'an open transaction with locks, of the pool and of another one, is ended, and no process with it',
    async () => {
      const other = t.poolWith({ max: 1 });
      let used = '';
      const clients = await withInstalledSchema(t.pool, async ({ pool, schema, repository }) => {
        used = schema;
        const { id } = await repository.create(code);
        const client = await pool.connect();
        await client.query('BEGIN');
        await repository.redeem(request, { client });
        // Waits for the client's lock, and nobody waits for it.
        const late = repository.redeem({ ...request, customerAddress: 'bob' });
        const elsewhere = await other.connect();
        elsewhere.on('error', () => undefined);
        await elsewhere.query(`BEGIN; CREATE TABLE ${schema}.kept (id integer)`);
        return { client, elsewhere, late: late.then((result) => result.ok, isPromoCodesError), id };
      });
      expect(await schemasLike(used)).toEqual([]);
      expect(await clients.late).toBe(true);
      await expect(clients.client.query('SELECT 1')).rejects.toThrow();
      clients.client.release(true);
      clients.elsewhere.release(true);
    },
  );

  it('a client that was given back with its transaction open is ended, and no process with it', async () => {
    const pool = t.poolWith({ max: 2 });
    // That of the tests listens by itself.
    pool.removeAllListeners('error');
    let used = '';
    await withInstalledSchema(pool, async ({ schema }) => {
      used = schema;
      const [leaking, other] = [await pool.connect(), await pool.connect()];
      await leaking.query(`BEGIN; LOCK TABLE ${schema}.promo_codes`);
      leaking.release();
      other.release();
    });
    expect(await schemasLike(used)).toEqual([]);
    await expect.poll(() => pool.totalCount).toBe(1);
    await expect.poll(() => pool.listenerCount('error')).toBe(0);
    expect((await pool.query('SELECT 1 AS n')).rows).toEqual([{ n: 1 }]);
  });

  it.runIf(isIncluded('pools without a free client in a schema for one test'))(
    'a pool without a free client, or one that has been ended, keeps nothing from being removed',
    async () => {
      let used = '';
      const small = t.poolWith({ max: 1 });
      await withInstalledSchema(small, async ({ schema }) => {
        used = schema;
        const client = await small.connect();
        await client.query(`BEGIN; LOCK TABLE ${schema}.promo_codes`);
        onTestFinished(() => client.release(true));
      });
      expect(await schemasLike(used)).toEqual([]);
      const ended = new pg.Pool({ connectionString: t.url });
      await withInstalledSchema(ended, async ({ schema }) => {
        used = schema;
        await ended.end();
      });
      expect(await schemasLike(used)).toEqual([]);
    },
  );
});

describe('bad input', () => {
  it.each([
    ['pool', () => withInstalledSchema({} as pg.Pool, () => 1)],
    ['work', () => withInstalledSchema(t.pool, undefined as never)],
    ['options.schema', () => withInstalledSchema(t.pool, () => 1, { schema: 'x' } as never)],
    ['options.dryRun', () => withInstalledSchema(t.pool, () => 1, { dryRun: true } as InstallOptions)],
    ['granularity', () => withInstalledSchema(t.pool, () => 1, { granularity: 'rows' as 'row' })],
    ['deadlineMs', () => withInstalledSchema(t.pool, () => 1, { deadlineMs: 0 })],
    ['counterWrite', () => withInstalledSchema(t.pool, () => 1, { counterWrite: 'allow' } as never)],
  ])('%s is refused before anything is written', async (path, act) => {
    await expect(act()).rejects.toMatchObject({ code: 'VALIDATION', issues: [{ path }] });
  });
});

describe('a role', () => {
  const owner = useRole({ label: 'owner', mayCreateSchemas: true });
  const nobody = useRole({ label: 'nobody' });

  it('that may create schemas needs no more', async () => {
    const pool = t.poolWith({}, owner.login);
    await withInstalledSchema(pool, async ({ schema, repository }) => {
      await repository.create(code);
      expect(await repository.redeem(request)).toMatchObject({ ok: true });
      await expect(pool).toHaveNoDrift({ schema });
    });
  });

  it('that may not gets to know it', async () => {
    await expect(withInstalledSchema(t.poolWith({}, nobody.login), () => 1)).rejects.toMatchObject({
      code: 'INSUFFICIENT_PRIVILEGE',
    });
  });
});

import { PGlite } from '@electric-sql/pglite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromPglite, poolFromPglite } from '../../src/adapters/index';
import {
  assertNoDrift,
  checkDrift,
  inspectTriggers,
  installSchema,
  installTriggers,
  type PromoCode,
  PromoCodeRepository,
  repairDrift,
  streamDrift,
  uninstallTriggers,
} from '../../src/index';
import { setClock, withInstalledSchema } from '../../src/testing/index';
import { SEED_TABLES } from '../support/host-tables';
import { isIncluded } from '../support/scope';
import { callsOfRepository, functionCalls } from './pglite-calls';

const db = new PGlite();
const pool = poolFromPglite(db);
const repository = new PromoCodeRepository(pool, { deadlineMs: 60_000 });
let serial = 0;

// It computes in this process: on a busy machine it takes its time.
beforeAll(async () => {
  await installSchema(pool);
}, 120_000);
afterAll(async () => {
  await repository.close();
  await db.close();
});

function newCode(fields: object = {}): Promise<PromoCode> {
  serial += 1;
  return repository.create({
    code: `CODE${serial}`,
    shopId: 'shop',
    bonusValue: '5',
    perCustomerLimit: null,
    ...fields,
  });
}

function request({ code, shopId }: PromoCode, fields: object = {}) {
  serial += 1;
  return { code, shopId, customerAddress: `customer-${serial}`, baseReward: '10.00', ...fields };
}

async function timesUsed({ id }: PromoCode): Promise<number | undefined> {
  return (await repository.findById(id))?.timesUsed;
}

describe('PGlite as a pool', () => {
  it('is one pool, however often it is asked for', () => {
    expect(poolFromPglite(db)).toBe(pool);
  });

  it('an installation is in order, and is left alone', async () => {
    expect(await installSchema(pool)).toMatchObject({ changed: false, warnings: [] });
    expect(await inspectTriggers(pool)).toMatchObject({ ok: true });
    await assertNoDrift(pool);
  });

  it('many redeem at once, to the limit', async () => {
    const code = await newCode({ totalUsageLimit: 50 });
    const results = await Promise.all(Array.from({ length: 80 }, () => repository.redeem(request(code))));
    expect(results.filter(({ ok }) => ok)).toHaveLength(50);
    expect(await timesUsed(code)).toBe(50);
    expect(await checkDrift(pool)).toEqual([]);
  });

  it('calls that are transactions of their own do not meet', async () => {
    const codes = await Promise.all(Array.from({ length: 10 }, () => newCode()));
    await Promise.all([
      ...codes.map(({ id }) => repository.deactivate(id)),
      ...codes.map(({ id }, place) => repository.update(id, { name: `${place}` })),
      db.transaction(async (tx) => void (await tx.query('SELECT 1'))),
      ...codes.map((code) => repository.validate(request(code))),
    ]);
    const { items } = await repository.list({ shopId: 'shop', state: 'inactive', limit: 10 });
    expect(items.map(({ name }) => name).toSorted()).toEqual(codes.map((_, place) => `${place}`));
  });

  it('holds, pages, statistics, keys', async () => {
    const code = await newCode();
    const held = await repository.reserve({ ...request(code, { idempotencyKey: 'k' }), ttlSeconds: 60 });
    if (!held.ok) throw new Error(held.reason);
    expect(await repository.confirm(held.use.id)).toMatchObject({ id: held.use.id });
    expect(await repository.amendUse(held.use.id, { bonusAmount: '7.5' })).toMatchObject({ totalReward: '17.50' });
    await repository.redeemMany([request(code), request(code)]);
    const first = await repository.usesByCode(code.id, { limit: 2 });
    const second = await repository.usesByCode(code.id, { limit: 2, cursor: first.nextCursor! });
    expect([first.items.length, second.items.length]).toEqual([2, 1]);
    expect(await repository.usageStats(code.id, { days: 1 })).toMatchObject({ totalUses: 3, totalBonus: '17.50' });
    expect(await repository.rollbackUse(held.use.id)).toEqual({ rolledBack: true });
    expect(await repository.releaseExpired()).toEqual({ released: 0, remaining: false });
    expect(await repository.pruneIdempotencyKeys({ olderThanDays: 1 })).toEqual({ pruned: 0 });
    expect(await repository.generate({ shopId: 'g', count: 3, bonusValue: 1 })).toHaveLength(3);
  });

  it('drift is found and repaired', async () => {
    const code = await newCode();
    await repository.redeem(request(code));
    await db.exec(`ALTER TABLE promo_code_uses DISABLE TRIGGER USER;
                   DELETE FROM promo_code_uses WHERE promo_code_id = ${code.id};
                   ALTER TABLE promo_code_uses ENABLE TRIGGER USER`);
    const streamed = [];
    for await (const record of streamDrift(pool)) streamed.push(record);
    expect(streamed).toMatchObject([{ promoCodeId: code.id, timesUsed: 1, actualUses: 0 }]);
    expect(await repairDrift(pool)).toMatchObject([{ promoCodeId: code.id }]);
    await assertNoDrift(pool);
  });

  it('existing tables get their triggers and indexes, and lose them', async () => {
    await db.exec('CREATE SCHEMA seed');
    await db.exec(SEED_TABLES.replaceAll(':"schema"', 'seed'));
    const { warnings } = await installTriggers(pool, { schema: 'seed' });
    expect(warnings.filter((text) => /could not be built/.test(text))).toEqual([]);
    expect(await inspectTriggers(pool, { schema: 'seed' })).toMatchObject({ ok: true });
    expect((await uninstallTriggers(pool, { schema: 'seed' })).removed.length).toBeGreaterThan(5);
  });

  it('the limiter counts', async () => {
    const limited = new PromoCodeRepository(pool, { rateLimit: { failures: 2 } });
    const code = await newCode();
    const guess = () => limited.redeem({ ...request(code), code: 'GUESS' }, { rateLimitKey: 'pool' });
    expect([await guess(), await guess()]).toMatchObject([{ ok: false }, { ok: false }]);
    await expect(guess()).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    await limited.close();
  });

  it('an error of the server leaves the connection usable', async () => {
    await expect(
      repository.create({ code: 'X', shopId: 's', bonusValue: 1, columns: { no: 1 } }),
    ).rejects.toMatchObject({
      code: 'VALIDATION',
    });
    await expect(pool.query('SELECT 1 / 0')).rejects.toMatchObject({ code: '22012' });
    const client = await pool.connect();
    await client.query('BEGIN');
    await expect(client.query('SELECT 1 / 0')).rejects.toMatchObject({ code: '22012' });
    await expect(client.query('COMMIT')).rejects.toThrow();
    client.release();
    expect(await timesUsed(await newCode())).toBe(0);
  });

  it('a connection that is given back inside of a transaction is out of it', async () => {
    const client = await pool.connect();
    await client.query('BEGIN');
    await client.query('CREATE TABLE left_behind ()');
    client.release();
    expect((await db.query(`SELECT to_regclass('left_behind') AS it`)).rows).toEqual([{ it: null }]);
  });
});

describe('in a transaction of PGlite', () => {
  it('a redemption commits and rolls back with it', async () => {
    const code = await newCode();
    const asked = request(code, { idempotencyKey: 'in tx' });
    await expect(
      db.transaction(async (tx) => {
        expect(fromPglite(tx)).toBe(fromPglite(tx));
        expect(await repository.redeem(asked, { client: fromPglite(tx) })).toMatchObject({ ok: true });
        throw new Error('rolled back');
      }),
    ).rejects.toThrow('rolled back');
    expect(await timesUsed(code)).toBe(0);
    const result = await db.transaction((tx) => repository.redeem(asked, { client: fromPglite(tx) }));
    expect(result).toMatchObject({
      ok: true,
      replayed: false,
      use: { totalReward: '15.00', usedAt: expect.any(Date) },
    });
    expect(await timesUsed(code)).toBe(1);
  });

  it('refusals, batches, holds, pages, drift and installation', async () => {
    const code = await newCode({ totalUsageLimit: 3 });
    await db.transaction(async (tx) => {
      const options = { client: fromPglite(tx) };
      const results = await repository.redeemMany([request(code), request(code)], options);
      expect(results.map(({ ok }) => ok)).toEqual([true, true]);
      const held = await repository.reserve({ ...request(code), ttlSeconds: 60 }, options);
      if (!held.ok) throw new Error(held.reason);
      expect(await repository.redeem(request(code), options)).toMatchObject({ reason: 'usage_limit_reached' });
      expect(await repository.validate(request(code), options)).toMatchObject({ reason: 'usage_limit_reached' });
      await repository.rollbackUse(held.use.id, options);
      expect((await repository.usesByCode(code.id, { limit: 1 }, options)).items).toHaveLength(1);
      expect((await repository.list({ limit: 1 }, options)).items).toHaveLength(1);
      expect(await repository.usageStats(code.id, {}, options)).toMatchObject({ totalUses: 2 });
      const { client } = options;
      expect(await checkDrift(client)).toEqual([]);
      expect(await repairDrift(client)).toEqual([]);
      expect(await installTriggers(client)).toMatchObject({ changed: false });
      await tx.query('CREATE SCHEMA within');
      expect(await installSchema(client, { schema: 'within' })).toMatchObject({ changed: true });
      expect((await uninstallTriggers(client, { schema: 'within' })).removed.length).toBeGreaterThan(5);
    });
    expect(await timesUsed(code)).toBe(2);
  });

  it('the limiter does not wait for the transaction, and counts after it', async () => {
    const limited = new PromoCodeRepository(pool, { rateLimit: { failures: 2 } });
    const code = await newCode();
    await db.transaction(async (tx) => {
      const guess = () =>
        limited.redeem({ ...request(code), code: 'GUESS' }, { client: fromPglite(tx), rateLimitKey: 'tx' });
      expect([await guess(), await guess()]).toMatchObject([{ ok: false }, { ok: false }]);
      await expect(guess()).rejects.toMatchObject({ code: 'RATE_LIMITED' });
      await tx.rollback();
    });
    await limited.close();
    const later = new PromoCodeRepository(pool, { rateLimit: { failures: 2 } });
    await expect(later.validate(request(code), { rateLimitKey: 'tx' })).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  });

  it('a call without the client does not wait for ever, and nothing comes of it later', async () => {
    const hasty = new PromoCodeRepository(pool, { deadlineMs: 150 });
    const code = await newCode();
    await db.transaction(async () => {
      for (const call of [
        () => hasty.redeem(request(code)),
        () => hasty.deactivate(code.id),
        () => hasty.findById(code.id),
        () => hasty.validate(request(code)),
      ]) {
        const error = await call().catch((thrown: Error) => thrown);
        expect(error).toMatchObject({ code: 'POOL_EXHAUSTED' });
        expect((error as Error).message).toContain('{ client }');
      }
    });
    expect(await repository.findById(code.id)).toMatchObject({ timesUsed: 0, isActive: true });
  });

  it('the database in its place is refused, as is a transaction in the place of the database', async () => {
    expect(() => fromPglite(db as never)).toThrow(/fromPglite\(\) takes.*poolFromPglite\(db\).*received PGlite/);
    await db.transaction(async (tx) => {
      expect(() => poolFromPglite(tx as never)).toThrow(/poolFromPglite\(\) takes.*\{ client: fromPglite\(tx\) \}/);
      for (const call of [
        () => repository.findById('1', { client: db as never }),
        () => checkDrift(db as never),
        async () => new PromoCodeRepository(db as never),
      ]) {
        await expect(call()).rejects.toThrow(/PGlite.*(fromPglite\(tx\)|poolFromPglite\(db\))/);
      }
    });
  });

  it('a call after its end is refused', async () => {
    const code = await newCode();
    const client = await db.transaction(async (tx) => fromPglite(tx));
    await expect(repository.redeem(request(code), { client })).rejects.toMatchObject({ code: 'CLOSED' });
    expect(await timesUsed(code)).toBe(0);
  });
});

describe.runIf(isIncluded('every call on PGlite'))('every call', () => {
  /** The rejection of a call that is never answered would never come. */
  const PATIENCE_MS = 60_000;
  const outcomeOf = (call: Promise<unknown>) =>
    Promise.race([
      call.then(
        () => 'done',
        (error) => error.code as string,
      ),
      new Promise<string>((resolve) => setTimeout(resolve, PATIENCE_MS, 'it waits').unref()),
    ]);

  it('works on the pool, in a schema for the test, and in a transaction; without the client of that it says so', async () => {
    const outcomes: Record<string, unknown> = {};
    await withInstalledSchema(
      pool,
      async ({ schema, repository: installed }) => {
        const code = await installed.create({ code: 'CALLS', shopId: 'shop', bonusValue: 5, perCustomerLimit: null });
        const hasty = new PromoCodeRepository(pool, { schema, deadlineMs: 400 });
        await hasty.findById(code.id);
        const setting = { repository: installed, code };
        for (const [name, call] of callsOfRepository()) {
          const alone = await outcomeOf(call({ ...setting, options: {} }));
          const inside = await db.transaction((tx) =>
            outcomeOf(call({ ...setting, options: { client: fromPglite(tx) } })),
          );
          outcomes[name] = [alone, inside];
        }
        const waiting = poolFromPglite(db, { connectionTimeoutMillis: 400 });
        await db.transaction(async () => {
          const blocked: [string, Promise<unknown>][] = [
            ...callsOfRepository().map(([name, call]): [string, Promise<unknown>] => [
              name,
              call({ repository: hasty, code, options: {} }),
            ]),
            ...functionCalls.map(([name, call]): [string, Promise<unknown>] => [name, call(waiting, schema)]),
          ];
          const told = blocked.map(async ([name, call]) => [`${name}, blocked`, await outcomeOf(call)]);
          Object.assign(outcomes, Object.fromEntries(await Promise.all(told)));
        });
        poolFromPglite(db, { connectionTimeoutMillis: PATIENCE_MS });
        await setClock(installed, '9000-01-01T00:00:00Z');
        await installed.update(code.id, { endDate: '8000-01-01T00:00:00Z' });
        expect(await installed.redeem(request(code))).toMatchObject({ reason: 'expired' });
        for (const [name, call] of functionCalls) {
          const inside = await db.transaction((tx) => outcomeOf(call(fromPglite(tx), schema)));
          // The last of them has removed what the next one would be about.
          await installTriggers(pool, { schema });
          outcomes[name] = [await outcomeOf(call(pool, schema)), inside];
        }
      },
      { deadlineMs: PATIENCE_MS, history: true },
    );
    const expected = Object.keys(outcomes).map((name) => [
      name,
      // Of a redemption it is its queue that says so.
      name.endsWith(', blocked') ? expect.stringMatching(/^(POOL_EXHAUSTED|TIMEOUT)$/) : ['done', 'done'],
    ]);
    expect(outcomes).toEqual(Object.fromEntries(expected));
    const { rows } = await db.query(`SELECT nspname FROM pg_namespace WHERE nspname LIKE '%promo_test%'`);
    expect(rows).toEqual([]);
  }, 120_000);
});

import { beforeAll, describe, expect, it } from 'vitest';
import { inspectTriggers, installSchema, installTriggers, PromoCodeRepository } from '../../src/index';
import { setClock, toHaveNoDrift, withInstalledSchema } from '../../src/testing/index';
import { useRepository } from '../support/repository';
import { useRole } from '../support/role';
import { useSchema } from '../support/schema';

expect.extend({ toHaveNoDrift });

const t = useSchema('clock');
const YEAR = 365 * 86_400_000;
const at = (text: string) => new Date(`${text}T12:00:00.000Z`);
const code = { code: 'SUMMER', shopId: 's', bonusValue: '5.00', perCustomerLimit: null };
const request = { code: 'SUMMER', shopId: 's', customerAddress: 'ann', baseReward: '10.00' };

describe('the clock of a repository', () => {
  it('opens and closes codes, in every call that looks at dates', async () => {
    await withInstalledSchema(t.pool, async ({ pool, schema, repository }) => {
      const { id } = await repository.create({ ...code, startDate: at('2030-01-01'), endDate: at('2030-12-31') });
      const answers = async () => {
        const batch = await repository.redeemMany([request, request]);
        const results = [
          await repository.redeem(request),
          batch[0],
          await repository.reserve({ ...request, ttlSeconds: 60 }),
        ];
        return {
          reasons: new Set(results.map((result) => (result?.ok ? 'ok' : result?.reason))),
          preview: await repository.validate(request).then((result) => (result.valid ? 'ok' : result.reason)),
          states: [
            (await repository.list({ state: 'redeemable' })).items,
            (await repository.list({ state: 'expired' })).items,
          ].map(({ length }) => length),
        };
      };
      expect(await answers()).toEqual({ reasons: new Set(['not_started']), preview: 'not_started', states: [0, 0] });
      await setClock(repository, at('2030-06-01'));
      expect(await answers()).toEqual({ reasons: new Set(['ok']), preview: 'ok', states: [1, 0] });
      // Start and end are inclusive.
      await setClock(repository, at('2030-12-31'));
      expect((await answers()).preview).toBe('ok');
      await setClock(repository, '2030-12-31T12:00:00.001Z');
      expect(await answers()).toEqual({ reasons: new Set(['expired']), preview: 'expired', states: [0, 1] });
      await setClock(repository, null);
      expect((await answers()).preview).toBe('not_started');
      expect((await repository.findById(id))?.timesUsed).toBe(8);
      await expect(pool).toHaveNoDrift({ schema });
    });
  });

  it('expires holds, dates what is written, and forgets keys', async () => {
    await withInstalledSchema(t.pool, async ({ repository }) => {
      await setClock(repository, at('2030-03-01'));
      const created = await repository.create(code);
      expect([created.startDate, created.createdAt]).toEqual([at('2030-03-01'), at('2030-03-01')]);
      const hold = await repository.reserve({ ...request, ttlSeconds: 60, idempotencyKey: 'k' });
      if (!hold.ok) throw new Error(hold.reason);
      expect([hold.use.usedAt, hold.expiresAt]).toEqual([at('2030-03-01'), new Date('2030-03-01T12:01:00.000Z')]);
      expect(await repository.releaseExpired()).toEqual({ released: 0, remaining: false });
      await setClock(repository, new Date('2030-03-01T12:01:00.000Z'));
      await expect(repository.confirm(hold.use.id)).rejects.toMatchObject({ code: 'HOLD_EXPIRED' });
      expect(await repository.releaseExpired()).toEqual({ released: 1, remaining: false });
      const used = await repository.redeem({ ...request, idempotencyKey: 'other' });
      if (!used.ok) throw new Error(used.reason);
      expect(await repository.rollbackUse(used.use.id)).toEqual({ rolledBack: true });
      await repository.redeem(request);
      expect((await repository.update(created.id, { name: 'x' })).updatedAt).toEqual(
        new Date('2030-03-01T12:01:00.000Z'),
      );
      expect(await repository.pruneIdempotencyKeys({ olderThanDays: 90 })).toEqual({ pruned: 0 });
      await setClock(repository, at('2030-08-01'));
      const { perDay } = await repository.usageStats(created.id, { days: 2 });
      expect(perDay.map(({ date }) => date)).toEqual(['2030-07-31', '2030-08-01']);
      expect((await repository.pruneIdempotencyKeys({ olderThanDays: 90 })).pruned).toBeGreaterThan(0);
      await expect(repository.create({ ...code, code: 'PAST', endDate: at('2030-07-01') })).rejects.toMatchObject({
        issues: [{ path: 'endDate' }],
      });
    });
  });

  it('dates the history, which tells holds by it', async () => {
    await withInstalledSchema(
      t.pool,
      async ({ repository }) => {
        await setClock(repository, at('2030-03-01'));
        await repository.create(code);
        await repository.reserve({ ...request, ttlSeconds: 60 });
        await setClock(repository, at('2030-03-02'));
        expect(await repository.releaseExpired()).toEqual({ released: 1, remaining: false });
        const { items } = await repository.history();
        expect(items.map((record) => [record.kind, record.at, record.reason])).toEqual([
          ['reserved', at('2030-03-01'), null],
          ['released', at('2030-03-02'), 'expired'],
        ]);
      },
      { history: true },
    );
  });

  it('is of that repository alone, in the transaction of the host too', async () => {
    await withInstalledSchema(t.pool, async ({ pool, schema, repository }) => {
      const other = new PromoCodeRepository(pool, { schema, prepare: true });
      await repository.create({ ...code, endDate: new Date(Date.now() + YEAR) });
      // Not awaited: calls that begin afterwards have it all the same.
      void setClock(repository, '9000-01-01T00:00:00Z');
      expect(await repository.redeem(request)).toMatchObject({ reason: 'expired' });
      expect(await other.redeem(request)).toMatchObject({ ok: true });
      const client = await pool.connect();
      await client.query('BEGIN');
      for (const isolation of ['first', 'second']) {
        expect(await repository.redeem(request, { client }), isolation).toMatchObject({ reason: 'expired' });
        expect(await other.redeem(request, { client }), isolation).toMatchObject({ ok: true });
      }
      await expect(repository.rollbackUse('999999999999', { client })).resolves.toEqual({ rolledBack: false });
      await client.query('ROLLBACK');
      expect((await client.query(`SELECT current_setting('pg_promo_codes.clock', true) AS it`)).rows[0].it || '').toBe(
        '',
      );
      client.release();
      await other.close();
    });
  });

  it('makes an installation of its owner one for tests, which says so and can be undone', async () => {
    const { schema, pool } = t;
    const repository = new PromoCodeRepository(pool, { schema });
    await installSchema(pool, { schema });
    await repository.create({ ...code, endDate: new Date(Date.now() + YEAR) });
    expect(await inspectTriggers(pool, { schema })).toMatchObject({ ok: true, warnings: [] });
    await Promise.all([setClock(repository, '9000-01-01T00:00:00Z'), repository.redeem(request)]);
    expect(await repository.redeem(request)).toMatchObject({ reason: 'expired' });
    const state = await inspectTriggers(pool, { schema });
    expect(state).toMatchObject({ ok: true, warnings: [expect.stringContaining('testClock: false')] });
    expect(await installTriggers(pool, { schema })).toMatchObject({ changed: false });
    // What is left out is as installed; here it is given, and the function goes.
    expect(await installTriggers(pool, { schema, testClock: false })).toMatchObject({ changed: true, warnings: [] });
    expect(await inspectTriggers(pool, { schema })).toMatchObject({ ok: true, warnings: [] });
    await setClock(repository, null);
    expect(await repository.redeem(request)).toMatchObject({ ok: true });
  });

  it.each([
    ['no repository', () => setClock({} as PromoCodeRepository, null), 'repository'],
    ['no date', () => setClock(new PromoCodeRepository(t.pool), new Date(Number.NaN)), 'date'],
    ['no offset', () => setClock(new PromoCodeRepository(t.pool), '2030-01-01T00:00:00'), 'date'],
    ['nothing', () => setClock(new PromoCodeRepository(t.pool), undefined as never), 'date'],
  ])('%s is refused at once', (_, act, path) => {
    expect(act).toThrow(expect.objectContaining({ code: 'VALIDATION', issues: [expect.objectContaining({ path })] }));
  });
});

describe('an installation that is not for tests', () => {
  const ordinary = useRepository('ordinary');
  const application = useRole({ label: 'application' });

  beforeAll(async () => {
    await installTriggers(ordinary.pool, { schema: ordinary.schema, grantTo: [application.role] });
    await ordinary.sql(`GRANT USAGE ON SCHEMA :"schema" TO ${application.quoted};
      GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA :"schema" TO ${application.quoted};
      GRANT USAGE ON ALL SEQUENCES IN SCHEMA :"schema" TO ${application.quoted}`);
  });

  it('gives no role a way to move the present', async () => {
    const promoCode = await ordinary.newCode({ endDate: new Date(Date.now() + YEAR) });
    const { rows } = await ordinary.sql<{ source: string }>(
      `SELECT string_agg(prosrc, '') AS source FROM pg_proc WHERE pronamespace = quote_ident(:'library')::regnamespace`,
    );
    expect(rows[0]?.source).not.toContain('pg_promo_codes.clock');
    const pool = ordinary.poolWith({ options: '-c pg_promo_codes.clock=9000-01-01T00:00:00Z' });
    const deceived = new PromoCodeRepository(pool, { schema: ordinary.schema });
    expect(await deceived.redeem(ordinary.request(promoCode))).toMatchObject({ ok: true });
    await deceived.close();
  });

  it('cannot be made one for tests by who only redeems', async () => {
    const repository = new PromoCodeRepository(ordinary.poolWith({ max: 2 }, application.login), {
      schema: ordinary.schema,
    });
    const promoCode = await ordinary.newCode();
    await expect(setClock(repository, '9000-01-01T00:00:00Z')).rejects.toMatchObject({
      code: 'INSUFFICIENT_PRIVILEGE',
    });
    await expect(repository.redeem(ordinary.request(promoCode))).rejects.toMatchObject({
      code: 'INSUFFICIENT_PRIVILEGE',
    });
    await setClock(repository, null);
    expect(await repository.redeem(ordinary.request(promoCode))).toMatchObject({ ok: true });
    await repository.close();
  });
});

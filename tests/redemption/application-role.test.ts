import type pg from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';
import { InsufficientPrivilegeError, installTriggers, PromoCodeRepository } from '../../src/index';
import { useRole } from '../support';
import { useRepository } from '../support/repository';

describe.each(['own', 'seed'] as const)('an application role without DDL rights, on the tables of %s', (tables) => {
  const t = useRepository(`role ${tables}`, { tables });
  const { newCode, request, counts, schema } = t;
  const app = useRole({ label: 'app' });
  const outsider = useRole({ label: 'outsider' });
  let asApp: PromoCodeRepository;
  let asOutsider: PromoCodeRepository;
  const pools: pg.Pool[] = [];

  beforeAll(async () => {
    await t.sql(`GRANT USAGE ON SCHEMA :"schema" TO ${app.quoted}, ${outsider.quoted}`);
    await t.sql(
      `GRANT SELECT, INSERT, UPDATE, DELETE ON :"schema".promo_codes, :"schema".promo_code_uses TO ${app.quoted}`,
    );
    await t.sql(`GRANT SELECT ON :"schema".promo_codes, :"schema".promo_code_uses TO ${outsider.quoted}`);
    await installTriggers(t.pool, { schema, grantTo: [app.role] });
    // An identity column, as ours, needs no more; a serial one needs this of those who create codes.
    if (tables === 'seed') await t.sql(`GRANT USAGE ON ALL SEQUENCES IN SCHEMA :"schema" TO ${app.quoted}`);
    const repositoryOf = (role: typeof app) => {
      const pool = t.poolWith({ max: 2 }, role.login);
      pools.push(pool);
      return new PromoCodeRepository(pool, { schema, rateLimit: true });
    };
    asApp = repositoryOf(app);
    asOutsider = repositoryOf(outsider);
  });

  const key = { rateLimitKey: '203.0.113.7' };

  it('does all that the repository does, with rights on the two tables and as one that redeems', async () => {
    const code = await asApp.create({ code: 'BY THE APP', shopId: 'shop', bonusValue: 5 });
    const used = await asApp.redeem(request(code, { idempotencyKey: 'key' }), key);
    const held = await asApp.reserve({ ...request(code), ttlSeconds: 60 }, key);
    if (!used.ok || !held.ok) throw new Error('refused');
    await asApp.confirm(held.use.id);
    await asApp.amendUse(used.use.id, { bonusAmount: 1 });
    expect(await asApp.rollbackUse(used.use.id)).toEqual({ rolledBack: true });
    expect(await asApp.releaseExpired()).toEqual({ released: 0, remaining: false });
    expect(await asApp.pruneIdempotencyKeys({ olderThanDays: 0 })).toEqual({ pruned: 1 });
    const { baseReward: _, ...asked } = request(code);
    expect(await asApp.validate({ ...asked, code: 'NOSUCH' }, key)).toMatchObject({ valid: false });
    await asApp.update(code.id, { name: 'renamed' });
    await asApp.deactivate(code.id);
    expect(await counts(code)).toMatchObject({ timesUsed: 1, uses: 1 });
    expect(await installTriggers(pools[0]!, { schema })).toMatchObject({ changed: false });
  });

  it('a role that may only read can neither redeem nor reach what the library keeps', async () => {
    const code = await newCode();
    await expect(asOutsider.redeem(request(code), key)).rejects.toBeInstanceOf(InsufficientPrivilegeError);
    await asApp.reserve({ ...request(code), ttlSeconds: 60 }, key);
    for (const statement of [
      'SELECT FROM :"library".promo_code_holds',
      'SELECT FROM :"library".promo_code_idempotency_keys',
      `UPDATE :"library".promo_code_holds SET expires_at = '-infinity'`,
      `INSERT INTO :"library".promo_code_holds (use_id, promo_code_id, customer_address, expires_at)
       VALUES (1, 1, 'x', '-infinity')`,
    ]) {
      await expect(pools[1]!.query(t.expand(statement))).rejects.toMatchObject({ code: '42501' });
    }
    // What it may read, it may list.
    expect((await asOutsider.list({ search: code.code })).items).toMatchObject([{ id: code.id }]);
  });
});

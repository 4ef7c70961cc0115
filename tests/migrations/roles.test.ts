import { beforeAll, describe, expect, it } from 'vitest';
import {
  assertNoDrift,
  checkDrift,
  InsufficientPrivilegeError,
  inspectTriggers,
  installTriggers,
  PromoCodeRepository,
  renderSql,
} from '../../src/index';
import { useDatabase, useRole } from '../support';

/** docs/migrations.md, "A role for migrations, a role for the application". */
describe('a role for migrations, and a role for the application', () => {
  const t = useDatabase('migration roles');
  const migrator = useRole({ label: 'migrator' });
  const app = useRole({ label: 'app' });
  const options = { grantTo: [app.role] };
  const namespaces = async () =>
    (await t.sql(`SELECT nspname FROM pg_namespace WHERE nspname LIKE 'pgpromocodes%'`)).rows.length;

  beforeAll(() => t.sql(`GRANT CREATE ON SCHEMA public TO ${migrator.quoted}`));

  it('the owner of the tables needs CREATE on the database, or the schema of the library', async () => {
    const migrations = await t.client(migrator.login);
    await expect(migrations.query(renderSql('schema', options))).rejects.toMatchObject({
      code: '42501',
      message: expect.stringMatching(/^permission denied for database/),
    });
    expect((await t.sql(`SELECT FROM pg_class WHERE relname LIKE 'promo_code%'`)).rows).toEqual([]);
    await t.sql(`CREATE SCHEMA pgpromocodes AUTHORIZATION ${migrator.quoted}`);
    await migrations.query(renderSql('schema', options));
    await migrations.query(
      `GRANT SELECT, INSERT, UPDATE, DELETE ON promo_codes, promo_code_uses TO ${app.quoted};
       GRANT USAGE ON SCHEMA public TO ${app.quoted}`,
    );
  });

  it('the application inspects at its start what the migration has installed, and redeems', async () => {
    const pool = t.poolWith({}, app.login);
    expect(await installTriggers(pool, options)).toMatchObject({ changed: false });
    expect(await inspectTriggers(pool)).toMatchObject({ ok: true });
    const promoCodes = new PromoCodeRepository(pool);
    await promoCodes.create({ code: 'SUMMER', shopId: 's', bonusValue: 5, endDate: '2999-01-01T00:00:00Z' });
    const input = { code: 'summer', shopId: 's', customerAddress: 'ann', baseReward: 1, idempotencyKey: 'order-1' };
    expect(await promoCodes.redeem(input)).toMatchObject({ ok: true });
    await assertNoDrift(pool);
    await promoCodes.close();
  });

  it('the application learns from the same call what a migration has left undone, and changes nothing', async () => {
    const migrations = await t.client(migrator.login);
    await migrations.query('DROP TRIGGER promo_code_uses_insert_trigger ON promo_code_uses');
    const pool = t.poolWith({}, app.login);
    const error = await installTriggers(pool, options).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(InsufficientPrivilegeError);
    await migrations.query((error as InsufficientPrivilegeError).sql ?? '');
    expect(await installTriggers(pool, options)).toMatchObject({ changed: false });
    expect(await checkDrift(pool)).toEqual([]);
  });

  it('no script gets anywhere by a role that does not own the tables', async () => {
    const application = await t.client(app.login);
    const unused = ['maxTotalBonus', 'budgetOverrun', 'minBaseReward', 'customerAddress', 'metadata'];
    const tables = { codes: { columns: Object.fromEntries(unused.map((role) => [role, null])) } };
    for (const name of ['schema', 'triggers', 'uninstall'] as const) {
      await expect(application.query(renderSql(name, { ...options, tables }))).rejects.toMatchObject({ code: '42501' });
    }
    expect(await inspectTriggers(t.pool)).toMatchObject({ ok: true });
    expect(await namespaces()).toBe(1);
  });
});

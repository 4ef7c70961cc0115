import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { inspectTriggers, installTriggers, PromoCodeRepository, renderSql, uninstallTriggers } from '../../src/index';
import { cases, useDatabase, useRole } from '../support';
import { SEED_TABLES } from '../support/host-tables';

const { schema, library, pool, sql, client, poolWith, expand } = useDatabase('grants');
const owner = useRole({ label: 'owner' });
const installer = useRole({ label: 'installer' });
const [web, jobs] = [useRole({ label: 'web' }), useRole({ label: 'jobs' })];
const stranger = useRole({ label: 'stranger' });

const HOST_RIGHTS = 'SELECT, INSERT, UPDATE, DELETE ON :"schema".promo_codes, :"schema".promo_code_uses';

beforeEach(async () => {
  await sql('DROP SCHEMA IF EXISTS :"schema", :"library" CASCADE');
  await sql(`GRANT CREATE ON DATABASE :"database" TO ${owner.quoted}, ${installer.quoted};
             CREATE SCHEMA :"schema" AUTHORIZATION ${owner.quoted}`);
  const connection = await client(owner.login);
  await connection.query(expand(SEED_TABLES));
  await connection.query(
    expand(`GRANT USAGE ON SCHEMA :"schema" TO ${web.quoted}, ${jobs.quoted}, ${installer.quoted}, ${stranger.quoted};
            GRANT ${HOST_RIGHTS} TO ${web.quoted}, ${jobs.quoted};
            GRANT TRIGGER, ${HOST_RIGHTS} TO ${installer.quoted};
            GRANT USAGE ON ALL SEQUENCES IN SCHEMA :"schema" TO ${web.quoted}, ${jobs.quoted}, ${installer.quoted}`),
  );
  await connection.end();
});

/** A redemption with all that it takes: a key, a hold, a confirmation, a rollback. */
async function redeems(role: { login: { user: string; password: string } }): Promise<string> {
  const repository = new PromoCodeRepository(poolWith({ max: 2 }, role.login), { schema });
  const code = randomUUID().slice(0, 8);
  try {
    await repository.create({ code, shopId: 's', bonusValue: 5, perCustomerLimit: null });
    const ask = { code, shopId: 's', customerAddress: 'ann', baseReward: 1 };
    await repository.redeem({ ...ask, idempotencyKey: code });
    const held = await repository.reserve({ ...ask, ttlSeconds: 60 });
    if (held.ok) await repository.confirm(held.use.id);
    if (held.ok) await repository.rollbackUse(held.use.id);
    await repository.releaseExpired();
    return 'redeems';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe.each(cases('ways to install', ['installTriggers', 'renderSql'] as const, (way) => way === 'installTriggers'))(
  'with %s',
  (way) => {
    const install = async (role?: { login: { user: string; password: string } }, grantTo: string[] = []) => {
      const connection = await client(role?.login);
      if (way === 'installTriggers') await installTriggers(connection, { schema, grantTo });
      else await connection.query(renderSql('triggers', { schema, grantTo }));
      await connection.end();
    };

    it.each([
      ['a superuser', undefined],
      ['the owner', owner],
      ['another role', installer],
    ])('%s installs: the owner of the tables redeems, roles of grantTo do, and others do not', async (_, role) => {
      await install(role, [web.role]);
      const roles = { owner, web, jobs };
      const seen: Record<string, string> = {};
      for (const [name, who] of Object.entries(roles)) seen[name] = await redeems(who);
      expect(seen).toEqual({ owner: 'redeems', web: 'redeems', jobs: 'INSUFFICIENT_PRIVILEGE' });
      const { objects } = await inspectTriggers(pool, { schema });
      expect(objects.filter(({ state }) => state !== 'ok')).toEqual([]);
      expect(await installTriggers(await client(web.login), { schema })).toMatchObject({ changed: false });
    });

    it('a role that is named no more loses what it had', async () => {
      await install(owner, [web.role, jobs.role]);
      expect(await redeems(jobs)).toBe('redeems');
      await install(owner, [web.role]);
      expect(await redeems(jobs)).toBe('INSUFFICIENT_PRIVILEGE');
      expect(await redeems(web)).toBe('redeems');
      expect(await rightsOf(jobs.role)).toEqual([]);
      expect(await installTriggers(pool, { schema })).toMatchObject({ changed: false });
    });

    it('default privileges give nobody anything here', async () => {
      await sql(`ALTER DEFAULT PRIVILEGES FOR ROLE ${owner.quoted} GRANT ALL ON TABLES TO PUBLIC, ${stranger.quoted};
               ALTER DEFAULT PRIVILEGES FOR ROLE ${owner.quoted} GRANT ALL ON SEQUENCES TO PUBLIC, ${stranger.quoted};
               ALTER DEFAULT PRIVILEGES FOR ROLE ${owner.quoted} GRANT ALL ON FUNCTIONS TO ${stranger.quoted};
               ALTER DEFAULT PRIVILEGES FOR ROLE ${owner.quoted} GRANT ALL ON SCHEMAS TO PUBLIC, ${stranger.quoted}`);
      try {
        await install(owner);
        expect(await rightsOf(stranger.role)).toEqual([]);
        expect(await rightsOf(null)).toEqual([]);
        expect(await installTriggers(pool, { schema })).toMatchObject({ changed: false });
      } finally {
        await sql(`ALTER DEFAULT PRIVILEGES FOR ROLE ${owner.quoted} REVOKE ALL ON TABLES FROM PUBLIC, ${stranger.quoted};
                 ALTER DEFAULT PRIVILEGES FOR ROLE ${owner.quoted} REVOKE ALL ON SEQUENCES FROM PUBLIC, ${stranger.quoted};
                 ALTER DEFAULT PRIVILEGES FOR ROLE ${owner.quoted} REVOKE ALL ON FUNCTIONS FROM ${stranger.quoted};
                 ALTER DEFAULT PRIVILEGES FOR ROLE ${owner.quoted} REVOKE ALL ON SCHEMAS FROM PUBLIC, ${stranger.quoted}`);
      }
    });

    it('a role that does not exist is named, before anything is written', async () => {
      const installing = install(owner, [web.role, 'no such role', 'nor this']);
      await expect(installing).rejects.toMatchObject(
        way === 'installTriggers'
          ? { code: 'VALIDATION', issues: [{ path: 'grantTo.1' }, { path: 'grantTo.2' }] }
          : { code: '42704', message: expect.stringContaining('no such role') },
      );
      expect((await sql(`SELECT FROM pg_namespace WHERE nspname = :'library'`)).rowCount).toBe(0);
    });
  },
);

it('what a dump without privileges has lost is put right at the next start, without naming the roles', async () => {
  await installTriggers(await client(owner.login), { schema, grantTo: [web.role] });
  await sql(`REVOKE ALL ON SCHEMA :"library" FROM ${web.quoted};
             REVOKE ALL ON ALL TABLES IN SCHEMA :"library" FROM ${web.quoted};
             REVOKE ALL ON ALL SEQUENCES IN SCHEMA :"library" FROM ${web.quoted};
             REVOKE ALL ON ALL FUNCTIONS IN SCHEMA :"library" FROM ${web.quoted};
             GRANT USAGE ON ALL SEQUENCES IN SCHEMA :"library" TO PUBLIC;
             GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA :"library" TO PUBLIC; GRANT ALL ON SCHEMA :"library" TO PUBLIC`);
  expect(await inspectTriggers(pool, { schema })).toMatchObject({ ok: false });
  const { replaced } = await installTriggers(await client(owner.login), { schema });
  expect(replaced).toEqual(expect.arrayContaining([library, 'promo_code_holds', 'redeem_promo_code']));
  expect(await redeems(web)).toBe('redeems');
  expect(await rightsOf(null)).toEqual([]);
  expect(await installTriggers(pool, { schema })).toMatchObject({ changed: false });
});

it('a role that is gone since is a warning, and nothing fails for it', async () => {
  await sql('CREATE ROLE "gone since"');
  await installTriggers(pool, { schema, grantTo: ['gone since', web.role] });
  await sql('DROP OWNED BY "gone since"; DROP ROLE "gone since"');
  const report = await installTriggers(pool, { schema });
  expect(report).toMatchObject({ changed: false, warnings: [expect.stringContaining('gone since')] });
  expect(await redeems(web)).toBe('redeems');
});

it("in the host's own schema others may still look at what the host lets them", async () => {
  await installTriggers(pool, { schema, librarySchema: schema, grantTo: [web.role] });
  expect(await redeems(web)).toBe('redeems');
  expect(await redeems(jobs)).toBe('INSUFFICIENT_PRIVILEGE');
  const looking = await client(stranger.login);
  await sql(`GRANT SELECT ON :"schema".promo_codes TO ${stranger.quoted}`);
  await looking.query(expand('SELECT FROM :"schema".promo_codes'));
  expect(await installTriggers(pool, { schema })).toMatchObject({ changed: false });
  await uninstallTriggers(pool, { schema });
});

/** What a role, or PUBLIC, has been given in the schema of the library. */
async function rightsOf(role: string | null): Promise<string[]> {
  const { rows } = await pool.query<{ what: string }>(
    `WITH acls AS (
       SELECT nspname::text AS name, nspacl AS acl FROM pg_namespace WHERE nspname = $1
       UNION ALL
       SELECT relname, relacl FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace WHERE nspname = $1
       UNION ALL
       SELECT proname, coalesce(proacl, acldefault('f', proowner)) FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = pronamespace
        WHERE nspname = $1)
     SELECT concat_ws(' ', g.privilege_type, a.name) AS what FROM acls AS a, aclexplode(a.acl) AS g
      WHERE g.grantee = coalesce((SELECT oid FROM pg_roles WHERE rolname = $2), 0)`,
    [library, role],
  );
  return rows.map(({ what }) => what);
}

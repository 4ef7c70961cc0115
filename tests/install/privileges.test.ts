import { beforeEach, expect, it } from 'vitest';
import { assertNoDrift, type InsufficientPrivilegeError, installTriggers, uninstallTriggers } from '../../src/index';
import { useDatabase, useRole } from '../support';
import { insertUses, SEED_TABLES } from '../support/host-tables';

const { schema, library, pool, sql, client, expand } = useDatabase('privileges');
const application = useRole({ label: 'application' });
const owner = useRole({ label: 'owner' });

beforeEach(async () => {
  await sql('DROP SCHEMA IF EXISTS :"schema", :"library" CASCADE; CREATE SCHEMA :"schema"');
  await sql(
    `GRANT CREATE ON DATABASE :"database" TO ${owner.quoted}; GRANT USAGE, CREATE ON SCHEMA :"schema" TO ${owner.quoted}; GRANT USAGE ON SCHEMA :"schema" TO ${application.quoted}`,
  );
  const connection = await client(owner.login);
  await connection.query(expand(SEED_TABLES));
  await connection.query(expand(`INSERT INTO :"schema".promo_codes (code, shop_id) VALUES ('C1', 'shop')`));
  await connection.query(
    expand(`GRANT INSERT, SELECT, DELETE ON :"schema".promo_code_uses TO ${application.quoted};
            GRANT USAGE ON ALL SEQUENCES IN SCHEMA :"schema" TO ${application.quoted}`),
  );
  await connection.end();
});

const failure = (promise: Promise<unknown>): Promise<InsufficientPrivilegeError> =>
  promise.then(
    () => expect.unreachable('it was allowed'),
    (error) => error,
  );

it('an application role gets through when all is in place, and its uses are counted without a right on promo_codes', async () => {
  await installTriggers(await client(owner.login), { schema });
  const connection = await client(application.login);
  expect(await installTriggers(connection, { schema })).toMatchObject({ changed: false });
  await connection.query(expand(insertUses(1, 1)));
  await assertNoDrift(pool, { schema });
});

it('otherwise it is told what the owner must run, and running that is enough', async () => {
  await sql(insertUses(1));
  const connection = await client(application.login);
  const error = await failure(installTriggers(connection, { schema, counterWrites: 'ignore' }));
  expect(error).toMatchObject({ name: 'InsufficientPrivilegeError', code: 'INSUFFICIENT_PRIVILEGE' });
  expect(error.message).toContain(`The role ${application.role} may not install`);
  expect(error.message).toContain(`CREATE on the database, for the schema ${library}`);
  expect(error.message).toContain(owner.role);

  await (await client(owner.login)).query(error.sql ?? '');
  expect(await installTriggers(connection, { schema, counterWrites: 'ignore' })).toMatchObject({ changed: false });
  await assertNoDrift(pool, { schema });
});

it('a role that may create triggers but not write the counters is stopped before it breaks the inserts of others', async () => {
  await sql(`GRANT CREATE ON DATABASE :"database" TO ${application.quoted};
             GRANT TRIGGER, SELECT ON ALL TABLES IN SCHEMA :"schema" TO ${application.quoted}`);
  const error = await failure(installTriggers(await client(application.login), { schema }));
  expect(error.message).toContain(`UPDATE on ${schema}.promo_codes`);
});

it('a role from which row-level security hides the codes is stopped', async () => {
  await sql('ALTER TABLE :"schema".promo_codes ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY');
  const error = await failure(installTriggers(await client(owner.login), { schema }));
  expect(error.message).toContain('BYPASSRLS');
});

it('what another role has installed cannot be replaced or removed by the application', async () => {
  await installTriggers(pool, { schema });
  await sql('ALTER TABLE :"schema".promo_code_uses DISABLE TRIGGER promo_code_uses_insert_trigger');
  const connection = await client(application.login);
  expect(await failure(installTriggers(connection, { schema }))).toMatchObject({ code: 'INSUFFICIENT_PRIVILEGE' });
  expect(await failure(uninstallTriggers(connection, { schema }))).toMatchObject({ code: 'INSUFFICIENT_PRIVILEGE' });
  expect(await installTriggers(pool, { schema })).toMatchObject({ replaced: ['promo_code_uses_insert_trigger'] });
});

it('tables that were given to another owner: the library is given to it, in one go', async () => {
  await installTriggers(await client(owner.login), { schema });
  for (const table of ['promo_codes', 'promo_code_uses']) {
    await sql(`ALTER TABLE :"schema".${table} OWNER TO ${application.quoted}`);
  }
  await expect(sql(insertUses(1))).rejects.toThrow('permission denied');
  const connection = await client(application.login);
  for (const installer of [connection, pool]) {
    const error = await failure(installTriggers(installer, { schema }));
    expect(error.message).toContain(`belongs to the role ${owner.role}, and the tables to ${application.role}`);
    expect(error.message.length).toBeLessThan(500);
  }
  await sql((await failure(installTriggers(connection, { schema }))).sql ?? '');
  expect(await installTriggers(connection, { schema })).toMatchObject({ changed: false });
  await sql(insertUses(1));
  await assertNoDrift(pool, { schema });
});

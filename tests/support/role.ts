import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, inject } from 'vitest';
import { withAdmin } from './connections';
import { connectionTag, uniqueName } from './names';
import { changeUrl } from './urls';

export interface RoleOptions {
  label?: string;
  /** More of CREATE ROLE, for example `nologin` or `bypassrls`. */
  attributes?: string;
  /** Whether it may create schemas in the common database, as a role that installs has to. */
  mayCreateSchemas?: boolean;
}

/** Of two that change the rights on one database at a time, one would fail: "tuple concurrently updated". */
const RIGHTS_LOCK = 'select pg_advisory_lock(7102027)';

/** A role of the whole server, with no rights but those that a test grants. */
export interface TestRole {
  readonly role: string;
  /** The role as an identifier in SQL. */
  readonly quoted: string;
  /** For `client()` of a schema or database: connects as this role. */
  readonly login: { readonly user: string; readonly password: string };
}

/** A role that is there before the first test; it, what it owns and what it was granted are gone after the last. */
export function useRole(options: RoleOptions = {}): TestRole {
  const role = uniqueName(options.label ?? 'role');
  const quoted = pg.escapeIdentifier(role);
  // The servers of this project ask for no password, but one at TEST_DATABASE_URL may.
  const password = randomBytes(12).toString('hex');
  const url = changeUrl(inject('postgresUrl'), { applicationName: connectionTag(role) });

  beforeAll(() =>
    withAdmin(url, async (admin) => {
      await admin.query(
        `create role ${quoted} login password ${pg.escapeLiteral(password)} ${options.attributes ?? ''}`,
      );
      if (!options.mayCreateSchemas) return;
      await admin.query(RIGHTS_LOCK);
      const { rows } = await admin.query<{ name: string }>('select quote_ident(current_database()) as name');
      await admin.query(`grant create on database ${rows[0]!.name} to ${quoted}`);
    }),
  );

  afterAll(() =>
    withAdmin(url, async (admin) => {
      await admin.query('select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = $1', [role]);
      await admin.query(RIGHTS_LOCK);
      // What a role owns or was granted is known per database, and DROP ROLE refuses while any of it is left.
      const { rows } = await admin.query<{ datname: string }>(
        `select distinct datname from pg_shdepend join pg_database on pg_database.oid = dbid
           where refclassid = 'pg_authid'::regclass and refobjid = (select oid from pg_roles where rolname = $1)`,
        [role],
      );
      for (const { datname } of rows) {
        await withAdmin(changeUrl(url, { database: datname }), (inside) =>
          inside.query(`drop owned by ${quoted} cascade`),
        );
      }
      await admin.query(`drop owned by ${quoted} cascade`);
      await admin.query(`drop role if exists ${quoted}`);
    }),
  );

  return { role, quoted, login: { user: role, password } };
}

import { readFileSync } from 'node:fs';
import type pg from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';
import { installSchema, PromoCodeRepository } from '../../src/index';
import { useDatabase, useRole } from '../support';

const t = useDatabase('privileges');
/** As docs/operations.md describes them, and one that may only connect. */
const roles = {
  checkout: useRole({ label: 'checkout' }),
  importer: useRole({ label: 'importer' }),
  monitor: useRole({ label: 'monitor' }),
  nobody: useRole({ label: 'nobody' }),
};
type Name = keyof typeof roles;
const NAMES = Object.keys(roles) as Name[];
const clients = new Map<Name, pg.Client>();

/** What `checkout` may do with each table of the library; the others may do nothing with any. A table that is not here is found. */
const TABLES: Record<string, readonly string[]> = {
  promo_code_archived_uses: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  promo_code_campaign_codes: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  promo_code_campaigns: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  promo_code_carried_customers: ['SELECT'],
  promo_code_carried_totals: ['SELECT'],
  // Row-level security refuses rows of whoever does not own the codes.
  promo_code_drift_checks: ['SELECT', 'UPDATE', 'DELETE'],
  promo_code_history: ['SELECT'],
  promo_code_history_default: [],
  promo_code_holds: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  promo_code_idempotency_keys: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
  promo_code_rate_limits: ['SELECT', 'INSERT', 'UPDATE', 'DELETE'],
};
/** Of which `checkout` has USAGE: whether there has been a campaign is read from that of their ids. Identities need none. */
const SEQUENCES: Record<string, boolean> = { promo_code_campaigns_id_seq: true, promo_code_history_id_seq: false };
/** Rights on campaigns are not enough: who may not change codes changes none (protect_promo_code_campaigns). */
const PROTECTED = ['promo_code_campaigns', 'promo_code_campaign_codes'];
const MONTH = /^promo_code_history_\d{4}_\d{2}$/;

/** A statement that takes this right and no other, and changes nothing where there is a table for it. */
const STATEMENTS: Record<string, (table: string) => string> = {
  SELECT: (table) => `SELECT 1 FROM ${table} LIMIT 1`,
  INSERT: (table) => `INSERT INTO ${table} DEFAULT VALUES`,
  UPDATE: (table) => `UPDATE ${table} SET ${FIRST_COLUMN[table.split('.')[1]!] ?? 'id'} = NULL WHERE false`,
  DELETE: (table) => `DELETE FROM ${table} WHERE false`,
  TRUNCATE: (table) => `TRUNCATE ${table}`,
  // A key of a table of one's own can be none of these before the columns fit.
  REFERENCES: (table) =>
    `DO $$ BEGIN IF NOT has_any_column_privilege($q$${table}$q$::regclass, 'REFERENCES') THEN RAISE insufficient_privilege; END IF; END $$`,
  TRIGGER: (table) =>
    `CREATE TRIGGER planted BEFORE INSERT ON ${table} FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()`,
  'a column': (table) => `ALTER TABLE ${table} ADD COLUMN planted text`,
  'a policy': (table) => `CREATE POLICY planted ON ${table} USING (true)`,
  'no row-level security': (table) => `ALTER TABLE ${table} DISABLE ROW LEVEL SECURITY`,
  'an index': (table) => `CREATE INDEX ON ${table} ((1))`,
  'an owner': (table) => `ALTER TABLE ${table} OWNER TO CURRENT_USER`,
  removal: (table) => `DROP TABLE ${table}`,
  'a comment': (table) => `COMMENT ON TABLE ${table} IS 'mine'`,
};
const FIRST_COLUMN: Record<string, string> = {
  promo_code_archived_uses: 'answer',
  promo_code_campaign_codes: 'campaign_id',
  promo_code_carried_customers: 'uses',
  promo_code_carried_totals: 'uses',
  promo_code_drift_checks: 'last_id',
  promo_code_history: 'actor',
  promo_code_history_default: 'actor',
  promo_code_holds: 'released_as',
  promo_code_idempotency_keys: 'customer_address',
  promo_code_rate_limits: 'expire',
  promo_code_campaigns: 'metadata',
};

/** The functions, as docs/schema-reference.md says who may execute them. */
const FUNCTIONS = [
  ...readFileSync(new URL('../../docs/schema-reference.md', import.meta.url), 'utf8').matchAll(
    /^\| `(\w+)` \| (?:`([^`]*)`)? ?\| (who redeems|the owner|triggers) \| (caller|owner) \|/gm,
  ),
].map(([, name = '', args = '', who = '', rights = '']) => ({ name, args, who, rights }));

/** What became of a statement in a transaction that is undone: its SQLSTATE, or `done`. */
async function outcome(name: Name, statement: string): Promise<string> {
  const client = clients.get(name)!;
  await client.query('BEGIN');
  try {
    await client.query(t.expand(statement));
    return 'done';
  } catch (error) {
    return String((error as { code?: string }).code);
  } finally {
    await client.query('ROLLBACK');
  }
}

beforeAll(async () => {
  await installSchema(t.pool, {
    schema: t.schema,
    grantTo: [roles.checkout.role],
    ...{ history: true, enforceLimits: true },
  });
  const all = NAMES.map((name) => roles[name].quoted).join(', ');
  // Whoever may look into the schema of the library gains nothing by that.
  await t.sql(`GRANT USAGE ON SCHEMA :"schema", :"library" TO ${all};
    GRANT TEMPORARY ON DATABASE :"database" TO ${all};
    GRANT SELECT, UPDATE (updated_at) ON :"schema".promo_codes TO ${roles.checkout.quoted};
    GRANT SELECT, INSERT, DELETE, UPDATE (transaction_id) ON :"schema".promo_code_uses TO ${roles.checkout.quoted};
    GRANT INSERT ON :"schema".promo_code_uses TO ${roles.importer.quoted};
    GRANT SELECT ON :"schema".promo_codes, :"schema".promo_code_uses TO ${roles.monitor.quoted}`);
  for (const name of NAMES) clients.set(name, await t.client(roles[name].login));
});

describe('everything that is in the schema of the library has a test here', () => {
  it('tables, sequences and views', async () => {
    const { rows } = await t.sql<{ name: string; kind: string }>(
      `SELECT c.relname AS name, c.relkind::text AS kind FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = :'library' AND c.relkind <> 'i' AND c.relkind <> 'I' ORDER BY c.relname`,
    );
    const tables = rows.filter(({ kind }) => kind === 'r' || kind === 'p').map(({ name }) => name);
    expect(tables.filter((name) => !MONTH.test(name))).toEqual(Object.keys(TABLES).sort());
    const sequences = rows.filter(({ kind }) => kind === 'S').map(({ name }) => name);
    expect(sequences).toEqual(Object.keys(SEQUENCES));
    expect(rows).toHaveLength(tables.length + sequences.length);
    for (const name of NAMES)
      for (const sequence of sequences) {
        const path = `'${t.expand(':"library"').replaceAll("'", "''")}.${sequence}'`;
        const mayRead = name === 'checkout' && SEQUENCES[sequence];
        expect(await outcome(name, `SELECT nextval(${path})`)).toBe(mayRead ? 'done' : '42501');
        expect(await outcome(name, `SELECT setval(${path}, 1)`)).toBe('42501');
        expect(await outcome(name, `ALTER SEQUENCE :"library".${sequence} RESTART`)).toBe('42501');
      }
  });

  it('functions', async () => {
    const { rows } = await t.sql<{ name: string; rights: string }>(
      `SELECT p.proname AS name, CASE WHEN p.prosecdef THEN 'owner' ELSE 'caller' END AS rights
         FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = :'library' ORDER BY p.proname`,
    );
    const documented = FUNCTIONS.map(({ name, rights }) => ({ name, rights }));
    expect(rows).toEqual(documented.sort((one, other) => (one.name < other.name ? -1 : 1)));
  });

  it('types and other things are not there', async () => {
    const { rows } = await t.sql(
      `SELECT typname FROM pg_type AS y JOIN pg_namespace AS n ON n.oid = y.typnamespace
        WHERE n.nspname = :'library' AND y.typrelid = 0 AND y.typelem = 0
        UNION ALL SELECT oprname FROM pg_operator AS o JOIN pg_namespace AS n ON n.oid = o.oprnamespace WHERE n.nspname = :'library'`,
    );
    expect(rows).toEqual([]);
  });
});

describe.each(Object.keys(STATEMENTS))('%s', (right) => {
  it.each(Object.entries(TABLES))('on %s', async (table, allowed) => {
    for (const name of NAMES) {
      const seen = await outcome(name, STATEMENTS[right]!(`:"library".${table}`));
      const isAllowed = name === 'checkout' && allowed.includes(right);
      if (!isAllowed || (PROTECTED.includes(table) && right !== 'SELECT')) expect(seen, name).toBe('42501');
      // A row of defaults is none of these tables'.
      else expect(seen, name).toBe(right === 'INSERT' ? '23502' : 'done');
    }
  });
});

describe('EXECUTE', () => {
  it.each(FUNCTIONS)('on $name', async ({ name, args, who, rights }) => {
    const types = args === '' ? [] : args.replace('anyelement', 'text').split(', ');
    const call = `SELECT :"library".${name}(${types.map((type) => `NULL::${type}`).join(', ')})`;
    for (const role of NAMES) {
      const seen = await outcome(role, call);
      if (role !== 'checkout' || who !== 'who redeems') expect(seen, role).toBe('42501');
      if (who !== 'triggers') continue;
      // In a trigger of one's own it would run with the rights of the owner.
      const trigger = `CREATE TEMP TABLE bait (id bigint) ON COMMIT DROP;
        CREATE TRIGGER bait AFTER INSERT ON bait FOR EACH ROW EXECUTE FUNCTION :"library".${name}()`;
      expect(await outcome(role, trigger), role).toBe('42501');
      expect(await outcome(role, `ALTER FUNCTION :"library".${name}() SECURITY INVOKER`), role).toBe('42501');
    }
    const { rows } = await t.sql<{ may: boolean }>(
      `SELECT has_function_privilege($1, p.oid, 'EXECUTE') AS may FROM pg_proc AS p
         JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = :'library' AND p.proname = $2`,
      [roles.checkout.role, name],
    );
    expect(rows).toEqual([{ may: who === 'who redeems' }]);
    if (rights === 'owner') expect(who === 'triggers' || name === 'reserve_promo_code_use_ids').toBe(true);
  });

  it('what runs with the rights of the owner and can be called asks for the right itself', async () => {
    await t.sql(
      `GRANT EXECUTE ON FUNCTION :"library".reserve_promo_code_use_ids TO ${roles.monitor.quoted}, ${roles.importer.quoted}`,
    );
    const reserve = 'SELECT :"library".reserve_promo_code_use_ids(1)';
    expect(await outcome('monitor', reserve)).toBe('42501');
    expect(await outcome('importer', reserve)).toBe('done');
    await installSchema(t.pool, { schema: t.schema });
    expect(await outcome('importer', reserve)).toBe('42501');
  });
});

describe('the tables of the host', () => {
  it.each([
    ['promo_codes', ['updated_at']],
    ['promo_code_uses', ['transaction_id']],
  ])('%s: no column but %s can be written by who only redeems', async (table, writable) => {
    const { rows } = await t.sql<{ name: string }>(
      `SELECT attname AS name FROM pg_attribute WHERE attrelid = (quote_ident(:'schema') || '.${table}')::regclass AND attnum > 0`,
    );
    expect(rows.length).toBeGreaterThan(8);
    for (const { name: column } of rows)
      for (const role of NAMES) {
        const seen = await outcome(role, `UPDATE :"schema".${table} SET "${column}" = DEFAULT WHERE false`);
        expect(seen, `${role} ${column}`).toBe(role === 'checkout' && writable.includes(column) ? 'done' : '42501');
      }
  });

  it.each(['TRUNCATE', 'REFERENCES', 'TRIGGER', 'a column', 'a policy', 'an index', 'an owner', 'removal'])(
    '%s is for nobody',
    async (right) => {
      for (const table of ['promo_codes', 'promo_code_uses'])
        for (const role of NAMES) expect(await outcome(role, STATEMENTS[right]!(`:"schema".${table}`))).toBe('42501');
    },
  );

  it('codes can be neither made nor deleted, by SQL and by the library, and can be redeemed', async () => {
    const code = await new PromoCodeRepository(t.pool, { schema: t.schema }).create({
      ...{ code: 'X', shopId: 's', bonusValue: 5, perCustomerLimit: null },
    });
    const own = new PromoCodeRepository(t.poolWith({ max: 2 }, roles.checkout.login), { schema: t.schema });
    const denied = { code: 'INSUFFICIENT_PRIVILEGE' };
    await expect(own.create({ code: 'Y', shopId: 's', bonusValue: 5 })).rejects.toMatchObject(denied);
    await expect(own.update(code.id, { bonusValue: 500 })).rejects.toMatchObject(denied);
    await expect(own.delete(code.id)).rejects.toMatchObject(denied);
    for (const role of NAMES) {
      expect(await outcome(role, 'DELETE FROM :"schema".promo_codes')).toBe('42501');
      expect(await outcome(role, 'INSERT INTO :"schema".promo_codes DEFAULT VALUES')).toBe('42501');
    }
    const request = { code: 'X', shopId: 's', customerAddress: 'ann', baseReward: 1 };
    const kept = await own.redeem({ ...request, idempotencyKey: 'k' });
    const hold = await own.reserve({ ...request, ttlSeconds: 60 });
    if (!kept.ok || !hold.ok) throw new Error('refused');
    await expect(own.amendUse(kept.use.id, { bonusAmount: 500 })).rejects.toMatchObject(denied);
    await own.confirm(hold.use.id, { transactionId: 'paid' });
    expect(await own.rollbackUse(kept.use.id)).toEqual({ rolledBack: true });
    expect(await own.findById(code.id)).toMatchObject({ timesUsed: 1, bonusValue: '5.00' });
  });

  it('no schema and no database gives more', async () => {
    for (const role of NAMES) {
      expect(await outcome(role, 'CREATE TABLE :"schema".planted (a integer)')).toBe('42501');
      expect(
        await outcome(role, 'CREATE FUNCTION :"library".planted() RETURNS integer LANGUAGE sql AS $$ SELECT 1 $$'),
      ).toBe('42501');
      expect(await outcome(role, 'DROP SCHEMA :"library" CASCADE')).toBe('42501');
      expect(await outcome(role, 'ALTER SCHEMA :"library" RENAME TO mine')).toBe('42501');
    }
  });
});

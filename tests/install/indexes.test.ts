import { beforeEach, describe, expect, it } from 'vitest';
import { describeHost } from '../../src/host/options';
import { inspectTriggers, installTriggers } from '../../src/index';
import { isSmall } from '../../src/install/build-index';
import { cases, useSchema } from '../support';
import { SEED_TABLES } from '../support/host-tables';

const { schema, pool, sql, client } = useSchema('indexes');

beforeEach(async () => {
  await sql('DROP SCHEMA IF EXISTS :"schema", :"library" CASCADE; CREATE SCHEMA :"schema"');
});

const MANY_USES = `
  INSERT INTO :"schema".promo_codes (id, code, shop_id) VALUES (1, 'C1', 'shop');
  INSERT INTO :"schema".promo_code_uses (promo_code_id, customer_address, shop_id, base_reward, bonus_amount, total_reward)
  SELECT 1, left(md5(n::text), 30), repeat('s', 90), 1, 5, 6 FROM generate_series(1, 45000) AS n`;

const PARTITIONED = SEED_TABLES.replace('id               serial PRIMARY KEY', 'id serial')
  .replace(/\);\s+CREATE INDEX/, ') PARTITION BY HASH (promo_code_id);\nCREATE INDEX')
  .concat(
    `CREATE TABLE :"schema".uses_0 PARTITION OF :"schema".promo_code_uses FOR VALUES WITH (MODULUS 2, REMAINDER 0);
     CREATE TABLE :"schema".uses_1 PARTITION OF :"schema".promo_code_uses FOR VALUES WITH (MODULUS 2, REMAINDER 1)
       PARTITION BY HASH (id);
     CREATE TABLE :"schema".uses_1_0 PARTITION OF :"schema".uses_1 FOR VALUES WITH (MODULUS 1, REMAINDER 0);`,
  );

const TABLES: [kind: string, tables: string][] = [
  ['plain', SEED_TABLES],
  ['partitioned', PARTITIONED],
];
describe.each(cases('kinds of big tables', TABLES, ([kind]) => kind === 'plain'))('a big %s table', (kind, tables) => {
  // The key of a partitioned table need not begin with the id.
  const ofUses = ['promo_code_uses_code_customer_idx', ...(kind === 'plain' ? [] : ['promo_code_uses_use_id_idx'])];

  beforeEach(async () => {
    await sql(tables);
    await sql(MANY_USES);
  });

  it('is known to be big, and an empty one to be small', async () => {
    expect(await isSmall(pool, describeHost(schema, {}), 'uses')).toBe(false);
    expect(await isSmall(pool, describeHost(schema, {}), 'codes')).toBe(true);
    expect(await isSmall(pool, describeHost(schema, { tables: { codes: { name: 'no_such_table' } } }), 'codes')).toBe(
      false,
    );
  });

  it('is indexed without a lock that stands before writers', async () => {
    const statements: string[] = [];
    const watching = {
      connect: async () => {
        const connection = await pool.connect();
        return {
          query: (text: string, values?: unknown[]) => {
            statements.push(text);
            return connection.query(text, values);
          },
          release: (error?: Error | boolean) => connection.release(error),
        };
      },
      query: (text: string, values?: unknown[]) => pool.query(text, values),
    };
    const report = await installTriggers(watching, { schema });
    expect(report.created).toContain('promo_code_uses_code_customer_idx');
    const builds = statements.filter((text) => /^CREATE INDEX.*promo_code_id"?, (?:pg_catalog\.)?lower/.test(text));
    expect(builds.length).toBeGreaterThan(0);
    for (const build of builds) expect(build).toMatch(kind === 'plain' ? / CONCURRENTLY / : / CONCURRENTLY | ON ONLY /);
    expect(await invalid()).toEqual([]);
    const plan = await sql<{ 'QUERY PLAN': string }>(
      `SET enable_seqscan = off; EXPLAIN SELECT FROM :"schema".promo_code_uses
        WHERE promo_code_id = 1 AND lower(btrim(customer_address::text)) = 'x'`,
    );
    expect(JSON.stringify(plan)).toContain('lower(btrim(');
    await sql('RESET enable_seqscan');
    expect(await installTriggers(pool, { schema })).toMatchObject({ changed: false });
  });

  it("is left without the index in the host's transaction, with a warning, and gets it from the next call", async () => {
    const host = await client();
    await host.query('BEGIN');
    const report = await installTriggers(host, { schema });
    expect(report.created).not.toContain('promo_code_uses_code_customer_idx');
    expect(report.created).toContain('promo_codes_shop_code_idx');
    expect(report.warnings).toEqual(ofUses.map(() => expect.stringContaining('outside a transaction')));
    await host.query('COMMIT');
    expect(await installTriggers(pool, { schema, dryRun: true })).toMatchObject({
      changed: true,
      created: ofUses,
    });
    expect(await installTriggers(pool, { schema })).toMatchObject({
      created: ofUses,
      warnings: [],
    });
    expect(await invalid()).toEqual([]);
  });
});

it('a build that failed leaves a complete installation, and the next call builds the index', async () => {
  await sql(SEED_TABLES);
  await sql(MANY_USES);
  const failing = {
    connect: async () => {
      const connection = await pool.connect();
      return {
        query: (text: string, values?: unknown[]) =>
          text.startsWith('CREATE INDEX CONCURRENTLY promo_code_uses')
            ? connection
                .query(`SET statement_timeout = '40ms'`)
                .then(() => connection.query(text, values).finally(() => connection.query('RESET statement_timeout')))
            : connection.query(text, values),
        release: (error?: Error | boolean) => connection.release(error),
      };
    },
    query: (text: string, values?: unknown[]) => pool.query(text, values),
  };
  const report = await installTriggers(failing, { schema });
  expect(report.warnings).toEqual([expect.stringContaining('promo_code_uses_code_customer_idx')]);
  expect(await invalid()).toEqual(['promo_code_uses_code_customer_idx']);
  expect(await inspectTriggers(pool, { schema })).toMatchObject({ ok: true });
  expect(await installTriggers(pool, { schema })).toMatchObject({
    changed: true,
    created: ['promo_code_uses_code_customer_idx'],
  });
  expect(await invalid()).toEqual([]);
  expect(await installTriggers(pool, { schema })).toMatchObject({ changed: false });
});

async function invalid(): Promise<string[]> {
  const { rows } = await sql<{ name: string }>(
    `SELECT c.relname AS name FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
      WHERE NOT i.indisvalid AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = :'schema')`,
  );
  return rows.map(({ name }) => name);
}

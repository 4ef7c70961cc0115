import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toStoredName } from '../../src/host/installation';
import { defaultLibrarySchema } from '../../src/host/library-schema';
import { inspectTriggers, installTriggers, renderSql } from '../../src/index';
import { quoteIdentifier, quoteLiteral } from '../../src/postgres/identifiers';
import { cases, clientToolOrSkip, isWhole, runTool, storedName, useDatabase } from '../support';

const psql = clientToolOrSkip('psql');
const { pool, sql, url } = useDatabase('hostile-names');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'p'));
});
afterAll(() => rm(folder, { recursive: true }));

/** What would create something if it left its quotes; PostgreSQL cuts names after 63 bytes. */
const INSTALLED = [
  'x\n$body$;CREATE TABLE public.pwned();--',
  '$body$$body_$$body__$',
  `$resolve$$function$;CREATE TABLE public.pwned();--`,
  '\n\\! touch FILE\n',
  '\\\n\\;\\gexec\n\\q',
  `:"schema" :'schema' :schema`,
  `:uses_filter :codes_filter :order_and_limit`,
  `x;\nDROP TABLE promo_codes;\nCREATE TABLE public.pwned();`,
  `\\'"; CREATE TABLE public.pwned(); --`,
  `%I %s %L %% $1 $& $\` $'`,
  'CONCURRENTLY OR REPLACE \n  /* (x)',
  'x, pg_catalog, "pg_temp"',
] as const;
const NAMES = [
  ...INSTALLED,
  '\n$body_$;CREATE TABLE public.pwned();--',
  '$body',
  '\\! touch FILE',
  `:"counter_writes":'granularity'`,
  '\n:functions\n:preflight\n',
  `"; CREATE TABLE public.pwned(); --`,
  `'; CREATE TABLE public.pwned(); --`,
  '-- a comment */ /* and another',
  '\n.',
  ' ',
  'Grüße 🎉 ünïcödé',
] as const;

const PIECES = [
  ...['\n', '\r\n', '\t', ' ', '"', '""', "'", "''", '\\', '\\\\', ';', '--', '/*', '*/', '%I', '%', '$', '$$', '$1'],
  ...['$body$', '$body_$', '$body', '$tag$', '$resolve$', '$function$', ':"schema"', `:'schema'`, ':schema', '(', ')'],
  ...['\\! touch FILE\n', '\\q\n', '\\gexec\n', 'CREATE TABLE public.pwned();', 'COMMIT;', 'END', 'x', 'AS', '🎉'],
];
const names = fc
  .array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 7 })
  .map((pieces) => pieces.join(''))
  .filter((name) => Buffer.byteLength(inFolder(name, '/tmp/pxxxxxx')) <= 63);

function inFolder(name: string, where = folder): string {
  return name.replaceAll('FILE', path.join(where, 'f'));
}

/** Everything in the database that is not in these schemas. */
async function elsewhere(...schemas: string[]): Promise<unknown> {
  const { rows } = await pool.query(
    `SELECT 'schema' AS kind, n.nspname::text AS name FROM pg_namespace AS n WHERE n.nspname::text <> ALL ($1::text[])
      UNION ALL
     SELECT 'table', c.oid::text FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
      WHERE n.nspname::text <> ALL ($1::text[]) AND n.nspname <> 'pg_toast'
      UNION ALL
     SELECT 'function', p.oid::text FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
      WHERE n.nspname::text <> ALL ($1::text[])
      ORDER BY 1, 2`,
    [schemas],
  );
  return rows;
}

async function throughPsql(text: string): Promise<void> {
  const { code, stderr } = await runTool(psql!, ['-X', '-q', '-1', '-v', 'ON_ERROR_STOP=1', '-d', url], {
    input: text,
    env: { PGOPTIONS: '-c client_min_messages=warning' },
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
}

/** Every way in and out, each of which must leave what the library itself would. */
async function installEveryWay(name: string): Promise<void> {
  const schema = inFolder(name);
  const scripts = ['schema', 'drift', 'uninstall', 'triggers', 'schema'] as const;
  const rendered = scripts.map((script) => renderSql(script, { schema, granularity: 'row' }));
  const library = defaultLibrarySchema(schema);
  const before = await elsewhere(schema, library);
  await pool.query(`CREATE SCHEMA ${quoteIdentifier(schema)}`);
  const ways = [
    async () => {
      for (const text of rendered) await pool.query(text);
    },
    () => throughPsql(rendered.join('\n')),
  ];
  for (const way of psql ? ways : ways.slice(0, 1)) {
    await way();
    expect(await installTriggers(pool, { schema })).toMatchObject({ changed: false });
    expect(await elsewhere(schema, library)).toEqual(before);
    expect(existsSync(path.join(folder, 'f'))).toBe(false);
  }
  await pool.query(`DROP SCHEMA ${quoteIdentifier(schema)}, ${quoteIdentifier(library)} CASCADE`);
}

describe('a schema name never leaves its quotes', () => {
  it.each(cases('names', INSTALLED, (_, index) => index % 4 === 0).map((name) => [JSON.stringify(name), name]))(
    '%s',
    (_, name) => installEveryWay(name),
  );

  it('nor do names that are put together from what is special to PostgreSQL and psql', async () => {
    await fc.assert(fc.asyncProperty(names, installEveryWay), { numRuns: isWhole ? 3 : 1, endOnFailure: true });
  }, 60_000);

  /** Rendering is a matter of text alone: but for the names and the quotes of bodies, every script reads the same. */
  it('in any script, which but for the name reads as it does for any other', () => {
    const scripts = ['schema', 'triggers', 'uninstall', 'drift', 'listIndexes'] as const;
    const render = (script: (typeof scripts)[number], schema: string) =>
      renderSql(script, { schema, librarySchema: 'library of plain' });
    const plain = Object.fromEntries(scripts.map((script) => [script, render(script, 'plain')]));
    fc.assert(
      fc.property(names, fc.constantFrom(...scripts), (name, script) => {
        fc.pre([quoteIdentifier, quoteLiteral].every((quote) => !plain[script]?.includes(quote(name))));
        const text = render(script, name);
        const tag = /^(?:AS |DO )(\$body_*\$)$/m.exec(plainly(text, name))?.[1];
        if (tag) expect(name).not.toContain(tag);
        const longer = tag?.replaceAll(/[^_]/g, '') ?? '';
        const shorter = plainly(text, name)
          .replaceAll(`body${longer}$`, 'body$')
          .replaceAll(`insert${longer}$`, 'insert$');
        expect(shorter).toBe(plain[script]);
      }),
      {
        numRuns: isWhole ? 150 : 50,
        examples: NAMES.flatMap((name) => scripts.map((script): [string, typeof script] => [name, script])),
      },
    );
  }, 120_000);
});

function plainly(text: string, name: string): string {
  const placeholder = '\u0000';
  return ['promo_codes', 'promo_code_uses']
    .map((table) => ({ table: `${quoteIdentifier(name)}."${table}"`, plain: `"${placeholder}"."${table}"` }))
    .reduce((all, { table, plain }) => all.replaceAll(quoteLiteral(table), `'${plain}'`), text)
    .replaceAll(quoteIdentifier(name), `"${placeholder}"`)
    .replaceAll(quoteLiteral(name), `'${placeholder}'`)
    .replace(`"schema":"${storedName(name)}"`, () => `"schema":"${placeholder}"`)
    .replace(`$schema$${toStoredName(name)}$schema$`, () => `$schema$${placeholder}$schema$`)
    .replaceAll(placeholder, 'plain');
}

it('a partition may be called anything as well', async () => {
  const schema = 'partitions of "x"';
  const quoted = quoteIdentifier(schema);
  const [hashed] = NAMES;
  await pool.query(`CREATE SCHEMA ${quoted}`);
  await pool.query(renderSql('schema', { schema }));
  await sql(`DROP TABLE ${quoted}.promo_code_uses;
    CREATE TABLE ${quoted}.promo_code_uses (
      id bigint GENERATED BY DEFAULT AS IDENTITY, promo_code_id bigint NOT NULL, customer_address text NOT NULL,
      shop_id text NOT NULL, transaction_id text, base_reward numeric(18,2) NOT NULL DEFAULT 0,
      bonus_amount numeric(18,2) NOT NULL DEFAULT 0, total_reward numeric(18,2) NOT NULL DEFAULT 0,
      used_at timestamptz NOT NULL DEFAULT now()) PARTITION BY HASH (promo_code_id)`);
  for (const [index, name] of [hashed, ' ON "promo_code_uses"\n'].entries()) {
    await pool.query(`CREATE TABLE ${quoted}.${quoteIdentifier(name)} PARTITION OF ${quoted}.promo_code_uses
      FOR VALUES WITH (MODULUS 2, REMAINDER ${index})`);
  }
  const library = defaultLibrarySchema(schema);
  const before = await elsewhere(schema, library);
  for (const granularity of ['row', 'statement'] as const) {
    await installTriggers(pool, { schema, granularity });
    expect(await inspectTriggers(pool, { schema })).toMatchObject({ ok: true, granularity });
  }
  expect(await elsewhere(schema, library)).toEqual(before);
});

import { beforeAll, describe, expect, it } from 'vitest';
import { installSchema } from '../../src/index';
import { useDatabase, useRole } from '../support';
import { pageText, tableOf } from './page';

const PAGE = 'schema-reference';
const t = useDatabase('schema reference');
const redeemer = useRole({ label: 'redeemer' });
beforeAll(() => installSchema(t.pool, { grantTo: [redeemer.role], enforceLimits: true, history: true }));

const plain = (cell: string) => cell.replaceAll('`', '');
const sorted = (rows: string[][]) => rows.map((row) => row.join(' | ')).sort();
const found = async (statement: string, values: unknown[] = []) => {
  const { rows } = await t.pool.query({ text: statement, values, rowMode: 'array' });
  return rows as unknown as string[][];
};

/** The table of columns that follows the name of a table of the database. */
function columnsOf(table: string): string[][] {
  const text = pageText(PAGE);
  const [start = -1] = [`\n## ${table}\n`, `\n\`${table}\`: `]
    .map((mark) => text.indexOf(mark))
    .filter((at) => at >= 0);
  const section = text.slice(start).split('\n| column |')[1] ?? '';
  const lines = section.split('\n\n')[0]!.split('\n').slice(2);
  return lines.map((line) => line.slice(2).split(' | ').slice(0, 3).map(plain));
}

describe('the page lists what a fresh installation has', () => {
  it.each([
    'promo_codes',
    'promo_code_uses',
    'promo_code_holds',
    'promo_code_idempotency_keys',
    'promo_code_rate_limits',
    'promo_code_history',
    'promo_code_campaigns',
    'promo_code_campaign_codes',
    'promo_code_carried_totals',
    'promo_code_carried_customers',
    'promo_code_archived_uses',
    'promo_code_drift_checks',
  ])('each column of %s, in its order', async (table) => {
    const rows = await found(
      `SELECT a.attname::text, replace(format_type(a.atttypid, a.atttypmod), 'timestamp with time zone', 'timestamptz'),
              concat_ws(', ', CASE WHEN a.attnotnull THEN 'not null' ELSE 'null' END,
                        CASE WHEN a.attidentity <> '' THEN 'identity' END, regexp_replace(pg_get_expr(d.adbin, d.adrelid), '::text(\\[\\])?', ''))
         FROM pg_attribute AS a
         JOIN pg_class AS c ON c.oid = a.attrelid
         LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE c.relname = $1 AND c.relnamespace IN ('public'::regnamespace, 'pgpromocodes'::regnamespace)
          AND a.attnum > 0 AND NOT a.attisdropped
        ORDER BY a.attnum`,
      [table],
    );
    expect(rows.length).toBeGreaterThan(2);
    expect(columnsOf(table)).toEqual(rows);
  });

  it('each table, and no other', async () => {
    const rows = await found(
      `SELECT relname::text FROM pg_class
        WHERE relnamespace IN ('public'::regnamespace, 'pgpromocodes'::regnamespace) AND relkind IN ('r', 'p', 'v', 'm')
          AND NOT relispartition`,
    );
    const headings = pageText(PAGE).matchAll(/^(?:## (promo_code\w+)$|`(promo_code\w+)`: )/gm);
    expect([...headings].map(([, host, own]) => host ?? own).sort()).toEqual(rows.flat().sort());
  });

  it('each index', async () => {
    const rows = await found(
      `SELECT i.indexname::text, i.tablename::text
         FROM pg_indexes AS i
         JOIN pg_class AS c ON c.relname = i.tablename AND c.relnamespace::regnamespace::name = i.schemaname
        WHERE i.schemaname IN ('public', 'pgpromocodes') AND NOT c.relispartition`,
    );
    const listed = tableOf(PAGE, ['index', 'on', 'what for']).map((row) => row.slice(0, 2).map(plain));
    expect(sorted(listed)).toEqual(sorted(rows));
  });

  it('each trigger', async () => {
    const rows = await found(
      `SELECT t.tgname::text, c.relname::text,
              substring(pg_get_triggerdef(t.oid) FROM '(?:AFTER|BEFORE) .*(?= ON (?:public|pgpromocodes))'), p.proname::text
         FROM pg_trigger AS t JOIN pg_proc AS p ON p.oid = t.tgfoid JOIN pg_class AS c ON c.oid = t.tgrelid
        WHERE NOT t.tgisinternal AND NOT c.relispartition`,
    );
    const listed = tableOf(PAGE, ['trigger', 'on', 'event', 'function']).map((row) => row.map(plain));
    expect(sorted(listed)).toEqual(sorted(rows));
  });

  it('each function, who may execute it, and whose rights it has', async () => {
    const rows = await found(
      `SELECT p.proname::text, replace(oidvectortypes(p.proargtypes), '"', ''),
              CASE WHEN has_function_privilege($1, p.oid, 'EXECUTE') THEN 'who redeems'
                   WHEN p.prorettype = 'trigger'::regtype THEN 'triggers' ELSE 'the owner' END,
              CASE WHEN p.prosecdef THEN 'owner' ELSE 'caller' END
         FROM pg_proc AS p WHERE p.pronamespace = 'pgpromocodes'::regnamespace`,
      [redeemer.role],
    );
    const heading = ['function', 'arguments', 'who may execute it', 'rights', 'what it does'];
    const listed = tableOf(PAGE, heading).map((row) => row.slice(0, 4).map(plain));
    expect(sorted(listed)).toEqual(sorted(rows));
  });

  it('nothing of it in the schema of the host, but for the two tables, their triggers and indexes', async () => {
    expect(await found(`SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace`)).toEqual([]);
  });
});

it('who redeems has the four rights on the tables of the library, but may only read the history and what is carried, and PUBLIC has none', async () => {
  const rows = await found(
    `SELECT c.relname::text, string_agg(g.privilege_type, ', ' ORDER BY g.privilege_type), pg_get_userbyid(g.grantee)::text
       FROM pg_class AS c CROSS JOIN LATERAL aclexplode(c.relacl) AS g
      WHERE c.relnamespace = 'pgpromocodes'::regnamespace AND c.relkind IN ('r', 'p') AND g.grantee <> c.relowner
      GROUP BY 1, 3 ORDER BY 1`,
  );
  expect(rows).toEqual([
    ...['promo_code_archived_uses', 'promo_code_campaign_codes', 'promo_code_campaigns'].map((table) => [
      ...[table, 'DELETE, INSERT, SELECT, UPDATE', redeemer.role],
    ]),
    ['promo_code_carried_customers', 'SELECT', redeemer.role],
    ['promo_code_carried_totals', 'SELECT', redeemer.role],
    ['promo_code_drift_checks', 'DELETE, INSERT, SELECT, UPDATE', redeemer.role],
    ['promo_code_history', 'SELECT', redeemer.role],
    ...['promo_code_holds', 'promo_code_idempotency_keys', 'promo_code_rate_limits'].map((table) => [
      ...[table, 'DELETE, INSERT, SELECT, UPDATE', redeemer.role],
    ]),
  ]);
});

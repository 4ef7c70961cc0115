import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { functionDefinitions, SQL_REVISION } from '../../src/inspect/definition';
import { functionFiles } from '../../src/inspect/sql-files';

/**
 * The bodies of each revision that was released. A body that changes needs the next revision, in its first line and in
 * `SQL_REVISION`: only so does an older version of the library leave a newer database alone.
 */
const RELEASED: Record<number, string> = {
  1: 'c4bf1441318e589a7ce6b6e7842f080c67748de421cce14904a5eea379aaaefc',
  2: '0dcbdbf343859b43a4a4a54447c9d92e447fcb6a149b09ac56a813405bdb28e9',
};

it('every function carries the current revision', () => {
  for (const { name, source } of functionDefinitions('public')) {
    expect(source, name).toMatch(new RegExp(`^\n-- pg-promo-codes ${SQL_REVISION}\n`));
  }
});

it('the bodies of a released revision have not changed', () => {
  const hash = createHash('sha256').update(functionFiles.join('\n')).digest('hex');
  expect(hash).toBe(RELEASED[SQL_REVISION]);
});

const WITHOUT_SETTINGS = [
  ...['apply_promo_code_stats', 'promo_code_value', 'promo_code_is_percentage', 'promo_code_bonus'],
  'promo_code_use_matches',
];

it('every function has its search_path pinned', () => {
  for (const file of functionFiles) {
    // These are called by the others only, and run under their settings or become part of their statements.
    const [, name = ''] = /^CREATE OR REPLACE FUNCTION :"schema"\.(\w+)/m.exec(file) ?? [];
    const pinned = file.includes('SET search_path = pg_catalog, :"schema", pg_temp\n');
    expect(pinned || WITHOUT_SETTINGS.includes(name), name).toBe(true);
  }
});

it('what counts is closed to PUBLIC; what everybody may call runs with the rights of the caller, or asks for them', () => {
  for (const file of functionFiles) {
    const closed = /^REVOKE ALL ON FUNCTION .* FROM PUBLIC;$/m.test(file);
    const elevated = file.includes('SECURITY DEFINER');
    if (file.includes('RETURNS trigger') || /promo_code_stats\(/.test(file)) expect(closed).toBe(true);
    if (file.includes('RETURNS trigger')) expect(elevated).toBe(true);
    if (elevated && !closed) expect(file).toContain('IF NOT has_table_privilege(');
  }
});

it('what is sent to the server are characters that every encoding has', () => {
  const folder = new URL('../../sql/', import.meta.url);
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.sql'));
  expect(files.length).toBeGreaterThan(40);
  for (const file of files) expect(readFileSync(new URL(file, folder), 'utf8'), file).toMatch(/^[\x20-\x7e\n]*$/);
});

const text = (file: string) => readFileSync(new URL(`../../sql/${file}`, import.meta.url), 'utf8');

it('what the scripts take for the current revision is it', () => {
  expect(/^ {2}revision constant integer := (\d+);$/m.exec(text('preflight.sql'))?.[1]).toBe(String(SQL_REVISION));
});

it("the seed's counting is recognised by the same patterns everywhere", () => {
  const patterns = (file: string, pattern: RegExp) => text(file).match(pattern) ?? [];
  for (const [pattern, copies] of [
    [/E'--\[\^\\n\][^']*'/g, 4],
    [/'\^\[\[:space:\]\]\*begin[^']*'/g, 2],
    [/'\[\[:<:\]\]\(\?!\(\?:begin\|[^']*'/g, 2],
  ] as const) {
    const [wanted, ...others] = patterns('preflight.sql', pattern);
    expect(wanted).toBeDefined();
    expect(others).toEqual([]);
    expect(patterns('inspect.sql', pattern)).toEqual(Array.from({ length: copies }, () => wanted));
  }
});

import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { functionDefinitions, SQL_REVISION } from '../../src/inspect/definition';
import { functionFiles } from '../../src/inspect/sql-files';

/**
 * The bodies of each revision that was released. A body that changes needs the next revision, in its first line and in
 * `SQL_REVISION`: only so does an older version of the library leave a newer database alone.
 */
const RELEASED: Record<number, string> = {
  1: '',
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

it('trigger functions run as their owner, and every function has its search_path pinned and is closed to PUBLIC', () => {
  for (const file of functionFiles) {
    expect(file).toContain('SET search_path = pg_catalog, :"schema", pg_temp\n');
    expect(file).toMatch(/^REVOKE ALL ON FUNCTION .* FROM PUBLIC;$/m);
    expect(file.includes('SECURITY DEFINER')).toBe(file.includes('RETURNS trigger'));
  }
});

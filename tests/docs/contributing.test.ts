import { readFileSync } from 'node:fs';
import { beforeAll, expect, it } from 'vitest';
import { SQL_REVISION } from '../../src/inspect/definition';
import { useSchema } from '../support';
import { blocksOf, pageText, tableOf } from './page';

const t = useSchema('contributing');
beforeAll(() => t.sql('CREATE TABLE :"schema".codes (id bigint); INSERT INTO :"schema".codes VALUES (7)'));

it('the function of the page has the revision, and can be created and called', async () => {
  const [definition = ''] = blocksOf('contributing', 'sql');
  expect(definition).toContain(`\n-- pg-promo-codes ${SQL_REVISION}\n`);
  const text = definition
    .replaceAll(':"library"', ':"schema"')
    .replaceAll(':"codes"', ':"schema".codes')
    .replaceAll(':"code_id"', 'id')
    .replaceAll(':code_id_type', 'bigint');
  await t.sql(text);
  const { rows } = await t.sql(
    `SELECT :"schema".my_promo_code_function(7) AS seven, :"schema".my_promo_code_function(8) AS eight`,
  );
  expect(rows).toEqual([{ seven: true, eight: false }]);
});

it('every command and variable that the page names is there', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'));
  const commands = tableOf('contributing', ['command', 'does']).flatMap(([cell = '']) =>
    [...cell.matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name!),
  );
  expect(commands.length).toBeGreaterThan(10);
  for (const command of commands) expect(Object.keys(scripts)).toContain(command);
  const readers = [
    'tests/server/start-server.ts',
    'tests/server/options.ts',
    'tests/support/names.ts',
    'tests/support/scope.ts',
  ]
    .map((file) => readFileSync(file, 'utf8'))
    .join('');
  for (const [cell = ''] of tableOf('contributing', ['variable', 'does'])) {
    const [, name = ''] = /`(\w+)/.exec(cell) ?? [];
    expect(readers, name).toContain(name);
  }
});

it('every file and name that the page sends somebody to is there', () => {
  const page = pageText('contributing');
  for (const [, file = ''] of page.matchAll(/`((?:src|tests)\/[\w/-]+\.ts)`/g))
    expect(() => readFileSync(file), file).not.toThrow();
  const sources = ['src/inspect/sql-files.ts', 'src/host/installation.ts']
    .map((file) => readFileSync(file, 'utf8'))
    .join('');
  for (const name of ['functionFiles', 'tableFiles', 'SQL_REVISION', 'USABLE_FROM']) expect(sources).toContain(name);
});

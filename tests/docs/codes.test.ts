import { expect, it } from 'vitest';
import { renderSql } from '../../src/index';
import { useRepository } from '../support/repository';
import { blocksOf, printedBy, useModules } from './page';

const t = useRepository('codes page');
const run = useModules();

it('docs/codes.md: its examples run, one after the other', async () => {
  const code = `export async function run(promoCodes) {\n${blocksOf('codes', 'ts').join('\n')}\n}\n`;
  const page = await run({ 'codes.ts': code });
  expect(await printedBy(() => page.run(t.repository))).toEqual([
    ['rows[2].bonusValue', expect.stringMatching(/^must be a plain decimal number above 0/)],
    ['0.00', '0.00', 0],
    [null],
  ]);
});

it('docs/codes.md: shows the indexes that renderSql writes', () => {
  expect(blocksOf('codes', 'sql')).toEqual([renderSql('listIndexes')]);
});

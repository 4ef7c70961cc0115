import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import { renderSql } from '../src/index';
import { useRepository } from './support/repository';

const page = readFileSync('docs/codes.md', 'utf8');
const t = useRepository('codes page');
const folder = mkdtempSync(path.join(import.meta.dirname, '.codes-'));
afterAll(() => rmSync(folder, { recursive: true }));

const blocksOf = (language: string) =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(([, text = '']) => text);

it('docs/codes.md: its examples run, one after the other', async () => {
  const printed: unknown[][] = [];
  vi.spyOn(console, 'log').mockImplementation((...values) => printed.push(values));
  const file = path.join(folder, 'page.ts');
  writeFileSync(file, `export async function run(promoCodes) {\n${blocksOf('ts').join('\n')}\n}\n`);
  const { run } = await import(file);
  await run(t.repository);
  vi.restoreAllMocks();
  expect(printed).toEqual([
    ['rows[2].bonusValue', expect.stringMatching(/^must be a plain decimal number above 0/)],
    ['0.00', '0.00', 0],
    [null],
  ]);
});

it('docs/codes.md: shows the indexes that renderSql writes', () => {
  expect(blocksOf('sql')).toEqual([renderSql('listIndexes')]);
});

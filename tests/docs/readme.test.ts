import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { useDatabase } from '../support';
import { codeBlocks } from './code-blocks';
import { printedBy, useModules } from './page';

const database = useDatabase('readme');
const run = useModules();

it.each([
  ['README.md', '5.05 more: 38.38 in all'],
  ['docs/index.md', '5.05'],
])('the quickstart of %s runs as it stands, twice, and prints what it says', async (page, said) => {
  const [quickstart, ...others] = codeBlocks(page, 'ts');
  expect(others).toEqual([]);
  expect(readFileSync(page, 'utf8')).toContain(`It prints \`${said}\`, however often it is run.`);
  for (let time = 0; time < 2; time += 1) {
    const printed = await printedBy(() => run({ 'quickstart.ts': quickstart!.code }, { DATABASE_URL: database.url }));
    expect(printed).toEqual([[said]]);
  }
});

it('every figure of the README is one of bench/results', () => {
  const results = ['redemption', 'counters'].map((name) => readFileSync(`bench/results/${name}.md`, 'utf8')).join('\n');
  const [, section = ''] = readFileSync('README.md', 'utf8').split('\n## How fast\n');
  const figures = [...(section.split('\n## ')[0] ?? '').matchAll(/\d[\d,.]*(?:\/s|×| m?s\b)/g)].map(
    ([figure]) => figure,
  );
  expect(figures.length).toBeGreaterThan(10);
  for (const figure of figures) expect(results, figure).toContain(` ${figure} `);
});

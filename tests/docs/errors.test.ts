import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { pageText } from './page';

/** The literals of a union type, as it is written in src/errors.ts. */
function literalsOf(type: string): string[] {
  const source = readFileSync('src/errors.ts', 'utf8');
  const union = new RegExp(`export type ${type} =([^;]+);`).exec(source)?.[1] ?? '';
  return [...union.matchAll(/'([A-Z_]+)'/g)].map(([, literal]) => literal!);
}

const codes = [...literalsOf('PromoCodesErrorCode'), ...literalsOf('ConnectionErrorCode')].sort();
const entries = pageText('errors')
  .split(/^### /m)
  .slice(1)
  .map((text) => text.split(/^## /m)[0]!);

it('docs/errors.md has one entry for each code, and no other', () => {
  expect(codes.length).toBeGreaterThan(20);
  expect(entries.map((entry) => /^`(\w+)`/.exec(entry)?.[1]).sort()).toEqual(codes);
});

it.each(entries)('says whether to retry: %s', (entry) => {
  expect(entry).toMatch(/\*\*Retry:\*\*\s/);
  // A cause and not only a verdict.
  expect(entry.split('**Retry:**')[0]!.length).toBeGreaterThan(60);
});

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, expect, it, vi } from 'vitest';
import { useDatabase } from './support';

const database = useDatabase('readme');
const folder = mkdtempSync(path.join(import.meta.dirname, '.readme-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The examples of the README, in their order; each begins with what the ones before it have left. */
const examples = [...readFileSync('README.md', 'utf8').matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(
  ([, code = '']) => code,
);

it('has examples', () => {
  expect(examples.length).toBeGreaterThanOrEqual(2);
});

it('every example runs as it stands, twice, and prints what it says', async () => {
  vi.stubEnv('DATABASE_URL', database.url);
  const printed: unknown[][] = [];
  vi.spyOn(console, 'log').mockImplementation((...values) => printed.push(values));
  for (const time of ['first', 'second']) {
    for (const [index, example] of examples.entries()) {
      const file = path.join(folder, `${time}-${index}.ts`);
      writeFileSync(file, example);
      await import(file);
    }
  }
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  const once = [
    ['5.05 more: 38.38 in all'],
    ['in place'],
    [
      [
        {
          promoCodeId: '2',
          code: 'WELCOME',
          shopId: 'shop-1',
          timesUsed: 1,
          actualUses: 0,
          totalBonusIssued: '5.00',
          actualBonus: '0.00',
        },
      ],
    ],
    ['WELCOME'],
    ['1 corrected'],
  ];
  expect(printed).toEqual([...once, ...once]);
});

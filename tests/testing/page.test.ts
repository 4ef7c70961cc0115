import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, describe, expect, inject, it, vi } from 'vitest';
import { isWhole } from '../support/scope';

const folder = 'examples/testing';
const page = readFileSync('docs/testing.md', 'utf8');
const programs = readdirSync(folder);

it.each(programs)('%s stands in docs/testing.md as it is', (file) => {
  const language = file.endsWith('.cjs') ? 'js' : 'ts';
  expect(page).toContain(`\`\`\`${language}\n${readFileSync(`${folder}/${file}`, 'utf8')}\`\`\`\n`);
});

it('every program in it is one of these', () => {
  expect(page.match(/^```(?:ts|js)$/gm)).toHaveLength(programs.length);
});

describe('the example for vitest', async () => {
  vi.stubEnv('DATABASE_URL', inject('postgresUrl'));
  afterAll(() => {
    vi.unstubAllEnvs();
  });
  await import('../../examples/testing/checkout.test');
});

// It starts a PGlite of its own, which takes seconds; tests/adapters/pglite.test.ts has more than it shows.
if (!isWhole)
  console.log('SKIPPED: examples/testing/pglite.test.ts, which npm run test:matrix runs (TEST_SCOPE=whole)');
describe.skipIf(!isWhole)('the example for PGlite', async () => {
  if (isWhole) await import('../../examples/testing/pglite.test');
  it('has run', () => undefined);
});

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, it, vi } from 'vitest';
import { useDatabase } from './support';

const { url } = useDatabase('hosts page');
const page = readFileSync('docs/hosts.md', 'utf8');
const folder = mkdtempSync(path.join(import.meta.dirname, '.hosts-page-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('the example of docs/hosts.md runs as it stands and prints what the page says; what it asks once more is replayed', async () => {
  const [, program = ''] = /^```ts\n([\s\S]*?)^```$/m.exec(page) ?? [];
  const [, said] = /^It prints `([^`]+)`/m.exec(page) ?? [];
  vi.stubEnv('DATABASE_URL', url);
  const printed: string[] = [];
  vi.spyOn(console, 'log').mockImplementation((...values) =>
    printed.push(values.map((value) => (typeof value === 'object' ? JSON.stringify(value) : String(value))).join(' ')),
  );
  try {
    for (const time of ['first', 'second']) {
      const file = path.join(folder, `${time}.ts`);
      writeFileSync(file, program);
      await import(pathToFileURL(file).href);
    }
  } finally {
    vi.restoreAllMocks();
    vi.unstubAllEnvs();
  }
  expect(printed).toEqual([said, said]);
});

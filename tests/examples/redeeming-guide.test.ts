import { readFileSync } from 'node:fs';
import { transformSync } from 'esbuild';
import pg from 'pg';
import { expect, it, vi } from 'vitest';
import * as library from '../../src/index';
import { useDatabase } from '../support';

const t = useDatabase('guide');

it('the quickstart of the guide runs as it stands there', async () => {
  const guide = readFileSync(new URL('../../docs/redeeming.md', import.meta.url), 'utf8');
  const [, typescript = ''] = /## Quickstart\n+```ts\n([\s\S]*?)```/.exec(guide) ?? [];
  const { code } = transformSync(typescript.replace(/^import .*\n/gm, ''), { loader: 'ts' });
  const log = vi.spyOn(console, 'log').mockImplementation(() => {});
  vi.stubEnv('DATABASE_URL', t.url);
  const run = new Function('pg', 'installSchema', 'PromoCodeRepository', `return (async () => {${code}})()`);
  await run(pg, library.installSchema, library.PromoCodeRepository);
  const printed = log.mock.calls.flat();
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  expect(printed).toEqual(['5.05 more: 38.38 in all']);
  expect(guide).toContain(`It prints \`${printed[0]}\``);
});

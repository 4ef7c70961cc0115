// The example for Jest as its users run it, on the tarball: as CommonJS, and with the types of `@types/jest` and `@jest/globals`.
// In a project of its own, so that everything else is compiled without them.
import { cpSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { binOf } from './project.mjs';
import { folder, root, run } from './shell.mjs';

const place = path.join(folder, 'jest');

const TYPED = {
  'ambient.ts': `import { toHaveNoDrift } from 'pg-promo-codes/testing';
expect.extend({ toHaveNoDrift });
export const held: Promise<void> = expect({}).toHaveNoDrift({ schema: 'shop' });
export const opposite: Promise<void> = expect({}).not.toHaveNoDrift();
`,
  'imported.ts': `import { expect } from '@jest/globals';
import { toHaveNoDrift } from 'pg-promo-codes/testing';
expect.extend({ toHaveNoDrift });
export const held: Promise<void> = expect({}).toHaveNoDrift({ schema: 'shop' });
// @ts-expect-error: it is not an option
export const wrong = expect({}).not.toHaveNoDrift({ shema: 'shop' });
`,
};

/** Gives what Jest says of its tests. */
export async function checkJest(tarball, databaseUrl) {
  cpSync(path.join(root, 'scripts', 'package', 'jest'), place, { recursive: true });
  cpSync(path.join(root, 'examples', 'testing', 'checkout.test.cjs'), path.join(place, 'checkout.test.cjs'));
  const quiet = ['--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  await run('npm', ['ci', ...quiet], { cwd: place });
  await run('npm', ['install', '--no-save', '--no-package-lock', ...quiet, tarball], { cwd: place });
  for (const [file, source] of Object.entries(TYPED)) writeFileSync(path.join(place, file), source);
  const compile = (types, file) => {
    const general = ['--noEmit', '--strict', '--target', 'es2022', '--module', 'node16', '--types', types];
    return run(process.execPath, [binOf('typescript', 'tsc', place), ...general, '--skipLibCheck', file], {
      cwd: place,
    });
  };
  await compile('node,jest', 'ambient.ts');
  await compile('node', 'imported.ts');
  // As Jest sets it where nothing is set; building the hosts before has left it at production in this process.
  const env = { DATABASE_URL: databaseUrl, NODE_ENV: 'test' };
  const { stderr } = await run(process.execPath, [binOf('jest', 'jest', place), '--ci'], { cwd: place, env });
  return /^Tests: .*$/m.exec(stderr)?.[0];
}

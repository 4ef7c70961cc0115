import { readFileSync } from 'node:fs';
import path from 'node:path';
import { defineConfig, type Plugin } from 'vitest/config';

/** Gives a file of sql/ as text, as the bundle does (see the loader in tsup.config.ts). */
const sqlAsText: Plugin = {
  name: 'sql-as-text',
  enforce: 'pre',
  load(id) {
    const [file] = id.split('?');
    return file?.endsWith('.sql') ? `export default ${JSON.stringify(readFileSync(file, 'utf8'))};` : undefined;
  },
};

/** What changes the clock, a module or the process; each of these files has a process of its own. */
const APART = [
  'tests/faults/connecting.test.ts',
  'tests/faults/silence.test.ts',
  'tests/redemption/queue-deadlines.test.ts',
  'tests/redemption/shared-context.test.ts',
  'tests/redemption/time.test.ts',
  'tests/repository/columns.test.ts',
  'tests/server/**',
  'tests/support/**',
];
const TESTS = 'tests/**/*.test.ts';
/** The documentation, with a configuration of its own: vitest.docs.config.ts. */
const DOCUMENTATION = ['tests/docs/**', 'tests/site/**'];

export default defineConfig({
  plugins: [sqlAsText],
  // What a host imports is here the sources as they are now.
  resolve: {
    alias: [
      { find: 'pg-promo-codes/adapters', replacement: path.resolve('src/adapters/index.ts') },
      { find: 'pg-promo-codes/testing', replacement: path.resolve('src/testing/index.ts') },
      { find: 'pg-promo-codes', replacement: path.resolve('src/index.ts') },
      // What `prisma generate` would write for an example.
      { find: /^.*\/generated\/prisma\/client$/, replacement: path.resolve('tests/adapters/prisma-client.ts') },
    ],
  },
  test: {
    globalSetup: 'tests/server/global-setup.ts',
    // Files wait for the server more than they compute, so there may be more of them than processors.
    maxWorkers: 5,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // A test that passes at the second attempt has found a race, and races are what this library is about.
    retry: 0,
    projects: [
      // Reading the sources takes half a second, so the other files share the processes.
      {
        extends: true,
        test: {
          name: 'shared',
          include: [TESTS],
          exclude: [...APART, ...DOCUMENTATION],
          pool: 'forks',
          isolate: false,
        },
      },
      {
        extends: true,
        test: { name: 'apart', include: APART.map((file) => file.replace(/\*\*$/, '*.test.ts')), pool: 'forks' },
      },
    ],
  },
});

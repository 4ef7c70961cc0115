import { defineConfig, mergeConfig, type ViteUserConfig } from 'vitest/config';
import base from './vitest.config.js';

const { test, ...rest } = base as ViteUserConfig;
/** It subscribes to the channels of its process. */
const APART = 'tests/docs/observability.test.ts';

// What the pages say, and the built site in a browser: a step of its own, after `npm run docs`.
export default mergeConfig(
  rest,
  defineConfig({
    test: {
      ...test,
      testTimeout: 60_000,
      hookTimeout: 60_000,
      projects: [
        {
          extends: true,
          test: {
            name: 'pages',
            include: ['tests/docs/**/*.test.ts'],
            exclude: [APART],
            pool: 'forks',
            isolate: false,
          },
        },
        { extends: true, test: { name: 'site', include: [APART, 'tests/site/**/*.test.ts'], pool: 'forks' } },
      ],
    },
  }),
);

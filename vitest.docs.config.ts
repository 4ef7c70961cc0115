import { defineConfig } from 'vitest/config';

// The built site in a browser: a step of its own (`npm run docs`, then `npm run test:docs`), since both take a minute.
export default defineConfig({
  test: { include: ['tests/site/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 60_000 },
});

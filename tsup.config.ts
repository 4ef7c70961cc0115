import { defineConfig } from 'tsup';

export default defineConfig({
  entry: ['src/index.ts'],
  format: ['esm', 'cjs'],
  target: 'node20',
  dts: { compilerOptions: { ignoreDeprecations: '6.0' } },
  // The files of sql/ become text inside the bundle: nothing is read from disk at run time, so bundlers of hosts work.
  loader: { '.sql': 'text' },
  sourcemap: true,
  clean: true,
});

import { type BuildOptions, build } from 'esbuild';

/** Programs of this repository, compiled as the package is, from the sources as they are now. */
export function compile(
  options: Pick<BuildOptions, 'entryPoints' | 'outfile' | 'outdir' | 'outExtension'>,
): Promise<unknown> {
  return build({
    ...options,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    loader: { '.sql': 'text' },
    logLevel: 'error',
  });
}

import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { compile } from '../../tests/support/compile.js';

const here = fileURLToPath(new URL('.', import.meta.url));
/** Below node_modules, so that what stays outside the bundles is found. */
const folder = path.join(here, '../../node_modules/.cache/pg-promo-codes-bench');

let built: Promise<unknown> | undefined;

/**
 * The programs that bring load, compiled as the package is, from the sources as they are now. What runs TypeScript directly
 * adds to every closure, and that is no cost of the library. Gives the path.
 */
export async function compiled(program: 'worker' | 'delay-proxy'): Promise<string> {
  built ??= compile({
    entryPoints: [path.join(here, 'worker.ts'), path.join(here, 'delay-proxy.ts')],
    outdir: folder,
    outExtension: { '.js': '.mjs' },
  });
  await built;
  return path.join(folder, `${program}.mjs`);
}

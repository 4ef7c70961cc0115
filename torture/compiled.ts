import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { compile } from '../tests/support/compile.js';

const here = fileURLToPath(new URL('.', import.meta.url));

/**
 * The program of the client processes, compiled as the package is, from the sources as they are now. It finds what stays
 * outside the bundle by a link to node_modules in the folder. Gives the path.
 */
export async function compileWorker(folder: string): Promise<string> {
  const outfile = path.join(folder, 'worker.mjs');
  fs.symlinkSync(path.join(here, '../node_modules'), path.join(folder, 'node_modules'), 'junction');
  await compile({
    entryPoints: [path.join(here, 'client/worker.ts')],
    outfile,
  });
  return outfile;
}

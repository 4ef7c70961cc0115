import { type ChildProcess, fork } from 'node:child_process';
import path from 'node:path';
import { compile } from './compile';

/** Below node_modules, so that what stays outside the bundles is found. */
const FOLDER = path.resolve('node_modules/.cache/pg-promo-codes-tests');
const built = new Map<string, Promise<unknown>>();

/**
 * A program of the tests in a process of its own, compiled as the package is, from the sources as they are now.
 * @param settings what the program reads from its first argument, as JSON
 */
export async function startProgram(file: string, settings: object): Promise<ChildProcess> {
  const outfile = path.join(FOLDER, `${path.basename(file, '.ts')}.mjs`);
  const compiled = built.get(file) ?? compile({ entryPoints: [path.resolve(file)], outfile });
  built.set(file, compiled);
  await compiled;
  // Without what translates this process.
  return fork(outfile, [JSON.stringify(settings)], { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
}

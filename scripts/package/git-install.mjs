// Installs the package from git, as `npm install git+https://…` does: npm clones it, brings its devDependencies, and runs
// `prepare`.
import { existsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { workplace } from './project.mjs';
import { demand, folder, root, run } from './shell.mjs';

/** From the last commit, in an empty project outside of the repository. */
export async function installFromGit(name) {
  const clone = path.join(folder, 'git-clone');
  await run('git', ['clone', '--quiet', root, clone]);
  const host = workplace('../git-host');
  writeFileSync(path.join(host, 'package.json'), '{ "name": "host", "private": true }');
  const quiet = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];
  await run('npm', ['install', ...quiet, `git+${pathToFileURL(clone).href}`], { cwd: host });
  const installed = path.join(host, 'node_modules', name);
  demand(!existsSync(path.join(installed, 'src')), 'what npm installed from git is the clone and not the package');
  const load = `import { checkDrift } from '${name}'; console.log(typeof checkDrift)`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', load], { cwd: host });
  demand(stdout.trim() === 'function', `the package does not load: ${stdout}`);
}

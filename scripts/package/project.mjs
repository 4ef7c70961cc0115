// An empty project of a user, with the tarball and the programs that the checks need.
import { cpSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { demand, folder, root, run } from './shell.mjs';

export const project = path.join(folder, 'project');

/** The versions of the tools are pinned by their lock file; the library and what it depends on are added. */
export async function installTools() {
  cpSync(path.join(root, 'scripts', 'package', 'tools'), project, { recursive: true });
  await npm(['ci']);
}

export async function installPackage(tarball) {
  await npm(['install', '--no-save', '--no-package-lock', tarball]);
}

function npm(args) {
  const quiet = ['--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  return run('npm', [...args, ...quiet], { cwd: project });
}

/** The program of a package, without a package's `exports` in the way. */
export function binOf(name, program = name, home = root) {
  const folderOfPackage = path.join(home, 'node_modules', name);
  const { bin } = createRequire(import.meta.url)(path.join(folderOfPackage, 'package.json'));
  return path.join(folderOfPackage, typeof bin === 'string' ? bin : bin[program]);
}

export async function checkSqlFiles(name) {
  const { resolve } = createRequire(path.join(project, 'any.cjs'));
  const files = readdirSync(path.join(root, 'sql'), { recursive: true }).filter((file) => file.endsWith('.sql'));
  for (const file of files) {
    const specifier = `${name}/sql/${file.split(path.sep).join('/')}`;
    demand(existsSync(resolve(specifier)), `cannot be resolved: ${specifier}`);
  }
  return `${files.length} files`;
}

/** A folder below the project, where the library and the tools are found. */
export function workplace(name) {
  const place = path.join(project, name);
  mkdirSync(place, { recursive: true });
  return place;
}

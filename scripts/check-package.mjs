// Checks the package as users get it: packs a clean clone, has publint and attw look at the tarball, installs it in an empty
// project, and there runs and compiles programs that use it, also bundled, on a real PostgreSQL.
//
//   npm run check:package -- [--git]
//
// --git: installs it from git as well, which takes as long as `npm ci` of the repository.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { startServer } from '../tests/server/start-server.ts';
import { checkBundledHosts, checkTreeShaking } from './package/bundled-hosts.mjs';
import { installFromGit } from './package/git-install.mjs';
import { checkJest } from './package/jest-host.mjs';
import { checkCopies, checkOldNode, checkTesting, namesOf } from './package/modules.mjs';
import { packCleanClone } from './package/pack.mjs';
import { binOf, checkSqlFiles, installPackage, installTools, project } from './package/project.mjs';
import { CheckFailed, root, run, step } from './package/shell.mjs';
import { checkTypes } from './package/types.mjs';

const { values: options } = parseArgs({ options: { git: { type: 'boolean', default: false } } });
const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
const { name } = manifest;
const oldestNode = Number.parseInt(manifest.engines.node.replace('>=', ''), 10);

try {
  const tools = installTools();
  tools.catch(() => {});
  let tarball = '';
  await step('npm pack in a clean clone', async () => {
    const packed = await packCleanClone(manifest);
    tarball = packed.tarball;
    return packed.said;
  });
  await step('publint', async () => void (await run(process.execPath, [binOf('publint'), 'run', tarball, '--strict'])));
  // Only the resolutions of Node.js 16 and newer: what the package needs is newer than the older ones.
  const attw = [binOf('@arethetypeswrong/cli', 'attw'), tarball, '--profile', 'node16', '--no-emoji'];
  await step('attw', async () => void (await run(process.execPath, attw)));
  await step('npm install in an empty project', async () => {
    await tools;
    await installPackage(tarball);
  });
  await step('the command line', async () => {
    const { stdout } = await run(path.join(project, 'node_modules', '.bin', name), ['--version']);
    return `version ${stdout.trim()}`;
  });
  await step('files of sql/', () => checkSqlFiles(name));
  let names = [];
  await step('ES modules and CommonJS', async () => {
    names = await namesOf(name);
    return `${names.length} names`;
  });
  const esbuild = createRequire(path.join(project, 'any.cjs'))('esbuild');
  await step('instanceof over copies', () => checkCopies(esbuild, name));
  await step('testing support', () => checkTesting(name));
  await step('checkDrift alone, bundled', () => checkTreeShaking(esbuild, name));
  await step('old Node.js', () => checkOldNode(name, oldestNode));
  await checkTypes(name, names);
  if (options.git) await step('npm install from git', () => installFromGit(name));
  const server = await startServer();
  try {
    await checkBundledHosts(server.url);
    await step('Jest', () => checkJest(tarball, server.url));
  } finally {
    await server.stop();
  }
} catch (error) {
  process.stderr.write(`check:package: ${error instanceof CheckFailed ? error.message : error.stack}\n`);
  process.exit(1);
}

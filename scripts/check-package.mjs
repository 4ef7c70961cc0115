// Checks the package as users get it: packs it, has publint and attw look at the tarball, installs it in an empty
// project, and runs programs there that use it as ES modules, as CommonJS and from TypeScript. Needs `npm run build`.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
const folder = mkdtempSync(path.join(tmpdir(), 'pg-promo-codes-package-'));
const project = path.join(folder, 'project');
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(1));

const tarball = pack();
run('publint', process.execPath, [binOf('publint'), 'run', tarball, '--strict']);
// Only the resolutions of Node.js 16 and newer: what the package needs is newer than the older ones.
run('attw', process.execPath, [binOf('@arethetypeswrong/cli', 'attw'), tarball, '--profile', 'node16', '--no-emoji']);
install();
const names = checkModules();
checkTypes(names);
checkSqlFiles();
process.stdout.write(`${path.basename(tarball)} installs, and gives ${names.length} names: ${names.join(', ')}\n`);

function pack() {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const report = JSON.parse(run('npm pack', 'npm', args, { cwd: root, quiet: true }));
  // An array up to npm 11, an object by package name since.
  const [packed] = Array.isArray(report) ? report : Object.values(report);
  const files = packed.files.map((file) => file.path);
  process.stdout.write(`${packed.filename}: ${files.length} files, ${Math.ceil(packed.size / 1024)} KiB packed\n`);
  const expected = ['package.json', 'LICENSE', 'README.md', manifest.main, manifest.module, manifest.types];
  const missing = expected.map((file) => path.normalize(file)).filter((file) => !files.includes(file));
  if (missing.length > 0) fail(`not in the tarball: ${missing.join(', ')} (is the package built?)`);
  const stray = files.filter((file) => /^(src|tests|bench|examples|scripts|docs|node_modules)\//.test(file));
  if (stray.length > 0) fail(`should not be in the tarball: ${stray.join(', ')}`);
  return path.join(folder, packed.filename);
}

function install() {
  mkdirSync(project);
  writeFileSync(path.join(project, 'package.json'), JSON.stringify({ name: 'host', private: true }));
  const wanted = ['pg', '@types/pg', '@types/node'].map((name) => `${name}@${manifest.devDependencies[name]}`);
  const options = ['--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  run('npm install', 'npm', ['install', ...options, tarball, ...wanted], { quiet: true });
}

/** Both module systems must load, without anything else installed, and give the same names. */
function checkModules() {
  const print = 'console.log(JSON.stringify(Object.keys(library).sort()));';
  writeFileSync(path.join(project, 'smoke.mjs'), `import * as library from '${manifest.name}';\n${print}\n`);
  writeFileSync(path.join(project, 'smoke.cjs'), `const library = require('${manifest.name}');\n${print}\n`);
  const esm = run('ES modules', process.execPath, ['smoke.mjs'], { quiet: true });
  const cjs = run('CommonJS', process.execPath, ['smoke.cjs'], { quiet: true });
  if (esm !== cjs) fail(`the module systems give different names:\n${esm}${cjs}`);
  const found = JSON.parse(esm);
  if (found.length === 0) fail('the package exports nothing');
  return found;
}

/** The declarations must compile by themselves, in a strict project, and know every name that is there. */
function checkTypes(found) {
  const uses = found.map((name) => `export const use_${name}: unknown = library.${name};`).join('\n');
  writeFileSync(path.join(project, 'smoke.mts'), `import * as library from '${manifest.name}';\n${uses}\n`);
  writeFileSync(path.join(project, 'smoke.cts'), `import library = require('${manifest.name}');\n${uses}\n`);
  const options = ['--strict', '--target', 'es2022', '--module', 'nodenext', '--types', 'node'];
  const files = ['smoke.mts', 'smoke.cts', '--noEmit', '--skipLibCheck', 'false', '--exactOptionalPropertyTypes'];
  run('TypeScript', process.execPath, [binOf('typescript', 'tsc'), ...options, ...files]);
}

function checkSqlFiles() {
  const resolve = createRequire(path.join(project, 'smoke.cjs')).resolve;
  const files = readdirSync(path.join(root, 'sql'), { recursive: true }).filter((file) => file.endsWith('.sql'));
  for (const file of files) {
    const name = `${manifest.name}/sql/${file.split(path.sep).join('/')}`;
    if (!existsSync(resolve(name))) fail(`cannot be resolved: ${name}`);
  }
}

/** The program of a package in node_modules, without a package's `exports` in the way. */
function binOf(name, program = name) {
  const home = path.join(root, 'node_modules', name);
  const { bin } = JSON.parse(readFileSync(path.join(home, 'package.json'), 'utf8'));
  return path.join(home, typeof bin === 'string' ? bin : bin[program]);
}

function run(step, command, args, { cwd = project, quiet = false } = {}) {
  // In a project folder of its own, except before that exists.
  const where = existsSync(cwd) ? cwd : root;
  const result = spawnSync(command, args, { cwd: where, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  if (!quiet || result.status !== 0) process.stdout.write(`${result.stdout}${result.stderr}`);
  if (result.error) fail(`${step}: ${result.error.message}`);
  if (result.status !== 0) fail(`${step} failed`);
  return result.stdout;
}

function fail(message) {
  process.stderr.write(`check:package: ${message}\n`);
  process.exit(1);
}

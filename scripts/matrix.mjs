// Runs the test suite on every version that the library supports: PostgreSQL 14 to 18, the newest PostgreSQL also under
// the other lines of Node.js (but for what runs in the server alone), and once more with schema names that wrong quoting
// stumbles over.
//
//   npm run test:matrix -- [--jobs 2] [--results folder] [--tested file] [--only text] [--brief] [arguments for vitest]
//
// --tested counts a run of `npm test` (its JSON results) in place of the lane that it has already run.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { nodeOfLine } from './node-lines.mjs';
import { countRun, countsLine, sumCounts } from './test-counts.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const newest = 18;
const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    jobs: { type: 'string', default: '2' },
    results: { type: 'string' },
    tested: { type: 'string' },
    only: { type: 'string', default: '' },
    brief: { type: 'boolean', default: false },
  },
});
const results = options.results ?? mkdtempSync(path.join(tmpdir(), 'pg-promo-codes-matrix-'));
/** What runs in Node.js more than in PostgreSQL: the others would say the same again. */
const ofNode = ['tests/redemption', 'tests/repository', 'tests/server', 'tests/examples'];
/** With --brief, on the versions between the oldest and the newest: what looks at catalogs, and something of all else. */
const ofMiddle = [
  ...['tests/install', 'tests/inspect', 'tests/drift', 'tests/redemption/model', 'tests/redemption/one-after-another'],
  ...['tests/redemption/amounts', 'tests/redemption/holds', 'tests/repository/codes', 'tests/hosts/renamed'],
  ...['tests/triggers/property', 'tests/triggers/inserts', 'tests/triggers/partitions', 'tests/triggers/mid-flight'],
];
/** With --brief, on the lane of hostile names, which runs every case of the rest: what names do not matter to. */
const notOfNames = ['faults', 'server', 'torture', 'examples'];
const running = new Set();
process.on('exit', () => {
  if (!options.results) rmSync(results, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    for (const child of running) child.kill(signal);
    process.exit(1);
  });
}

mkdirSync(results, { recursive: true });
const rows = options.tested ? [testedRow()] : [];
await runAll(lanes().filter((lane) => lane.name.includes(options.only)));
report();

function lanes() {
  const all = [14, 15, 16, 17, newest].map((version) => {
    const isMiddle = version > 14 && version < newest;
    return { name: `PostgreSQL ${version}`, version, tests: options.brief && isMiddle ? ofMiddle : undefined };
  });
  if (options.tested && isDefaultLane()) all.pop();
  const own = Number.parseInt(process.versions.node, 10);
  for (const node of [22, 24].filter((line) => line !== own)) {
    all.push({ name: `PostgreSQL ${newest}, Node.js ${node}`, version: newest, node, tests: ofNode });
  }
  const ofNames = readdirSync(path.join(root, 'tests'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !notOfNames.includes(entry.name))
    .map(({ name }) => `tests/${name}/`);
  const hostile = { version: newest, style: 'hostile', tests: options.brief ? ofNames : undefined };
  // The longest lanes first, so that the last one is not alone on the machine.
  return [{ name: `PostgreSQL ${newest}, hostile names`, ...hostile }, ...all];
}

/** Every case of the longest tables (tests/support/scope.ts): with --brief on one lane, else on all that run everything. */
function isWhole({ tests, style }) {
  return options.brief ? style === 'hostile' : tests === undefined;
}

/** Whether `npm test` in this environment is what the lane of the newest PostgreSQL would be. */
function isDefaultLane() {
  const changing = ['TEST_DATABASE_URL', 'TEST_POSTGRES_VERSION', 'POSTGRES_IMAGE', 'TEST_SCHEMA_STYLE'];
  return changing.every((name) => !process.env[name]);
}

function testedRow() {
  return { name: 'npm test', ...countRun(options.tested, true), seconds: undefined };
}

async function runAll(queue) {
  const worker = async () => {
    for (let lane = queue.shift(); lane; lane = queue.shift()) rows.push(await runLane(lane));
  };
  await Promise.all(Array.from({ length: Number(options.jobs) }, worker));
}

async function runLane(lane) {
  const start = Date.now();
  const file = path.join(results, `${lane.name.replaceAll(/\W+/g, '-')}.json`);
  const outcome = await runVitest(lane, file).catch((error) => ({ code: 1, output: `${error.stack}\n` }));
  const row = { name: lane.name, ...countRun(file, outcome.code === 0), seconds: (Date.now() - start) / 1000 };
  process.stdout.write(`${row.name}: ${countsLine(row)}\n`);
  if (row.failed > 0) process.stdout.write(`${outcome.output}\n`);
  // Also of a lane that passed: what was left out, and why.
  else for (const line of new Set(outcome.output.match(/^SKIPPED.*$/gm))) process.stdout.write(`  ${line}\n`);
  return row;
}

async function runVitest(lane, file) {
  const node = lane.node ? await nodeOfLine(lane.node) : process.execPath;
  const vitest = path.join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const env = {
    ...process.env,
    TEST_POSTGRES: 'embedded',
    TEST_POSTGRES_VERSION: `${lane.version}`,
    TEST_SCHEMA_STYLE: lane.style ?? 'plain',
    TEST_SCOPE: isWhole(lane) ? 'whole' : '',
  };
  const child = spawn(
    node,
    [vitest, 'run', ...reporters, ...(positionals.length > 0 ? positionals : (lane.tests ?? []))],
    {
      cwd: root,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  running.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk) => {
      output += chunk;
    });
  }
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  running.delete(child);
  return { code, output };
}

function report() {
  const sum = sumCounts(rows);
  const head = ['lane', 'passed', 'failed', 'skipped', 'seconds'];
  const body = rows
    .sort((a, b) => a.name.localeCompare(b.name, 'en'))
    .map((row) => [row.name, row.passed, row.failed, row.skipped, row.seconds?.toFixed(1) ?? '']);
  const table = [head, ...body].map((cells) => cells.map(String));
  const widths = head.map((_, column) => Math.max(...table.map((cells) => cells[column].length)));
  for (const [first, ...rest] of table) {
    const figures = rest.map((cell, column) => cell.padStart(widths[column + 1]));
    process.stdout.write(`${[first.padEnd(widths[0]), ...figures].join('  ')}\n`);
  }
  writeFileSync(path.join(results, 'matrix.json'), JSON.stringify(sum));
  process.stdout.write(`${countsLine(sum)}\n`);
  if (sum.failed > 0 || rows.length === 0) process.exitCode = 1;
}

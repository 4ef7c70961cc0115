// A small process that owns one PostgreSQL: it makes the folder, starts the server in it, and waits on its standard
// input. The end of that pipe is the one signal that also arrives when the parent was killed with SIGKILL, and the
// process group is its own, so that Ctrl-C in the terminal does not reach it: whatever ends the parent, the server is
// stopped and the folder removed. It is plain JavaScript so that it needs no loader to run.
//
// argv[2] is JSON: { native, links, account: { uid, gid } | null, prefix, settings, durable }. It answers with one line of JSON
// on standard output: { port, folder } or { error }.
import { spawn, spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import net from 'node:net';
import { freemem, tmpdir } from 'node:os';
import path from 'node:path';

const PORT_ATTEMPTS = 20;
const MEMORY = '/dev/shm';
const MEMORY_NEEDED = 4 * 2 ** 30;
const START_LIMIT_MS = 60_000;
// An immediate shutdown gives the children of PostgreSQL five seconds before it kills them itself.
const STOP_LIMIT_MS = 8_000;

const spec = JSON.parse(process.argv[2]);
const account = spec.account ? { uid: spec.account.uid, gid: spec.account.gid } : {};
let native = spec.native;
let folder;
let environment;
let initdb;
let postgres;
let stopping;

process.stdin.on('end', stop).on('close', stop).on('error', stop).resume();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop);
// The parent may be gone when the answer is written; the end of standard input already says so.
process.stdout.on('error', () => {});

try {
  folder = makeFolder();
  environment = makeEnvironment();
  useReadableBinaries();
  await createCluster();
  const port = await startPostgres();
  if (!stopping) process.stdout.write(`${JSON.stringify({ port, folder })}\n`);
} catch (error) {
  if (!stopping) process.stdout.write(`${JSON.stringify({ error: error.message })}\n`, stop);
}

function stop() {
  stopping ??= stopNow();
}

async function stopNow() {
  // No signal for initdb: its helpers would die without giving back their shared memory, and it takes only a second.
  if (initdb) await endProcess(initdb, 0);
  if (postgres) await endProcess(postgres, 'SIGQUIT');
  // A straggler may still be writing a file while the folder goes, hence the retries.
  if (folder) fs.rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  process.exit(0);
}

async function endProcess(child, signal) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  sendSignal(child, signal);
  const timer = setTimeout(() => sendSignal(child, 'SIGKILL'), STOP_LIMIT_MS);
  await gone;
  clearTimeout(timer);
}

function sendSignal(child, signal) {
  try {
    // initdb leads a group of its own, and its helpers have to end with it. PostgreSQL ends its children itself.
    process.kill(child === initdb ? -child.pid : child.pid, signal);
  } catch {
    // It ended on its own between the look and the signal.
  }
}

/** The folder's parent must be open to the account that PostgreSQL runs as: root's TMPDIR may not be. */
function makeFolder() {
  const usual = new Set([tmpdir(), '/tmp']);
  for (const parent of spec.durable || !hasMemory() ? usual : [MEMORY, ...usual]) {
    const made = fs.mkdtempSync(path.join(parent, spec.prefix));
    folder = made;
    if (!spec.account) return made;
    fs.chownSync(made, account.uid, account.gid);
    // Not by `cwd`, because Node changes the folder before it changes the account.
    if (spawnSync('sh', ['-c', 'cd "$1"', 'sh', made], account).status === 0) return made;
    fs.rmdirSync(made);
    folder = undefined;
  }
  throw new Error(`no folder that the account ${JSON.stringify(account)} can enter: ${tmpdir()}, /tmp`);
}

/** Files in memory are made and removed in less time; what the tests write is some hundred megabytes. */
function hasMemory() {
  if (process.env.TMPDIR || freemem() < 2 * MEMORY_NEEDED) return false;
  try {
    const { bavail, bsize } = fs.statfsSync(MEMORY);
    fs.accessSync(MEMORY, fs.constants.W_OK);
    return bavail * bsize >= MEMORY_NEEDED;
  } catch {
    return false;
  }
}

/** Without the caller's PG* variables, which would change the server, and with messages in English to read. */
function makeEnvironment() {
  const kept = Object.entries(process.env).filter(([name]) => !/^(PG|LC_|LANG)/.test(name));
  return { ...Object.fromEntries(kept), LC_ALL: 'C', TZ: 'UTC' };
}

/**
 * npm packages hold no symbolic links; the package makes them in an install script, which npm may not run. The missing
 * ones are made in the temporary folder instead, so that node_modules is never written. The binaries themselves are
 * copied only where the account cannot execute them in place, as in a checkout below a closed home directory.
 */
function useReadableBinaries() {
  linkLibraries();
  if (runsInPlace()) return;
  native = path.join(folder, 'native');
  // Verbatim: Node would otherwise turn the relative links into absolute ones, back into the closed folder.
  fs.cpSync(spec.native, native, { recursive: true, verbatimSymlinks: true });
  openToAll(native);
  linkLibraries();
}

function linkLibraries() {
  const links = path.join(folder, 'links');
  fs.rmSync(links, { recursive: true, force: true });
  const missing = spec.links.filter(({ target }) => !fs.existsSync(path.join(native, target)));
  if (missing.length === 0) return;
  fs.mkdirSync(links);
  for (const { source, target } of missing) {
    fs.symlinkSync(path.join(native, source), path.join(links, path.basename(target)));
  }
  // Both folders: a library that is found through a link looks for its own needs beside the link.
  const searched = [links, path.join(native, 'lib')].join(path.delimiter);
  environment[process.platform === 'darwin' ? 'DYLD_LIBRARY_PATH' : 'LD_LIBRARY_PATH'] = searched;
}

function runsInPlace() {
  const options = { ...account, cwd: folder, env: environment, encoding: 'utf8' };
  return ['initdb', 'postgres'].every((name) => spawnSync(binary(name), ['--version'], options).status === 0);
}

function openToAll(directory) {
  fs.chmodSync(directory, 0o755);
  for (const entry of fs.readdirSync(directory, { withFileTypes: true })) {
    const full = path.join(directory, entry.name);
    if (entry.isDirectory()) openToAll(full);
    else if (entry.isFile()) fs.chmodSync(full, 0o755);
  }
}

async function createCluster() {
  // C.UTF-8 orders as C does and knows the letters of Unicode, as production databases do; not every system has it.
  const first = await runInitdb('C.UTF-8');
  if (first.code === 0 || stopping) return;
  fs.rmSync(dataFolder(), { recursive: true, force: true });
  const second = await runInitdb('C');
  if (second.code !== 0) throw new Error(`initdb failed: ${second.output.trim() || first.output.trim()}`);
}

async function runInitdb(locale) {
  const options = ['--username=postgres', '--auth=trust', '--encoding=UTF8', `--locale=${locale}`];
  const args = ['-D', dataFolder(), ...options, '--no-sync', '--no-instructions'];
  const stdio = ['ignore', 'pipe', 'pipe'];
  initdb = spawn(binary('initdb'), args, { ...account, cwd: folder, env: environment, stdio, detached: true });
  let output = '';
  initdb.stdout.on('data', (chunk) => {
    output += chunk;
  });
  initdb.stderr.on('data', (chunk) => {
    output += chunk;
  });
  const code = await new Promise((resolve, reject) => initdb.once('error', reject).once('close', resolve));
  return { code, output };
}

/** A port that is free now may be taken a moment later, so PostgreSQL's own refusal decides, and then another is tried. */
async function startPostgres() {
  const lines = Object.entries(spec.settings).map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'`);
  // In the file and not on the command line, so that ALTER SYSTEM in a test still counts.
  fs.appendFileSync(path.join(dataFolder(), 'postgresql.conf'), `\n${lines.join('\n')}\n`);
  for (let attempt = 1; !stopping; attempt += 1) {
    const port = await freePort();
    if (stopping) break;
    const log = fs.openSync(logFile(), 'w');
    const sockets = Buffer.byteLength(folder) > 80 ? '' : folder;
    const args = ['-D', dataFolder(), '-p', `${port}`, '-h', '127.0.0.1', '-k', sockets];
    postgres = spawn(binary('postgres'), args, {
      ...account,
      cwd: folder,
      env: environment,
      stdio: ['ignore', log, log],
    });
    fs.closeSync(log);
    if (await becomesReady(postgres)) {
      postgres.once('exit', reportUnexpectedEnd);
      return port;
    }
    if (attempt === PORT_ATTEMPTS || !/address already in use/i.test(readLog())) {
      throw new Error(`PostgreSQL did not start: ${readLog()}`);
    }
  }
  return 0;
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = net.createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/** Reads the status that PostgreSQL writes for pg_ctl: a probe of the port could reach somebody else's server. */
async function becomesReady(child) {
  const limit = Date.now() + START_LIMIT_MS;
  let ended = false;
  child.once('exit', () => {
    ended = true;
  });
  child.once('error', () => {
    ended = true;
  });
  while (!ended && !stopping && Date.now() < limit) {
    const lines = readIfThere(path.join(dataFolder(), 'postmaster.pid')).split('\n');
    if (Number(lines[0]) === child.pid && lines[7]?.trim() === 'ready') return true;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return false;
}

function reportUnexpectedEnd() {
  if (stopping) return;
  process.stderr.write(`PostgreSQL under the tests ended on its own. Its last lines:\n${readLog()}\n`);
  stop();
}

function readLog() {
  return readIfThere(logFile()).split('\n').slice(-30).join('\n');
}

function readIfThere(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function binary(name) {
  return path.join(native, 'bin', name);
}

function dataFolder() {
  return path.join(folder, 'data');
}

function logFile() {
  return path.join(folder, 'server.log');
}

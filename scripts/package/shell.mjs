// What the steps of check-package have in common: a folder that is gone at the end, other programs, and what is printed.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
/** Everything that is made lies in here. */
export const folder = mkdtempSync(path.join(tmpdir(), 'pg-promo-codes-package-'));
const running = new Set();
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    for (const child of running) child.kill(signal);
    process.exit(1);
  });
}

/** A check that did not hold; the message is all that there is to say. */
export class CheckFailed extends Error {}

/** Runs a program to its end and gives what it printed; that is the error where it fails and may not. */
export async function run(command, args, { cwd = folder, env = {}, mayFail = false } = {}) {
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk) => {
    stderr += chunk;
  });
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  running.delete(child);
  if (code !== 0 && !mayFail) {
    throw new CheckFailed(`${path.basename(command)} ${args.join(' ')} ended with ${code}:\n${stdout}${stderr}`);
  }
  return { code, stdout, stderr };
}

/** Runs a check, and prints its name, its time, and what it has to say. */
export async function step(name, check) {
  const start = Date.now();
  const said = await check().catch((error) => {
    const text = error instanceof CheckFailed ? error.message : error.stack;
    throw new CheckFailed(`${name}: ${text}`);
  });
  const seconds = ((Date.now() - start) / 1000).toFixed(1);
  process.stdout.write(`ok  ${name} (${seconds} s)${said ? `: ${said}` : ''}\n`);
}

/** Two at a time, for two processors; waits for all of them also where one fails. */
export async function inParallel(checks) {
  const queue = [...checks];
  const failures = [];
  const worker = async () => {
    for (let check = queue.shift(); check; check = queue.shift()) await check().catch((error) => failures.push(error));
  };
  await Promise.all([worker(), worker()]);
  if (failures.length > 0) throw new CheckFailed(failures.map(({ message }) => message).join('\n'));
}

export function demand(condition, message) {
  if (!condition) throw new CheckFailed(message);
}

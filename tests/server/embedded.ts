import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { findBinaries } from './binaries';
import { chosenMajor, type ServerOptions, type StartedServer, serverSettings } from './options';

/** Every temporary folder of a server begins with this, so that a leftover can be recognised. */
const folderPrefix = 'pg-promo-codes-server-';

const STOP_LIMIT_MS = 20_000;
const supervisorFile = fileURLToPath(new URL('./supervisor.mjs', import.meta.url));

interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** Starts the binaries that npm installed, in a temporary folder, under a supervisor that outlives this process. */
export async function startEmbedded(options: ServerOptions): Promise<StartedServer> {
  const { native, links } = findBinaries(chosenMajor(options));
  const account = process.getuid?.() === 0 ? unprivilegedAccount() : null;
  const spec = {
    native,
    links,
    account,
    prefix: folderPrefix,
    settings: serverSettings(options),
    durable: options.durable,
  };
  // NODE_OPTIONS may carry the loader or the coverage of the parent; the supervisor must run without either.
  const { NODE_OPTIONS: _loader, NODE_V8_COVERAGE: _coverage, ...env } = process.env;
  const supervisor = spawn(process.execPath, [supervisorFile, JSON.stringify(spec)], {
    detached: true,
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const { port, folder } = await firstAnswer(supervisor);
  letParentEnd(supervisor);
  return {
    url: `postgresql://postgres@127.0.0.1:${port}/postgres`,
    origin: `binaries from npm${account ? `, run as ${account.name}` : ''}, in ${folder}`,
    shared: false,
    exact: true,
    stop: () => stopSupervisor(supervisor),
  };
}

/**
 * PostgreSQL refuses to run as root. `nobody` comes first, because an account named postgres may own real data that a
 * test server has no business to reach. No account is ever created.
 */
export function unprivilegedAccount(): Account {
  const entries = readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const wanted of ['nobody', 'postgres', 'daemon']) {
    const [name, , uid, gid] = entries.find((entry) => entry.startsWith(`${wanted}:`))?.split(':') ?? [];
    if (name !== undefined && Number(uid) !== 0) return { name, uid: Number(uid) >>> 0, gid: Number(gid) >>> 0 };
  }
  throw new Error('PostgreSQL does not run as root, and there is no account nobody, postgres or daemon to run it as');
}

async function firstAnswer(supervisor: ChildProcess): Promise<{ port: number; folder: string }> {
  const lines = createInterface({ input: supervisor.stdout as Socket });
  const answer = await Promise.race([
    once(lines, 'line').then(([line]) => JSON.parse(String(line)) as { port: number; folder: string; error?: string }),
    once(lines, 'close').then(() => ({ port: 0, folder: '', error: 'the supervisor ended without an answer' })),
  ]);
  lines.close();
  if (answer.error !== undefined) throw new Error(answer.error);
  return answer;
}

/** A program that forgets stop() still ends, and its end closes the pipe that the supervisor watches. */
function letParentEnd(supervisor: ChildProcess): void {
  supervisor.unref();
  (supervisor.stdin as Socket).unref();
  supervisor.stdin?.on('error', () => {});
  supervisor.stdout?.destroy();
}

async function stopSupervisor(supervisor: ChildProcess): Promise<void> {
  if (supervisor.stdin?.writableEnded) return;
  supervisor.stdin?.end();
  if (supervisor.exitCode !== null || supervisor.signalCode !== null) {
    throw new Error('PostgreSQL had ended before it was stopped');
  }
  supervisor.ref();
  await once(supervisor, 'exit', { signal: AbortSignal.timeout(STOP_LIMIT_MS) });
}

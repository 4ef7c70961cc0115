import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { unprivilegedAccount } from '../server/embedded';
import type { ClientTool } from './client-tools';
import { changeHost, changeUrl } from './urls';

/** A PgBouncer of its own in front of the server. */
export interface Bouncer {
  /** The connection string, through the bouncer. */
  readonly url: string;
  /** The backends that it has connections to. */
  serverPids(): Promise<number[]>;
  stop(): Promise<void>;
}

const PORT_ATTEMPTS = 20;
const STOP_LIMIT_MS = 10_000;
const DATABASE = 'bounced';
/** Ends the bouncer and its folder when its standard input ends, so also when the tests were killed. */
const KEEPER = '"$1" "$2/pgbouncer.ini" & cat >/dev/null; kill -9 $!; wait; rm -rf "$2"';

/** Starts a bouncer in a temporary folder, on a free port of 127.0.0.1; every user gets in as the user of `url`. */
export async function startBouncer(
  tool: ClientTool,
  url: string,
  settings: Readonly<Record<string, string | number>>,
): Promise<Bouncer> {
  // As PostgreSQL, it refuses to run as root; and root's temporary folder may be closed to others.
  const account = process.getuid?.() === 0 ? unprivilegedAccount() : undefined;
  const folder = mkdtempSync(path.join(account ? '/tmp' : tmpdir(), 'pg-promo-codes-bouncer-'));
  if (account) chownSync(folder, account.uid, account.gid);
  let keeper: ChildProcess | undefined;
  const stop = async (): Promise<void> => {
    if (keeper && keeper.exitCode === null && keeper.signalCode === null) {
      const exit = once(keeper, 'exit', { signal: AbortSignal.timeout(STOP_LIMIT_MS) });
      keeper.stdin?.end();
      await exit;
    }
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    for (let attempt = 1; ; attempt += 1) {
      const port = await freePort();
      writeFileSync(path.join(folder, 'pgbouncer.ini'), configuration(url, port, settings), { mode: 0o644 });
      keeper = spawn('sh', ['-c', KEEPER, 'sh', tool.file, folder], {
        ...(account && { uid: account.uid, gid: account.gid }),
        detached: true,
        stdio: ['pipe', 'ignore', 'pipe'],
      });
      const log = await firstWords(keeper);
      if (/process up/.test(log)) {
        const bounced = changeHost(changeUrl(url, { database: DATABASE }), '127.0.0.1', port);
        return { url: bounced, serverPids: () => serverPids(changeUrl(bounced, { database: 'pgbouncer' })), stop };
      }
      if (attempt === PORT_ATTEMPTS || !/address already in use/i.test(log)) {
        throw new Error(`PgBouncer did not start: ${log}`);
      }
      keeper.stdin?.end();
      await once(keeper, 'exit');
    }
  } catch (error) {
    await stop();
    throw error;
  }
}

function configuration(url: string, port: number, settings: Readonly<Record<string, string | number>>): string {
  const { hostname, port: serverPort, username, password, pathname } = new URL(url);
  const server = {
    host: hostname,
    port: serverPort || '5432',
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    dbname: decodeURI(pathname.slice(1)),
  };
  const parts = Object.entries(server)
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}='${value.replaceAll("'", "''")}'`);
  const all = { listen_addr: '127.0.0.1', listen_port: port, unix_socket_dir: '', auth_type: 'any', ...settings };
  const lines = Object.entries(all).map(([name, value]) => `${name} = ${value}`);
  return ['[databases]', `${DATABASE} = ${parts.join(' ')}`, '[pgbouncer]', ...lines, ''].join('\n');
}

/** What the program says until it has come up, or until it says that it does not. */
function firstWords(keeper: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let log = '';
    keeper.once('error', reject);
    keeper.once('exit', () => resolve(log));
    // It is read to the end, so that the program never waits for a reader.
    keeper.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      log += chunk;
      if (/process up|FATAL/.test(log)) resolve(log);
    });
  });
}

async function serverPids(url: string): Promise<number[]> {
  const admin = new pg.Client({ connectionString: url });
  await admin.connect();
  try {
    const { rows } = await admin.query<{ remote_pid: number }>('SHOW SERVERS');
    return rows.map(({ remote_pid: pid }) => Number(pid));
  } finally {
    await admin.end();
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = net.createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as net.AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}

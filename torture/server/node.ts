import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Account } from './folder.js';

/** How a server is started: where its programs lie, and as whom it runs. */
export interface Programs {
  /** A folder with bin, lib and share. */
  native: string;
  account: Account;
  env: NodeJS.ProcessEnv;
}

const START_LIMIT_MS = 30_000;
const FAST_STOP_LIMIT_MS = 5_000;
const STOP_LIMIT_MS = 15_000;
const PROGRAM_LIMIT_MS = 40_000;
const DISK_SIZE_MB = 256;

const SETTINGS: Record<string, string> = {
  // A process that dies takes nothing of what the system has got; only a machine that dies would.
  fsync: 'off',
  synchronous_commit: 'on',
  max_connections: '200',
  shared_buffers: '64MB',
  max_wal_size: '64MB',
  min_wal_size: '16MB',
  wal_keep_size: '64MB',
  wal_level: 'replica',
  max_wal_senders: '5',
  hot_standby: 'on',
  wal_retrieve_retry_interval: '100ms',
  unix_socket_directories: '',
  listen_addresses: '127.0.0.1',
  timezone: 'UTC',
  logging_collector: 'off',
};

/** One PostgreSQL server with its data, on a small disk of its own where that can be had. */
export class ServerNode {
  readonly name: string;
  readonly data: string;
  readonly port: number;
  /** Why there is no disk of its own that could be filled; `undefined` where there is one. */
  readonly noOwnDisk: string | undefined;
  readonly #place: string;
  readonly #programs: Programs;
  #process: ChildProcess | undefined;

  private constructor(folder: string, name: string, port: number, programs: Programs) {
    this.name = name;
    this.port = port;
    this.#programs = programs;
    this.#place = path.join(folder, name);
    this.data = path.join(this.#place, 'data');
    fs.mkdirSync(this.#place);
    this.noOwnDisk = mountDisk(this.#place);
    const { uid, gid } = programs.account;
    if (uid !== undefined && gid !== undefined) fs.chownSync(this.#place, uid, gid);
  }

  static async make(folder: string, name: string, programs: Programs): Promise<ServerNode> {
    return new ServerNode(folder, name, await freePort(), programs);
  }

  /** The connection string of the superuser, past the proxy. */
  get url(): string {
    return `postgresql://postgres@127.0.0.1:${this.port}/postgres`;
  }

  get isRunning(): boolean {
    return this.#process !== undefined && this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** An empty cluster. */
  async create(): Promise<void> {
    const options = ['--username=postgres', '--auth=trust', '--encoding=UTF8', '--wal-segsize=4', '--no-sync'];
    // C.UTF-8 knows the letters of Unicode, as production databases do; not every system has it.
    for (const locale of ['C.UTF-8', 'C']) {
      fs.rmSync(this.data, { recursive: true, force: true });
      const { code, output } = await this.run('initdb', ['-D', this.data, ...options, `--locale=${locale}`]);
      if (code === 0) break;
      if (locale === 'C') throw new Error(`initdb failed: ${output.trim()}`);
    }
    const lines = Object.entries(SETTINGS).map(([name, value]) => `${name} = '${value}'`);
    this.writeFile('postgresql.conf', `\n${lines.join('\n')}\n`, 'append');
  }

  /** Puts a file into the data folder, as PostgreSQL itself would own it. */
  writeFile(name: string, text: string, how: 'create' | 'append' = 'create'): void {
    const file = path.join(this.data, name);
    const { uid, gid } = this.#programs.account;
    if (how === 'append') fs.appendFileSync(file, text);
    else fs.writeFileSync(file, text, { mode: 0o600 });
    if (uid !== undefined && gid !== undefined) fs.chownSync(file, uid, gid);
  }

  async start(): Promise<void> {
    const log = fs.openSync(path.join(this.#place, '..', `${this.name}.server`), 'a');
    const { account, env } = this.#programs;
    this.#process = spawn(this.#program('postgres'), ['-D', this.data, '-p', String(this.port)], {
      ...account,
      env,
      cwd: '/',
      stdio: ['ignore', log, log],
    });
    fs.closeSync(log);
    const child = this.#process;
    child.on('error', () => {});
    for (const limit = Date.now() + START_LIMIT_MS; Date.now() < limit && this.isRunning; await sleep(10)) {
      const status = readIfThere(path.join(this.data, 'postmaster.pid')).split('\n');
      if (Number(status[0]) === child.pid && ['ready', 'standby'].includes(status[7]?.trim() ?? '')) return;
    }
    throw new Error(`The server ${this.name} did not start: ${this.lastWords()}`);
  }

  /** `'fast'` as a restart does it, `'immediate'` as a crash: nothing is written any more. */
  async stop(how: 'fast' | 'immediate'): Promise<void> {
    const child = this.#process;
    if (!child || !this.isRunning) return;
    const ended = once(child, 'exit');
    child.kill(how === 'fast' ? 'SIGINT' : 'SIGQUIT');
    const harder = setTimeout(() => child.kill('SIGQUIT'), FAST_STOP_LIMIT_MS);
    const hardest = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
    await ended;
    clearTimeout(harder);
    clearTimeout(hardest);
  }

  /** Leaves no room on the disk. Gives what makes room again. */
  async fillDisk(): Promise<() => void> {
    const filler = path.join(this.#place, 'filler');
    const file = await fs.promises.open(filler, 'w');
    const piece = Buffer.alloc(262_144);
    try {
      for (;;) await file.write(piece);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    } finally {
      await file.close();
    }
    return () => fs.rmSync(filler, { force: true });
  }

  /** Runs one of PostgreSQL's programs, or one of the system's, as PostgreSQL runs. */
  async run(program: string, args: string[]): Promise<{ code: number; output: string }> {
    const { account, env } = this.#programs;
    const file = program === 'initdb' ? this.#program(program) : program;
    const options = { ...account, env, cwd: '/', timeout: PROGRAM_LIMIT_MS, killSignal: 'SIGKILL' as const };
    const child = spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data) => {
        output += data;
      });
    }
    const [code] = (await once(child, 'close')) as [number | null];
    return { code: code ?? -1, output };
  }

  lastWords(): string {
    return readIfThere(path.join(this.#place, '..', `${this.name}.server`))
      .split('\n')
      .slice(-20)
      .join('\n');
  }

  #program(name: string): string {
    return path.join(this.#programs.native, 'bin', name);
  }
}

/** A small disk in memory; root may have one on Linux, and a container may still forbid it. */
function mountDisk(place: string): string | undefined {
  if (process.platform !== 'linux')
    return `mounting a disk in memory is only known on Linux, this is ${process.platform}`;
  if (process.getuid?.() !== 0) return 'only root may mount a disk in memory';
  const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_SIZE_MB}m`, 'tmpfs', place], {
    encoding: 'utf8',
  });
  return status === 0 ? undefined : `a disk in memory cannot be mounted: ${stderr?.trim() || 'no program mount'}`;
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

function readIfThere(file: string): string {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

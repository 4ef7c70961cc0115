import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { findBinaries } from '../../tests/server/binaries.js';
import { unprivilegedAccount } from '../../tests/server/embedded.js';
import { chosenMajor } from '../../tests/server/options.js';
import { type Account, type GuardedFolder, makeGuardedFolder } from './folder.js';
import { type Programs, ServerNode } from './node.js';

const CATCH_UP_LIMIT_MS = 3_000;
const STREAM_LIMIT_MS = 15_000;

/** A server of the campaign's own, with a synchronous standby. */
export class Cluster {
  readonly folder: GuardedFolder;
  readonly #major: number;
  #primary: ServerNode;
  #standby: ServerNode;
  #noStandby: string | undefined;

  private constructor(folder: GuardedFolder, major: number, primary: ServerNode, standby: ServerNode) {
    this.folder = folder;
    this.#major = major;
    this.#primary = primary;
    this.#standby = standby;
  }

  /** Starts both servers, of the version that `TEST_POSTGRES_VERSION` names or the newest, from the binaries of npm. */
  static async start(): Promise<Cluster> {
    const major = chosenMajor({});
    const account = process.getuid?.() === 0 ? unprivilegedAccount() : null;
    const ids = account ? { uid: account.uid, gid: account.gid } : {};
    const folder = makeGuardedFolder(ids);
    try {
      const programs = preparePrograms(major, folder.path, ids);
      const [primary, standby] = [
        await ServerNode.make(folder.path, 'a', programs),
        await ServerNode.make(folder.path, 'b', programs),
      ];
      const cluster = new Cluster(folder, major, primary, standby);
      await primary.create();
      await primary.start();
      // Without a standby there is no failover; everything else can be done.
      await cluster.attachStandby().catch(({ message }: Error) => {
        cluster.#noStandby = message;
      });
      return cluster;
    } catch (error) {
      await folder.remove();
      throw error;
    }
  }

  /** The superuser's connection string of the server that takes writes now. */
  get url(): string {
    return this.#primary.url;
  }

  get port(): number {
    return this.#primary.port;
  }

  /** The same of the standby, which only reads. */
  get standbyUrl(): string {
    return this.#standby.url;
  }

  /** Ends the standby as a crash does; commits do not wait for it any more. */
  async stopStandby(): Promise<void> {
    await this.#standby.stop('immediate');
    await withClient(this.#primary.url, (client) => waitForNobody(client));
  }

  /** Lets it go on where it was. */
  startStandby(): Promise<void> {
    return this.#standby.start();
  }

  /** Why its disk cannot be filled. */
  get noOwnDisk(): string | undefined {
    return this.#primary.noOwnDisk;
  }

  /** Why there is no standby that could take over. */
  get noStandby(): string | undefined {
    return this.#noStandby;
  }

  async restart(): Promise<void> {
    await this.#primary.stop('fast');
    await this.#primary.start();
  }

  async crash(): Promise<void> {
    await this.#primary.stop('immediate');
    await this.#primary.start();
  }

  /** Ends the primary as a crash does. */
  kill(): Promise<void> {
    return this.#primary.stop('immediate');
  }

  /** Starts what `kill` has ended. */
  revive(): Promise<void> {
    return this.#primary.start();
  }

  /** For as long as that nothing can be written. A server that gave up is started. */
  async fillDisk(ms: number): Promise<void> {
    const makeRoom = await this.#primary.fillDisk();
    await sleep(ms).finally(makeRoom);
    // It may be just about to end.
    await sleep(200);
    if (!this.#primary.isRunning) await this.#primary.start();
  }

  /**
   * The primary dies, the standby takes its place. Without a standby that has everything, nothing is done: what was
   * acknowledged when a wait for the standby had been cancelled might be lost, and that would be PostgreSQL's doing.
   * @returns why it was not done
   */
  async failOver(): Promise<string | undefined> {
    if (!(await this.#caughtUp())) return 'the standby had not caught up';
    await this.#primary.stop('immediate');
    await withClient(this.#standby.url, (client) => client.query('SELECT pg_promote(true, 20)'));
    [this.#primary, this.#standby] = [this.#standby, this.#primary];
    return undefined;
  }

  /** Makes the other server a new copy of the primary, which then waits for it with every commit. */
  async attachStandby(): Promise<void> {
    const { data } = this.#standby;
    await this.#standby.stop('immediate');
    const copy = async (client: pg.Client) => {
      await waitForNobody(client);
      const isOld = this.#major < 15;
      await client.query(`SELECT ${isOld ? `pg_start_backup('copy', true, false)` : `pg_backup_start('copy', true)`}`);
      fs.rmSync(data, { recursive: true, force: true });
      // Files that vanish while they are copied are files that the copy does without.
      await this.#standby.run('cp', ['-R', '-p', this.#primary.data, data]);
      const { rows } = await client.query<{ labelfile: string }>(
        `SELECT labelfile FROM ${isOld ? 'pg_stop_backup' : 'pg_backup_stop'}(false)`,
      );
      return rows[0]!.labelfile;
    };
    const label = await withClient(this.#primary.url, copy);
    for (const name of fs.readdirSync(path.join(data, 'pg_wal'))) {
      if (/^[0-9A-F]{24}/.test(name)) fs.rmSync(path.join(data, 'pg_wal', name));
    }
    fs.rmSync(path.join(data, 'postmaster.pid'), { force: true });
    this.#standby.writeFile('backup_label', label);
    this.#standby.writeFile('standby.signal', '');
    const source = `host=127.0.0.1 port=${this.#primary.port} user=postgres application_name=standby`;
    this.#standby.writeFile('postgresql.auto.conf', `primary_conninfo = '${source}'\n`, 'append');
    await this.#standby.start();
    await withClient(this.#primary.url, async (client) => {
      await this.#waitFor(client, `state = 'streaming'`, STREAM_LIMIT_MS);
      await client.query(`ALTER SYSTEM SET synchronous_standby_names = '*'`);
      await client.query('SELECT pg_reload_conf()');
    });
  }

  /** Ends both servers and removes everything. */
  close(): Promise<void> {
    return this.folder.remove();
  }

  #caughtUp(): Promise<boolean> {
    return withClient(this.#primary.url, async (client) => {
      await this.#waitFor(client, `sync_state = 'sync' AND flush_lsn >= pg_current_wal_flush_lsn()`, CATCH_UP_LIMIT_MS);
      return true;
    }).catch(() => false);
  }

  async #waitFor(client: pg.Client, condition: string, limitMs: number): Promise<void> {
    // What was written up to now; later writes wait for the standby by themselves.
    const text = condition.replace('pg_current_wal_flush_lsn()', '$1::pg_lsn');
    const { rows: now } = await client.query<{ lsn: string }>('SELECT pg_current_wal_flush_lsn() AS lsn');
    const values = text === condition ? [] : [now[0]!.lsn];
    for (const limit = Date.now() + limitMs; Date.now() < limit; await sleep(20)) {
      const { rows } = await client.query(`SELECT FROM pg_stat_replication WHERE ${text}`, values);
      if (rows.length > 0) return;
    }
    throw new Error(`The standby did not come to ${condition}: ${this.#standby.lastWords()}`);
  }
}

/**
 * The programs in place, or a copy of them: npm packages hold no symbolic links (a script of the package makes them, which
 * npm may not run), and the account of PostgreSQL may not be let into the folder of a checkout.
 */
function preparePrograms(major: ReturnType<typeof chosenMajor>, folder: string, account: Account): Programs {
  const { native: source, links } = findBinaries(major);
  const inPlace = { native: source, account, env: environment(source) };
  if (runs(inPlace, folder)) return inPlace;
  const native = path.join(folder, 'programs');
  fs.cpSync(source, native, { recursive: true, verbatimSymlinks: true });
  openToAll(native);
  for (const { source: from, target } of links) {
    const link = path.join(native, target);
    if (!fs.existsSync(link)) fs.symlinkSync(path.basename(from), link);
  }
  return { native, account, env: environment(native) };
}

function runs({ native, account, env }: Programs, cwd: string): boolean {
  return ['initdb', 'postgres'].every(
    (name) => spawnSync(path.join(native, 'bin', name), ['--version'], { ...account, env, cwd }).status === 0,
  );
}

/** Without the caller's PG* variables, which would change the server, and with messages in English. */
function environment(native: string): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(PG|LC_|LANG|NODE_)/.test(name));
  const search = process.platform === 'darwin' ? 'DYLD_LIBRARY_PATH' : 'LD_LIBRARY_PATH';
  return { ...Object.fromEntries(kept), LC_ALL: 'C', TZ: 'UTC', [search]: path.join(native, 'lib') };
}

function openToAll(directory: string): void {
  fs.chmodSync(directory, 0o755);
  for (const entry of fs.readdirSync(directory, { withFileTypes: true })) {
    const full = path.join(directory, entry.name);
    if (entry.isDirectory()) openToAll(full);
    else if (entry.isFile()) fs.chmodSync(full, 0o755);
  }
}

/** Commits are done without a standby from now on. */
async function waitForNobody(client: pg.Client): Promise<void> {
  await client.query(`ALTER SYSTEM SET synchronous_standby_names = ''`);
  await client.query('SELECT pg_reload_conf()');
}

async function withClient<Result>(url: string, work: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000, query_timeout: 25_000 });
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}

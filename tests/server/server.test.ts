import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { eventually } from '../support';
import { findBinaries } from './binaries';
import { findLeftovers } from './leftovers';
import { chosenMajor } from './options';
import { type Server, type ServerOptions, startServer } from './start-server';

const holder = fileURLToPath(new URL('./hold-server.ts', import.meta.url));

async function ask<R extends pg.QueryResultRow>(url: string, text: string): Promise<R[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return client
    .query<R>(text)
    .then((result) => result.rows)
    .finally(() => client.end());
}

function folderOf(server: { description: string }): string {
  return /, in ([^)]+)\)/.exec(server.description)![1]!;
}

/** Every trace that a server can leave: its folder, its processes, its listening port. */
async function expectNothingLeft(server: { url: string; description: string }): Promise<void> {
  await eventually(
    async () => {
      expect(existsSync(folderOf(server))).toBe(false);
      expect(processesWith(folderOf(server))).toEqual([]);
      await expect(ask(server.url, 'select 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    },
    { timeoutMs: 15_000 },
  );
}

function processesWith(text: string): string[] {
  if (!existsSync('/proc')) return [];
  const ids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return ids.filter((id) => {
    try {
      return readFileSync(`/proc/${id}/cmdline`, 'utf8').includes(text);
    } catch {
      return false;
    }
  });
}

describe('which server the tests get', () => {
  afterEach(() => vi.unstubAllEnvs());

  it('is the one at TEST_DATABASE_URL, which stop() leaves alone', async () => {
    vi.stubEnv('TEST_POSTGRES', '');
    vi.stubEnv('TEST_DATABASE_URL', inject('postgresUrl'));
    const server = await startServer();
    await server.stop();
    expect(server).toMatchObject({ url: inject('postgresUrl'), shared: true });
    await expect(ask(server.url, 'select 1 as one')).resolves.toEqual([{ one: 1 }]);
  });

  it('is refused with what is missing, when a way is forced that is not possible', async () => {
    vi.stubEnv('TEST_POSTGRES', 'url');
    vi.stubEnv('TEST_DATABASE_URL', '');
    await expect(startServer()).rejects.toThrow('TEST_POSTGRES=url needs TEST_DATABASE_URL');
    vi.stubEnv('TEST_POSTGRES', 'cloud');
    await expect(startServer()).rejects.toThrow('TEST_POSTGRES must be url, container or embedded');
    vi.stubEnv('TEST_POSTGRES', 'embedded');
    vi.stubEnv('TEST_POSTGRES_VERSION', '13');
    await expect(startServer()).rejects.toThrow('TEST_POSTGRES_VERSION must be one of 14, 15, 16, 17, 18');
  });
});

const withBinaries = hasBinaries();
// Every test starts a server of its own, so side by side: it also shows that their ports do not collide.
describe.skipIf(!withBinaries).concurrent('a server from the binaries of npm', () => {
  beforeAll(() => {
    vi.stubEnv('TEST_POSTGRES', 'embedded');
  });
  afterAll(() => {
    vi.unstubAllEnvs();
  });

  async function withServer(options: ServerOptions, work: (server: Server) => Promise<void>): Promise<void> {
    const server = await startServer(options);
    await work(server).finally(() => server.stop());
    await expectNothingLeft(server);
  }

  const settings = `select current_setting('fsync') as fsync, current_setting('wal_level') as wal,
    current_setting('listen_addresses') as addresses, current_setting('work_mem') as work_mem,
    current_setting('server_encoding') as encoding, current_setting('TimeZone') as zone`;
  const common = { wal: 'logical', addresses: '127.0.0.1', encoding: 'UTF8', zone: 'UTC' };

  it('is quick rather than durable, has the version asked for, and leaves nothing behind', async () => {
    await withServer({}, async (server) => {
      expect(Number.parseInt(server.version, 10)).toBe(chosenMajor({}));
      expect(await ask(server.url, settings)).toEqual([{ ...common, fsync: 'off', work_mem: '4MB' }]);
    });
  });

  it('is durable on request, and takes more settings', async () => {
    await withServer({ durable: true, settings: { work_mem: '8MB' } }, async (server) => {
      expect(await ask(server.url, settings)).toEqual([{ ...common, fsync: 'on', work_mem: '8MB' }]);
    });
  });

  it('says in PostgreSQL’s words why it does not start', async () => {
    const refused = startServer({ settings: { shared_buffers: 'many' } });
    await expect(refused).rejects.toThrow(/invalid value for parameter "shared_buffers": "many"/);
  });

  it('is looked through for what tests left behind', async () => {
    await withServer({}, async (server) => {
      expect(await findLeftovers(server, 'run1')).toEqual([]);
      await ask(server.url, 'create schema "their schema"; create role run1_role; create table public.stray ()');
      await ask(server.url, `select pg_create_physical_replication_slot('run1_slot')`);
      const open = new pg.Client({ connectionString: `${server.url}?application_name=run1` });
      await open.connect();
      const all = await findLeftovers(server, 'run1', 0);
      const marked = await findLeftovers({ url: server.url, shared: true }, 'run1', 0);
      await open.end();
      const ours = ['connection of run1 (idle): ', 'replication slot run1_slot', 'role run1_role'];
      expect(marked.sort()).toEqual(ours);
      expect(all.sort()).toEqual([...ours, 'schema "their schema"', 'table in public: stray']);
    });
  });

  async function hold(mode: 'wait' | 'end'): Promise<{ child: ChildProcess; url: string; description: string }> {
    const child = spawn(process.execPath, ['--import', 'tsx', holder, mode], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = await once(createInterface({ input: child.stdout! }), 'line');
    return { child, ...(JSON.parse(String(line)) as { url: string; description: string }) };
  }

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGKILL'] as const)('leaves nothing behind after %s', async (signal) => {
    const held = await hold('wait');
    await ask(held.url, 'create table kept ()');
    held.child.kill(signal);
    await once(held.child, 'exit');
    await expectNothingLeft(held);
  });

  it('leaves nothing behind when a program ends without stop()', async () => {
    const held = await hold('end');
    expect(await once(held.child, 'exit')).toEqual([0, null]);
    await expectNothingLeft(held);
  });
});

function hasBinaries(): boolean {
  try {
    findBinaries(chosenMajor({}));
    return true;
  } catch (error) {
    process.stderr.write(`SKIPPED: tests of a server from npm, because ${(error as Error).message}\n`);
    return false;
  }
}

import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { backendPid, endBackend, eventually, useSchema, waitUntilBlocked } from '../support';
import { startProxy } from '../support/proxy';
import { useCommandLine } from './command-line';
import { makeDriftedShop } from './shop';

const t = useSchema('process');
const cli = useCommandLine();
const PASSWORD = 'S3cret-of-the-host';

beforeAll(() => makeDriftedShop(t, t.schema));

const here = () => ['--schema', t.schema, '--url', t.url];

it.concurrent('ends with 0 when all is well, 1 for drift, 2 for usage, 3 without a connection', async () => {
  const nobody = `postgresql://someone:${PASSWORD}@127.0.0.1:1/shop`;
  const outcomes = await Promise.all([
    cli.run(['check', '--shop', 'shop-2', ...here()]),
    cli.run(['check', ...here()]),
    cli.run(['check', '--limt', '3', ...here()]),
    cli.run(['check'], { env: { DATABASE_URL: nobody } }),
  ]);
  expect(outcomes.map(({ code }) => code)).toEqual([0, 1, 2, 3]);
  expect(JSON.stringify(outcomes)).not.toContain(PASSWORD);
});

it.concurrent('connects by the PG* variables', async () => {
  const { hostname, port, pathname, username } = new URL(t.url);
  const env = { PGHOST: hostname, PGPORT: port, PGDATABASE: pathname.slice(1), PGUSER: username };
  const found = await cli.run(['check', '--json', '--shop', 'shop-2', '--schema', t.schema], { env });
  expect(found).toEqual({ code: 0, stdout: '[]\n', stderr: '' });
  const refused = await cli.run(['check'], { env: { ...env, PGPORT: '1', PGPASSWORD: PASSWORD } });
  expect(refused).toMatchObject({ code: 3, stderr: expect.stringContaining(`${hostname}:1`) });
  expect(refused.stderr).not.toContain(PASSWORD);
});

it.concurrent('writes no colours into a pipe, and keeps its exit code when the reader has gone', async () => {
  const { stdout, stderr } = await cli.run(['status', ...here()], { env: { TERM: 'xterm-256color' } });
  expect(stdout + stderr).not.toContain('\u001b');
  const quoted = here().map((word) => `'${word.replaceAll("'", "'\\''")}'`);
  const gone = await cli.shell(`{ pg-promo-codes check ${quoted.join(' ')}; echo "code $?" >&2; } | true`);
  expect(gone.stderr).toBe('code 1\n');
  const watched = await cli.shell(`pg-promo-codes check --watch 1 ${quoted.join(' ')} | head -n 1`);
  expect(watched).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/ 2 codes drifted\n$/) });
});

it.concurrent('says what to install where there is no driver', async () => {
  const home = mkdtempSync(path.join(tmpdir(), 'pg-promo-codes-cli-'));
  mkdirSync(path.join(home, 'node_modules'), { recursive: true });
  symlinkSync(path.resolve('node_modules', 'pg-format'), path.join(home, 'node_modules', 'pg-format'));
  cpSync(path.join(cli.folder, 'pg-promo-codes.mjs'), path.join(home, 'cli.mjs'));
  const outcome = await cli.shell(`'${process.execPath}' cli.mjs status`, { cwd: home });
  rmSync(home, { recursive: true });
  expect(outcome).toMatchObject({ code: 3, stdout: '', stderr: expect.stringContaining('Run `npm install pg`') });
  expect(outcome.stderr.trimEnd().split('\n')).toHaveLength(1);
});

describe.concurrent('check --watch', () => {
  it('survives a restart of the server, and ends with 130 by Ctrl-C', async () => {
    const proxy = await startProxy(t.url);
    const watching = cli.start(['check', '--watch', '1', '--schema', t.schema, '--url', proxy.url]);
    await watching.says('2 codes drifted');
    await proxy.down();
    expect(await watching.says('Trying again')).toMatch(/could not be reached|broke/);
    await proxy.up();
    await watching.says('connected again');
    watching.child.kill('SIGINT');
    const { code, stdout, stderr } = await watching.ended;
    await proxy.close();
    expect(code).toBe(130);
    // The codes are listed once, as long as they are the same.
    expect(stdout.match(/^kind /gm)).toHaveLength(1);
    expect(stderr).not.toMatch(/\n {4}at /);
  });

  it('ends with the first drift with --fail-fast', async () => {
    const outcome = await cli.run(['check', '--watch', '3600', '--fail-fast', '--json', ...here()]);
    expect(outcome).toMatchObject({ code: 1, stderr: '' });
    expect(JSON.parse(outcome.stdout)).toHaveLength(1);
  });
});

it.concurrent('Ctrl-C ends the statement in the server, too', async () => {
  const holder = await t.client();
  await holder.query(t.expand(`BEGIN; UPDATE :"schema".promo_codes SET name = 'held' WHERE code = 'SUMMER'`));
  const repairing = cli.start(['repair', '--yes', ...here()]);
  const pid = await eventually(() => waitingFor(backendPid(holder)), { timeoutMs: 20_000 });
  repairing.child.kill('SIGINT');
  expect(await repairing.ended).toMatchObject({ code: 130, stdout: '', stderr: '' });
  const { rows } = await t.sql(`SELECT FROM pg_stat_activity WHERE pid = ${pid} AND state = 'active'`);
  expect(rows).toEqual([]);
  await endBackend(t.pool, backendPid(holder));
});

/** The backend that waits for a lock of another one. */
async function waitingFor(holder: number): Promise<number> {
  const { rows } = await t.sql<{ pid: number }>(
    `SELECT a.pid FROM pg_stat_activity AS a WHERE a.wait_event_type = 'Lock' AND $1 = ANY (pg_blocking_pids(a.pid))`,
    [holder],
  );
  if (!rows[0]) throw new Error('Nobody waits.');
  return rows[0].pid;
}

it.concurrent('shows who holds the row of a code, and who waits for it', async () => {
  const [holder, waiting] = [await t.client(), await t.client()];
  const update = t.expand(`UPDATE :"schema".promo_codes SET name = 'held' WHERE code = 'SPRING'`);
  await holder.query('BEGIN');
  await holder.query(update);
  const waited = waiting.query(update);
  await waitUntilBlocked(t.pool, waiting);
  // It waits for the statements that are under way, whatever they are of.
  const beside = await t.client();
  const built = beside.query(t.expand('CREATE INDEX CONCURRENTLY beside ON :"schema".promo_code_uses (used_at)'));
  await waitUntilBlocked(t.pool, beside);
  const [shown, found] = await Promise.all([
    cli.run(['locks', 'spring', ...here()]),
    cli.run(['locks', 'spring', '--json', ...here()]),
  ]);
  const sessions = JSON.parse(found.stdout);
  expect(sessions).toMatchObject([
    { holds: true, pid: backendPid(holder), state: 'idle in transaction', statement: update },
    { holds: false, pid: backendPid(waiting), state: 'active', statement: update },
  ]);
  expect(Date.now() - Date.parse(sessions[0].since)).toBeLessThan(60_000);
  expect(shown.code).toBe(0);
  expect(shown.stdout).toContain(`is held by process ${backendPid(holder)}:`);
  expect(shown.stdout).toContain('1 session waits for it:');
  await holder.query('ROLLBACK');
  await Promise.all([waited, built]);
  const free = await cli.run(['locks', 'spring', ...here()]);
  expect(free).toMatchObject({ code: 0, stdout: expect.stringMatching(/ is held by nobody\.\n$/) });
});

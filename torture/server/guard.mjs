// A small process that removes a campaign's folder: it waits on its standard input, whose end is the one signal that also
// arrives when the campaign was killed with SIGKILL. Then it ends the servers whose data lie in the folder, unmounts what is
// mounted there, and removes it. It has a process group of its own, so that Ctrl-C does not reach it, and it is plain
// JavaScript so that it needs no loader.
//
// argv[2] is the folder. In GUARDED is, as JSON, what to remove from a server that was there before: { url, schemas,
// applicationName }. It is not among the arguments, because a connection string may hold a password.
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const folder = process.argv[2];
const QUICK_STOP_MS = 8_000;
const DROP_ATTEMPTS = 5;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});
await new Promise((resolve) => process.stdin.on('end', resolve).on('close', resolve).on('error', resolve).resume());
// A server that was being started when the campaign ended has its file a moment later.
for (let look = 0; look < 3; look += 1) {
  await Promise.all(servers().map(stopServer));
  await sleep(200);
}
for (const mounted of places()) {
  if (process.platform === 'linux') spawnSync('umount', ['-l', mounted], { stdio: 'ignore' });
}
if (process.env.GUARDED) await dropSchemas(JSON.parse(process.env.GUARDED));
fs.rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });

function places() {
  try {
    return fs
      .readdirSync(folder, { withFileTypes: true })
      .flatMap((entry) => (entry.isDirectory() ? [path.join(folder, entry.name)] : []));
  } catch {
    return [];
  }
}

/** A busy server may not let a client in at once, and connections that are being ended may begin once more. */
async function dropSchemas(campaign) {
  const { default: pg } = await import('pg');
  for (let attempt = 1; ; attempt += 1) {
    const client = new pg.Client({ connectionString: campaign.url, connectionTimeoutMillis: 10_000 });
    try {
      await client.connect();
      await endAndDrop(client, pg, campaign);
      return;
    } catch (error) {
      if (attempt < DROP_ATTEMPTS) continue;
      process.stderr.write(`The schemas ${campaign.schemas.join(' and ')} could not be dropped: ${error.message}\n`);
      return;
    } finally {
      await client.end().catch(() => {});
    }
  }
}

/** After ending the connections of the campaign, which may still hold locks. */
async function endAndDrop(client, pg, { schemas, applicationName }) {
  const end = 'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1';
  await client.query(end, [applicationName]);
  await client.query(`DROP SCHEMA IF EXISTS ${schemas.map((name) => pg.escapeIdentifier(name)).join(', ')} CASCADE`);
}

/** The process ids that the files in the data folders tell. */
function servers() {
  return places().flatMap((place) => {
    try {
      const pid = Number(fs.readFileSync(path.join(place, 'data', 'postmaster.pid'), 'utf8').split('\n')[0]);
      return pid > 1 && isOurs(pid) ? [pid] : [];
    } catch {
      return [];
    }
  });
}

/** The file of a server that died may name a process of somebody else by now. */
function isOurs(pid) {
  return spawnSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' }).stdout?.includes(folder) ?? true;
}

async function stopServer(pid) {
  const limit = Date.now() + QUICK_STOP_MS;
  send(pid, 'SIGQUIT');
  while (send(pid, 0)) {
    if (Date.now() > limit) send(pid, 'SIGKILL');
    await sleep(20);
  }
}

function send(pid, signal) {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

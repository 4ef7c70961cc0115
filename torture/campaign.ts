import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { check, type Verdict } from './checker/check.js';
import { findBreaches, readRows } from './checker/rows.js';
import { Clients, type ProcessEnd } from './clients.js';
import { compileWorker } from './compiled.js';
import { asAdmin, type InjectedFault, inject, type Target } from './faults.js';
import { allHostCodes, createHost, hostCodes } from './host.js';
import { within } from './limits.js';
import { type History, readHistory } from './log.js';
import { startProxy } from './proxy.js';
import {
  type FaultName,
  type OwnFault,
  ownFaults,
  type PlannedFault,
  planFaults,
  type ServerFault,
  serverFaults,
} from './schedule.js';
import { CALM_MS, DEADLINE_MS, type Settings, SLACK_MS, WARM_UP_MS } from './settings.js';
import { startSnapshots } from './snapshots.js';
import type { Stage } from './stage.js';

/** What a campaign came to. */
export interface Outcome extends Verdict {
  settings: Settings;
  server: string;
  history: History;
  faults: InjectedFault[];
  /** What could not be injected, and why. */
  skipped: { name: FaultName; reason: string }[];
  ends: ProcessEnd[];
  snapshots: number;
}

/** The longest hold, and a second. */
const HOLDS_ARE_DUE_MS = 9_000;
const HOLDS_AT_ONCE = 1_000;
/** More than any step takes where nothing hangs. */
const STEP_LIMIT_MS = 60_000;
const END_LIMIT_MS = 15_000;

/** Runs the faults and the load on a stage, then checks. Nothing of it is running when it has returned. */
export async function runCampaign(stage: Stage, settings: Settings, say: (text: string) => void): Promise<Outcome> {
  const { library } = await import('../bench/library.js');
  const { schema, applicationName } = stage;
  await withClient(stage.ownerUrl(), (client) =>
    createHost(client, settings.design, schema, () => library.installSchema(client, { schema })),
  );
  const proxy = await startProxy(stage.host, stage.port);
  const program = await compileWorker(stage.folder);
  const clients = new Clients(program, stage.folder, {
    seed: settings.seed,
    url: stage.clientUrl(proxy.port),
    schema,
    design: settings.design,
    callers: settings.callers,
    codes: await changedCodes(stage),
  });
  const snapshots = startSnapshots(stage.adminUrl, schema);
  const target: Target = {
    proxy,
    clients,
    cluster: stage.cluster,
    schema,
    applicationName,
    adminUrl: stage.adminUrl,
    installTriggers: (granularity) =>
      withClient(stage.ownerUrl(), (client) => library.installTriggers(client, { schema, granularity })),
    repairDrift: () => withClient(stage.ownerUrl(), (client) => library.repairDrift(client, { schema })),
  };
  try {
    await within(STEP_LIMIT_MS, 'The start of the client processes', clients.start(settings.processes));
    say(`${settings.processes} client processes are at work.`);
    await sleep(WARM_UP_MS);
    const { others, skipped } = possibleFaults(stage, settings);
    for (const { name, reason } of skipped) say(`SKIPPED ${name}: ${reason}`);
    const faults = await injectAll(target, settings, others, say);
    const lastFault = Math.max(...faults.map(({ until }) => until));
    say(`The last of ${faults.length} faults is over; the clients go on for ${CALM_MS} ms.`);
    await sleep(CALM_MS);
    const late = await clients.stop(DEADLINE_MS + 2 * SLACK_MS + 5_000);
    for (const name of late) say(`Process ${name} did not come to its end and was killed.`);
    const dueWereReleased =
      settings.design === 'library' && (await within(STEP_LIMIT_MS, 'The release of the holds', releaseHolds(stage)));
    await within(END_LIMIT_MS, 'The last snapshot', snapshots.stop());
    const reading = asAdmin(stage, async (client) => {
      await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
      return { breaches: await findBreaches(client, schema), rows: await readRows(client, schema) };
    });
    const { rows, breaches } = await within(STEP_LIMIT_MS, 'The reading of all rows', reading);
    const history = readHistory(stage.folder);
    const { ends } = clients;
    const verdict = check({
      history,
      rows,
      hostCodes: allHostCodes,
      breaches: [...snapshots.breaches, ...breaches.map((breach) => ({ ...breach, at: Date.now() }))],
      ends,
      dueWereReleased,
      lastFault: faults.length > 0 ? lastFault : undefined,
    });
    return {
      ...verdict,
      settings,
      server: stage.description,
      history,
      faults,
      skipped,
      ends,
      snapshots: snapshots.taken,
    };
  } finally {
    clients.end();
    await Promise.all([ended('the snapshots', snapshots.stop(), say), ended('the proxy', proxy.close(), say)]);
  }
}

/** What does not end is said, and is no reason to wait. */
function ended(what: string, work: Promise<unknown>, say: (text: string) => void): Promise<unknown> {
  return within(END_LIMIT_MS, `The end of ${what}`, work).catch((error: unknown) => say(String(error)));
}

/** Both tracks, each one fault after the other, as the seed has planned them. */
async function injectAll(
  target: Target,
  settings: Settings,
  others: readonly (OwnFault | ServerFault)[],
  say: (text: string) => void,
): Promise<InjectedFault[]> {
  const begin = Date.now();
  const faults: InjectedFault[] = [];
  const track = async (planned: readonly PlannedFault[], isLoud: boolean) => {
    for (const fault of planned) {
      const waitMs = begin + fault.atMs - Date.now();
      if (Date.now() - begin > settings.durationMs) return;
      if (waitMs > 0) await sleep(waitMs);
      const injected = await inject(target, fault);
      faults.push(injected);
      if (isLoud)
        say(
          `${seconds(injected.from - begin)} ${fault.name}: ${injected.detail || 'done'} (${injected.until - injected.from} ms)`,
        );
      if (fault.name === 'failover') await attachStandby(target, say);
    }
  };
  const schedule = planFaults(settings.seed, settings.durationMs, others);
  await Promise.all([track(schedule.network, false), track(schedule.others, true)]);
  const left = begin + settings.durationMs - Date.now();
  if (left > 0) await sleep(left);
  return faults.sort((one, other) => one.from - other.from);
}

async function attachStandby({ cluster }: Target, say: (text: string) => void): Promise<void> {
  if (!cluster) return;
  await within(STEP_LIMIT_MS, 'The copy for the standby', cluster.attachStandby()).catch((error: unknown) =>
    say(`No new standby: ${String(error)}`),
  );
}

function possibleFaults(
  stage: Stage,
  { design, url }: Settings,
): { others: (OwnFault | ServerFault)[]; skipped: Outcome['skipped'] } {
  const skipped: Outcome['skipped'] = [];
  const reasons = new Map<FaultName, string>();
  if (url !== undefined) for (const name of serverFaults) reasons.set(name, 'the server of --url is not ours');
  if (stage.cluster?.noStandby !== undefined) reasons.set('failover', stage.cluster.noStandby);
  if (stage.cluster?.noOwnDisk !== undefined) reasons.set('diskFull', stage.cluster.noOwnDisk);
  if (design !== 'library') {
    for (const name of ['installTriggers', 'repairDrift'] as const) reasons.set(name, 'only the library has it');
  }
  const others = [...ownFaults, ...serverFaults].filter((name) => {
    const reason = reasons.get(name);
    if (reason !== undefined) skipped.push({ name, reason });
    return reason === undefined;
  });
  return { others, skipped };
}

async function changedCodes(stage: Stage): Promise<{ switched: string[]; updated: string[] }> {
  const names = { switched: hostCodes.switched, updated: [...hostCodes.updated, ...hostCodes.hot] };
  const ids = async (codes: readonly { code: string }[]) => {
    const { rows } = await asAdmin(stage, (client) =>
      client.query<{ id: string }>(
        `SELECT id::text FROM ${pg.escapeIdentifier(stage.schema)}.promo_codes WHERE code = ANY ($1) ORDER BY id`,
        [codes.map(({ code }) => code)],
      ),
    );
    return rows.map(({ id }) => id);
  };
  return { switched: await ids(names.switched), updated: await ids(names.updated) };
}

/** Waits until every hold is due, and releases all of them. */
async function releaseHolds(stage: Stage): Promise<boolean> {
  const { library } = await import('../bench/library.js');
  await sleep(HOLDS_ARE_DUE_MS);
  const pool = new pg.Pool({ connectionString: stage.ownerUrl(), max: 2 });
  pool.on('error', () => {});
  try {
    const repository = new library.PromoCodeRepository(pool, { schema: stage.schema });
    for (let left = 100; left > 0; left -= 1) {
      if ((await repository.releaseExpired({ limit: HOLDS_AT_ONCE })).released === 0) return true;
    }
    return false;
  } finally {
    await pool.end();
  }
}

async function withClient<Result>(url: string, work: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 3_000, query_timeout: 15_000 });
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1).padStart(6)} s`;
}

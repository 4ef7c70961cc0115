import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Clients } from './clients.js';
import { within } from './limits.js';
import type { FaultyProxy, ProxiedConnection } from './proxy.js';
import { type Random, seededRandom } from './random.js';
import type { FaultName, PlannedFault } from './schedule.js';
import type { Cluster } from './server/cluster.js';
import { ROLE } from './settings.js';

/** A fault as it happened. */
export interface InjectedFault {
  name: FaultName;
  from: number;
  /** When everything was as before. */
  until: number;
  detail: string;
}

/** What faults are injected into. */
export interface Target {
  proxy: FaultyProxy;
  clients: Clients;
  /** The server, where it is the campaign's own. */
  cluster: Cluster | undefined;
  schema: string;
  /** How the connections of the clients call themselves. */
  applicationName: string;
  /** The connection string past the proxy, of whoever may do most. */
  adminUrl(): string;
  installTriggers(granularity: 'statement' | 'row'): Promise<unknown>;
  repairDrift(): Promise<unknown>;
}

/** More than a server takes to come up, and the longest fault. */
const INJECTION_LIMIT_MS = 60_000;

type Inject = (target: Target, fault: PlannedFault, random: Random) => Promise<string>;

/** Injects a fault and gives what happened. An error of the injection itself is a detail, not an end of the campaign. */
export async function inject(target: Target, fault: PlannedFault): Promise<InjectedFault> {
  const from = Date.now();
  const injecting = injections[fault.name](target, fault, seededRandom(fault.seed));
  const detail = await within(INJECTION_LIMIT_MS, 'It', injecting).catch(
    (error: unknown) => `failed: ${error instanceof Error ? error.message : String(error)}`,
  );
  return { name: fault.name, from, until: Date.now(), detail };
}

/** Does something to a number of connections. */
function toSome(
  most: number,
  work: (connection: ProxiedConnection, fault: PlannedFault, random: Random) => void,
): Inject {
  return async ({ proxy }, fault, random) => {
    const hit = random.shuffled(proxy.connections()).slice(0, random.between(1, most));
    for (const connection of hit) work(connection, fault, random);
    return `${hit.length} connections`;
  };
}

async function cutStorm({ proxy }: Target, { lengthMs }: PlannedFault, random: Random): Promise<string> {
  let cuts = 0;
  for (const until = Date.now() + lengthMs; Date.now() < until; await sleep(15)) {
    const open = proxy.connections();
    if (open.length === 0) continue;
    random.pick(open).reset();
    cuts += 1;
  }
  return `${cuts} connections, one every 15 ms`;
}

/** The clients' backends that do something, or all of them. */
const BACKENDS = `SELECT pid FROM pg_stat_activity WHERE application_name = $1 AND pid <> pg_backend_pid()`;

function signalBackends(signal: 'pg_terminate_backend' | 'pg_cancel_backend', pauseMs: number): Inject {
  return (target, { lengthMs }, random) =>
    asAdmin(target, async (client) => {
      let hit = 0;
      for (const until = Date.now() + lengthMs; Date.now() < until; await sleep(pauseMs)) {
        const { rows } = await client.query<{ pid: number }>(`${BACKENDS} AND state <> 'idle'`, [
          target.applicationName,
        ]);
        if (rows.length === 0) continue;
        await client.query(`SELECT ${signal}($1)`, [random.pick(rows).pid]);
        hit += 1;
      }
      return `${hit} backends`;
    });
}

/** A setting of the role, for sessions that begin while it is set. Some are ended, so that new ones begin. */
function roleSetting(setting: string, anyValue: (random: Random) => string): Inject {
  return (target, { lengthMs }, random) =>
    asAdmin(target, async (client) => {
      const value = anyValue(random);
      await client.query(`ALTER ROLE ${ROLE} SET ${setting} = '${value}'`);
      const end = `SELECT pg_terminate_backend(pid) FROM (${BACKENDS} ORDER BY random() LIMIT $2) AS b`;
      try {
        await client.query(end, [target.applicationName, 8]);
        await sleep(lengthMs);
      } finally {
        await client.query(`ALTER ROLE ${ROLE} RESET ${setting}`);
      }
      // Whoever has the setting keeps it as long as the session lives.
      await client.query(end, [target.applicationName, 100]);
      return `${setting} = ${value} for ${lengthMs} ms`;
    });
}

function maintenance(statementOf: (table: string) => string): Inject {
  return (target, _fault, random) =>
    asAdmin(target, async (client) => {
      const name = random.pick(['promo_codes', 'promo_code_uses']);
      const statement = statementOf(`${pg.escapeIdentifier(target.schema)}.${name}`);
      await client.query(`SET lock_timeout = '2s'`);
      await client.query(statement);
      return statement;
    });
}

const injections: Record<FaultName, Inject> = {
  reset: toSome(6, (connection) => connection.reset()),
  close: toSome(6, (connection) => connection.close()),
  cutInRequest: toSome(4, (connection) => connection.cutWithin('client')),
  cutInAnswer: toSome(4, (connection) => connection.cutWithin('server')),
  loseAnswers: toSome(8, (connection) => connection.loseAnswer()),
  cutStorm,
  stall: toSome(8, (connection, { lengthMs }) => connection.stall(lengthMs)),
  silence: toSome(2, (connection, _fault, random) => connection.silence(random.pick(['both', 'answers'] as const))),
  holdBack: toSome(6, (connection, { lengthMs }) => connection.holdBack(lengthMs)),

  async killProcess({ clients }, { lengthMs }, random) {
    await clients.kill(random.between(0, 100), lengthMs / 3);
    return `started anew after ${Math.round(lengthMs / 3)} ms`;
  },
  terminate: signalBackends('pg_terminate_backend', 40),
  cancel: signalBackends('pg_cancel_backend', 10),
  vacuumFull: maintenance((table) => `VACUUM FULL ${table}`),
  reindex: maintenance((table) => `REINDEX TABLE ${table}`),
  async installTriggers(target, _fault, random) {
    const granularity = random.pick(['statement', 'row'] as const);
    await target.installTriggers(granularity);
    return `granularity ${granularity}`;
  },
  async repairDrift(target) {
    await target.repairDrift();
    return '';
  },

  lockTimeout: roleSetting('lock_timeout', (random) => `${random.between(20, 200)}ms`),
  statementTimeout: roleSetting('statement_timeout', (random) => `${random.between(30, 200)}ms`),
  readOnly: roleSetting('default_transaction_read_only', () => 'on'),
  async restart(target) {
    await target.cluster!.restart();
    return '';
  },
  async crash(target) {
    await target.cluster!.crash();
    return '';
  },
  /** The server ends all sessions and recovers when one of its processes dies. */
  async killBackend(target, _fault, random) {
    const { rows } = await asAdmin(target, (client) =>
      client.query<{ pid: number }>(`${BACKENDS} ORDER BY pid`, [target.applicationName]),
    );
    if (rows.length === 0) return 'there was none';
    process.kill(random.pick(rows).pid, 'SIGKILL');
    await sleep(100);
    await untilServing(target);
    return '';
  },
  async failover(target) {
    const { cluster, proxy } = target;
    const reason = await cluster!.failOver();
    if (reason !== undefined) return `not done: ${reason}`;
    proxy.setTarget('127.0.0.1', cluster!.port);
    return '';
  },
  async diskFull({ cluster }, { lengthMs }) {
    await cluster!.fillDisk(lengthMs);
    return `for ${lengthMs} ms`;
  },
};

const SERVING_LIMIT_MS = 10_000;

async function untilServing(target: Target): Promise<void> {
  for (const limit = Date.now() + SERVING_LIMIT_MS; Date.now() < limit; await sleep(50)) {
    const isServing = await asAdmin(target, () => Promise.resolve(true)).catch(() => false);
    if (isServing) return;
  }
}

export async function asAdmin<Result>(
  { adminUrl }: Pick<Target, 'adminUrl'>,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client({
    connectionString: adminUrl(),
    connectionTimeoutMillis: 3_000,
    query_timeout: 15_000,
    application_name: 'torture admin',
  });
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}

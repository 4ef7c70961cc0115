import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Workbench } from '../../bench/workbench.js';
import { defaultLibrarySchema } from '../../src/host/library-schema.js';
import { within } from '../limits.js';
import { startCallers } from './callers.js';
import { heldMemory, readTables, type Sample, type TableNames } from './sample.js';
import { CODES, CONNECTIONS, KEPT_USES, type Settings, SHOP, sampleEveryMs } from './settings.js';
import { type Findings, judge, type Violation } from './verdict.js';

/** What a long day has come to. */
export interface Day {
  samples: Sample[];
  violations: Violation[];
}

const HOUSEKEEPING_EVERY_MS = 1_000;
/** More than anything takes where nothing hangs. */
const STEP_LIMIT_MS = 60_000;
const PRUNED_AT_ONCE = 100_000;

/** Callers, housekeeping and samples, for as long as the settings say. Nothing of it is running when it has returned. */
export async function spendDay(
  bench: Workbench,
  settings: Settings,
  see: (sample: Sample, all: readonly Sample[]) => void,
): Promise<Day> {
  const { library } = await import('../../bench/library.js');
  const schema = await bench.freshSchema('soak');
  const names = namesOf(schema);
  await library.installSchema(bench.client, { schema });
  await bench.client.query(
    `INSERT INTO ${names.codes} (code, shop_id, bonus_value, end_date, per_customer_limit)
     SELECT 'C' || i, $1, 5, 'infinity', CASE WHEN i % 3 = 0 THEN 3 END FROM generate_series(1, $2) AS i`,
    [SHOP, CODES],
  );
  const pool = new pg.Pool({ connectionString: bench.url, max: CONNECTIONS });
  pool.on('error', () => {});
  // Nobody is to be stopped: guesses are there to be counted.
  const repository = new library.PromoCodeRepository(pool, { schema, rateLimit: { failures: 1_000_000 } });
  const samples: Sample[] = [];
  try {
    await joinCampaign(bench.client, repository, names);
    await bench.settle(schema);
    const callers = startCallers(repository, settings.callers);
    const keeping = startHousekeeping(bench.url, repository, names);
    const begun = performance.now();
    for (let last = begun; last - begun < settings.durationMs; ) {
      await Promise.race([sleep(sampleEveryMs(settings)), keeping.failed]);
      const { calls, longestMs } = callers.take();
      const now = performance.now();
      const seen = async (): Promise<Sample> => ({
        atMs: now - begun,
        rate: (calls / (now - last)) * 1_000,
        longestMs,
        drifted: (await library.checkDrift(bench.client, { schema })).length,
        tables: await readTables(bench.client, names),
        ...heldMemory(),
      });
      samples.push(await within(STEP_LIMIT_MS, 'A sample', seen()));
      see(samples.at(-1)!, samples);
      last = now;
    }
    await within(STEP_LIMIT_MS, 'The end of the callers', callers.stop());
    await within(STEP_LIMIT_MS, 'The end of the housekeeping', keeping.stop());
    await within(STEP_LIMIT_MS, 'The end of the repository', repository.close());
    const heldConnections = pool.totalCount - pool.idleCount + (await openTransactions(bench.client));
    const findings: Findings = { errors: callers.errors, heldConnections };
    return { samples, violations: judge(samples, findings) };
  } finally {
    await within(STEP_LIMIT_MS, 'The end of the pool', pool.end()).catch(() => {});
  }
}

function namesOf(schema: string): TableNames {
  const library = defaultLibrarySchema(schema);
  return {
    codes: `${schema}.promo_codes`,
    uses: `${schema}.promo_code_uses`,
    campaigns: `${library}.promo_code_campaigns`,
    keys: `${library}.promo_code_idempotency_keys`,
    holds: `${library}.promo_code_holds`,
    limits: `${library}.promo_code_rate_limits`,
  };
}

/** A tenth of the codes, so that the counters of a campaign are written all day as well. */
async function joinCampaign(
  client: pg.ClientBase,
  repository: import('../../src/index.js').PromoCodeRepository,
  names: TableNames,
): Promise<void> {
  const { id } = await repository.campaigns.create({ shopId: SHOP, name: 'all day', perCustomerLimit: 1_000 });
  const { rows } = await client.query<{ id: string }>(`SELECT id::text FROM ${names.codes} WHERE id % 10 = 0`);
  await repository.campaigns.addCodes(
    id,
    rows.map((row) => row.id),
  );
}

interface Housekeeping {
  /** Rejects when it fails. */
  readonly failed: Promise<never>;
  stop(): Promise<void>;
}

/**
 * What a host does at night, every second: due holds are released, old keys and uses removed, and what the library keeps for 90
 * days made as old as that. Tables whose rows come and go are vacuumed. Those of the counters are not: they must not need it.
 */
function startHousekeeping(
  url: string,
  repository: import('../../src/index.js').PromoCodeRepository,
  names: TableNames,
): Housekeeping {
  const over = new AbortController();
  const work = async () => {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => {});
    await client.connect();
    try {
      while (!over.signal.aborted) {
        await client.query(
          `UPDATE ${names.holds} SET released_at = released_at - interval '91 days'
            WHERE released_at BETWEEN now() - interval '1 day' AND now() - interval '5 s'`,
        );
        while ((await repository.releaseExpired({ limit: 1_000 })).remaining);
        await repository.pruneIdempotencyKeys({ olderThanDays: 0, limit: PRUNED_AT_ONCE });
        await client.query(
          `DELETE FROM ${names.uses} WHERE id < (SELECT id FROM ${names.uses} ORDER BY id DESC OFFSET $1 LIMIT 1)`,
          [KEPT_USES],
        );
        await client.query(`VACUUM ${names.uses}, ${names.keys}, ${names.holds}, ${names.limits}`);
        await sleep(HOUSEKEEPING_EVERY_MS, undefined, { signal: over.signal }).catch(() => {});
      }
    } finally {
      await client.end().catch(() => {});
    }
  };
  const working = work();
  const failed = working.then(() => new Promise<never>(() => {}));
  failed.catch(() => {});
  return {
    failed,
    stop: () => {
      over.abort();
      return working;
    },
  };
}

async function openTransactions(client: pg.ClientBase): Promise<number> {
  const { rows } = await client.query<{ open: number }>(
    `SELECT count(*)::integer AS open FROM pg_stat_activity
      WHERE application_name = current_setting('application_name') AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'`,
  );
  return rows[0]!.open;
}

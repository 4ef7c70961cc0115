import { defaultLibrarySchema } from '../../src/host/library-schema.js';
import { compare, judge, type Panel } from '../comparison.js';
import { freshHost } from '../host.js';
import { library } from '../library.js';
import { alternate, milliseconds } from '../side-by-side.js';
import type { Workbench } from '../workbench.js';
import type { Workload } from './workload.js';

const CALLS_PER_ROUND = 20;
/** Far longer than an unchanged installation takes, so that running into it means that it waited for a lock. */
const LOCKED_LIMIT_MS = 5_000;

const panel: Panel = { title: 'installTriggers where nothing has changed', unit: 'ms' };

/** What every start of every instance of an application pays. */
export const unchangedInstall: Workload = {
  names: ['unchanged-install'],
  async run(bench) {
    const rounds = bench.quick ? 3 : 9;
    bench.progress(`unchanged-install: ${rounds} rounds of ${CALLS_PER_ROUND} calls`);
    const schema = await freshHost(bench, { label: 'unchanged', design: 'ours', codes: 1 });
    const install = () => requireUnchanged(bench.client, schema);
    const samples = await alternate<number>(
      [
        { role: 'plain', round: () => perCall(() => bench.client.query('SELECT 1')) },
        { role: 'ours', round: () => perCall(install) },
      ],
      rounds,
    );
    const comparison = compare(
      {
        name: 'unchanged-install',
        shortName: 'one call',
        what: 'installTriggers where nothing has changed',
        panel,
        reference: 'plain',
        labels: { plain: 'SELECT 1', ours: 'installTriggers' },
      },
      samples,
    );
    const sent = await statementsSent(bench, schema);
    const locks = await locksTaken(bench, schema);
    comparison.goals.push(
      judge({ of: 'statements sent', direction: 'at most', limit: 1, value: sent, unit: '' }),
      judge({
        of: 'locks and writes',
        direction: 'at most',
        limit: 0,
        value: locks,
        unit: '',
      }),
    );
    return [comparison];
  },
};

async function perCall(work: () => Promise<unknown>): Promise<number> {
  const total = await milliseconds(async () => {
    for (let call = 0; call < CALLS_PER_ROUND; call += 1) await work();
  });
  return total / CALLS_PER_ROUND;
}

type Database = Parameters<typeof library.installTriggers>[0];
type Query = Database['query'];

async function requireUnchanged(db: Database, schema: string): Promise<void> {
  const { changed } = await library.installTriggers(db, { schema });
  if (changed) throw new Error('The installation changed something, so it was not an unchanged one');
}

/** Counts on the pool and on the connections that it lends. */
async function statementsSent({ pool }: Workbench, schema: string): Promise<number> {
  let sent = 0;
  const counting =
    (query: Query): Query =>
    (text, values) => {
      sent += 1;
      return query(text, values);
    };
  await requireUnchanged(
    {
      query: counting((text, values) => pool.query(text, values)),
      async connect() {
        const lent = await pool.connect();
        return {
          query: counting((text, values) => lent.query(text, values)),
          release: (error) => lent.release(error),
        };
      },
    },
    schema,
  );
  return sent;
}

/**
 * Looks at what a transaction around the call still holds: locks on the tables of the host and of the library, advisory
 * locks, and the transaction id that a first write assigns. Another session locks both tables exclusively meanwhile, so a lock that is taken and
 * given back at once would not go unnoticed either: the call would fail.
 */
async function locksTaken(bench: Workbench, schema: string): Promise<number> {
  const [locker, caller] = await bench.connect(2);
  await locker!.query(`BEGIN; LOCK TABLE ${schema}.promo_codes, ${schema}.promo_code_uses IN ACCESS EXCLUSIVE MODE`);
  await caller!.query(`BEGIN; SET LOCAL statement_timeout = ${LOCKED_LIMIT_MS}`);
  try {
    await requireUnchanged(caller!, schema);
    const { rows } = await caller!.query<{ locks: number }>(
      `SELECT count(*)::integer AS locks
         FROM pg_locks AS l
         LEFT JOIN pg_class AS c ON c.oid = l.relation AND l.locktype = 'relation'
        WHERE l.pid = pg_backend_pid()
          AND (c.relnamespace = ANY ($1::regnamespace[]) OR l.locktype IN ('advisory', 'transactionid'))`,
      [[schema, defaultLibrarySchema(schema)]],
    );
    return rows[0]!.locks;
  } finally {
    await locker!.query('ROLLBACK');
    await caller!.query('ROLLBACK');
  }
}

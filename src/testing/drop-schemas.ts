import { LockTimeoutError } from '../index.js';
import type { ConnectionPool, PooledConnection, Queryable } from '../postgres/database.js';
import { type Lease, takeConnection } from '../postgres/lease.js';
import { translateError } from '../postgres/server-errors.js';
import { SqlState, sqlStateOf } from '../postgres/sqlstate.js';
import { targetOf } from '../postgres/target.js';
import type { Borrowed } from './borrowed.js';

/** All of it: who holds the schemas is ended long before. */
const LIMIT_MS = 15_000;
/** The transactions that a test left behind have this long to end by themselves. */
const LOCK_WAIT_MS = 1_000;
/** A connection is made in less, also on a busy machine. */
const CONNECT_MS = 10_000;
/** Where the pool has none to give, another one can be made beside it. */
const CONNECT_SOON_MS = 1_000;

/** Who holds a lock on one of the schemas or on something in it. */
interface Holder {
  pid: number;
  application: string | null;
  since: string | null;
  state: string | null;
}

const HOLDERS = `
  WITH schemas AS (SELECT n.oid FROM pg_catalog.pg_namespace AS n WHERE n.nspname = ANY ($1::text[]))
  SELECT DISTINCT l.pid AS pid, a.application_name AS application, a.state AS state,
         extract(epoch FROM a.xact_start)::text AS since
    FROM pg_catalog.pg_locks AS l
    JOIN pg_catalog.pg_database AS d ON d.oid = l.database AND d.datname = current_database()
    LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
   WHERE l.granted AND l.pid <> pg_backend_pid() AND a.backend_type IS DISTINCT FROM 'autovacuum worker'
     AND (l.relation IN (SELECT c.oid FROM pg_catalog.pg_class AS c JOIN schemas AS s ON s.oid = c.relnamespace)
          OR (l.classid = 'pg_catalog.pg_namespace'::regclass AND l.objid IN (SELECT s.oid FROM schemas AS s)))`;

/**
 * Removes schemas with everything in them, and ends who holds locks there: the schemas are those of a test that is over.
 * @param schemas names that need no quotes
 * @throws LockTimeoutError where somebody holds them who cannot be ended by this role
 */
export async function dropSchemas(pool: ConnectionPool, schemas: readonly string[], borrowed: Borrowed): Promise<void> {
  const deadline = Date.now() + LIMIT_MS;
  const target = targetOf(pool);
  const connection = await connectTo(pool).catch((error: unknown) => {
    throw translateError(error, { target, connecting: true });
  });
  try {
    await connection.within(LIMIT_MS + CONNECT_MS, dropOn(connection, schemas, borrowed, deadline));
  } catch (error) {
    throw translateError(error, { target });
  } finally {
    connection.release();
  }
}

async function dropOn(
  connection: Lease,
  schemas: readonly string[],
  borrowed: Borrowed,
  deadline: number,
): Promise<void> {
  for (;;) {
    try {
      await connection.query('BEGIN');
      await connection.query(`SELECT set_config('lock_timeout', $1, true) AS is`, [String(LOCK_WAIT_MS)]);
      await connection.query(`DROP SCHEMA IF EXISTS ${schemas.join(', ')} CASCADE`);
      await connection.query('COMMIT');
      return;
    } catch (error) {
      await connection.query('ROLLBACK');
      if (!isLocked(error)) throw error;
      const { rows } = await connection.query(HOLDERS, [schemas]);
      if (Date.now() >= deadline) throw notRemoved(schemas[0]!, rows, error);
      for (const { pid } of rows as Holder[]) {
        borrowed.expectEnd(pid);
        // Of another role: whether it ends by itself is seen at the next attempt.
        await connection
          .query('SELECT pg_catalog.pg_terminate_backend($1::integer) AS is', [pid])
          .catch(() => undefined);
      }
    }
  }
}

function isLocked(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state === SqlState.lockNotAvailable || state === SqlState.deadlockDetected;
}

function notRemoved(schema: string, [holder]: Holder[], cause: unknown): LockTimeoutError {
  const who = holder
    ? `the backend ${holder.pid} (${holder.application || 'no application_name'}, ${holder.state ?? 'of another role'}) holds locks in it`
    : 'somebody holds locks in it';
  return new LockTimeoutError(
    `The schema ${schema} of a test could not be removed within ${LIMIT_MS / 1_000} seconds: ${who}, and this role cannot end ` +
      `that. End it, and then: DROP SCHEMA ${schema} CASCADE.`,
    {
      cause,
      ...(holder && {
        holder: {
          pid: holder.pid,
          applicationName: holder.application ?? '',
          since: new Date(Number(holder.since ?? 0) * 1_000),
        },
      }),
    },
  );
}

/** What node-postgres shows of a pool. */
interface PgPool {
  Client?: new (options: unknown) => PgClient;
  options?: unknown;
}

interface PgClient extends Queryable {
  connect(): Promise<unknown>;
  end(): Promise<unknown>;
}

/** Where the test has ended the pool, or holds all of its clients, a connection beside it does. */
async function connectTo(pool: ConnectionPool): Promise<Lease> {
  const { Client, options } = pool as PgPool;
  try {
    return await takeConnection(pool, Client ? CONNECT_SOON_MS : CONNECT_MS);
  } catch (error) {
    if (!Client) throw error;
    const connect = async (): Promise<PooledConnection> => {
      const client = new Client(options);
      await client.connect();
      return Object.assign(client, { release: () => void client.end().catch(() => undefined) });
    };
    return takeConnection({ query: pool.query, connect }, CONNECT_MS);
  }
}

import { PromoCodesError, RetryableTransactionError } from '../errors.js';
import { type Database, isPool, type Queryable } from './database.js';
import { faultOf, NoAnswer } from './faults.js';
import { takeConnection } from './lease.js';
import { isOneConnection } from './one-connection.js';
import { readable, translateError } from './server-errors.js';
import { SqlState, sqlStateOf } from './sqlstate.js';
import { targetOf } from './target.js';
import { watched } from './watch.js';

/** An open transaction: one of the library's own, or the one in which the caller's client already was. */
export interface Transaction extends Queryable {
  readonly owner: 'library' | 'host';
}

/** How long is waited for a connection where no deadline of a call is set: as long as a call of the repository has by default. */
const CONNECT_LIMIT_MS = 10_000;

/** Runs `work` on one connection: one from the pool, given back afterwards, or the client itself. */
export async function withConnection<Result>(
  db: Database,
  work: (connection: Queryable) => Promise<Result>,
): Promise<Result> {
  if (!isPool(db)) return work(db);
  const connection = await takeConnection(db, CONNECT_LIMIT_MS).catch((error: unknown) => {
    throw translateError(error, { target: targetOf(db), connecting: true });
  });
  try {
    const result = await work(watched(db, connection));
    connection.release();
    return result;
  } catch (error) {
    // A connection in doubt is closed, not handed to the next caller. What the server reported is not in doubt.
    if (isUsable(error)) connection.release();
    else connection.destroy();
    throw error;
  }
}

/** Whether a connection can still be used after an error: the server, or the library itself, has reported it. */
export function isUsable(error: unknown): boolean {
  if (error instanceof NoAnswer || ['broken', 'unreached'].includes(faultOf(error))) return false;
  return error instanceof PromoCodesError || sqlStateOf(error) !== undefined;
}

/**
 * Runs `work` in a READ COMMITTED transaction: counting under a lock needs a snapshot newer than the lock. A client that
 * is inside a transaction of its caller keeps it; there, a savepoint makes a failure leave no trace.
 */
export function inTransaction<Result>(
  db: Database,
  work: (transaction: Transaction) => Promise<Result>,
): Promise<Result> {
  return withConnection(db, async (connection) => {
    if (!isPool(db)) {
      await requireOneConnection(db);
      if (await insideTransaction(connection)) return inHostTransaction(connection, work);
    }
    await connection.query('BEGIN ISOLATION LEVEL READ COMMITTED');
    try {
      const result = await work(asTransaction(connection, 'library'));
      await connection.query('COMMIT');
      return result;
    } catch (error) {
      await connection.query('ROLLBACK').catch(() => undefined);
      throw error;
    }
  });
}

const oneConnection = new WeakSet<Queryable>();

/**
 * An object with nothing but `query` could be a pool in disguise, which would scatter a transaction over its connections
 * and drag other callers' statements into it. Two queries at once tell: a connection answers both from one backend.
 */
async function requireOneConnection(db: Queryable): Promise<void> {
  if ('escapeLiteral' in db || 'release' in db || isOneConnection(db) || oneConnection.has(db)) return;
  const answers = await Promise.all([1, 2].map(() => db.query('SELECT pg_backend_pid() AS pid FROM pg_sleep(0.05)')));
  const [first, second] = answers.map(({ rows }) => rows[0]?.pid);
  if (first !== second) {
    throw new PromoCodesError(
      'NOT_ONE_CONNECTION',
      'This object has no connect(), so it must be one connection, but it answers from several. Pass a pool with ' +
        'connect(), or a client.',
    );
  }
  oneConnection.add(db);
}

const SAVEPOINT = 'pg_promo_codes';

/** The server is asked, because a structural client cannot be: SAVEPOINT is an error, without effect, outside. */
async function insideTransaction(connection: Queryable): Promise<boolean> {
  try {
    await connection.query(`SAVEPOINT ${SAVEPOINT}`);
    return true;
  } catch (error) {
    if (sqlStateOf(error) === SqlState.noActiveSqlTransaction) return false;
    throw error;
  }
}

async function inHostTransaction<Result>(
  connection: Queryable,
  work: (transaction: Transaction) => Promise<Result>,
): Promise<Result> {
  try {
    await requireReadCommitted(connection);
    const result = await work(asTransaction(connection, 'host'));
    await connection.query(`RELEASE SAVEPOINT ${SAVEPOINT}`);
    return result;
  } catch (error) {
    await connection.query(`ROLLBACK TO SAVEPOINT ${SAVEPOINT}`).catch(() => undefined);
    await connection.query(`RELEASE SAVEPOINT ${SAVEPOINT}`).catch(() => undefined);
    const sqlState = sqlStateOf(error);
    if (sqlState === SqlState.serializationFailure || sqlState === SqlState.deadlockDetected) {
      throw new RetryableTransactionError(`The transaction has to be rolled back and run again: ${readable(error)}`, {
        sqlState,
        cause: error,
      });
    }
    throw error;
  }
}

async function requireReadCommitted(connection: Queryable): Promise<void> {
  const { rows } = await connection.query(`SELECT current_setting('transaction_isolation') AS isolation`);
  const isolation: unknown = rows[0]?.isolation;
  if (isolation === 'read committed') return;
  throw new PromoCodesError(
    'TRANSACTION_ISOLATION',
    `This client is in a ${String(isolation).toUpperCase()} transaction. Its snapshot may be older than rows that have to ` +
      'be counted, so counters would drift. Pass a pool, a client outside a transaction, or one in READ COMMITTED.',
  );
}

function asTransaction(connection: Queryable, owner: Transaction['owner']): Transaction {
  return { owner, query: (text, values) => connection.query(text, values) };
}

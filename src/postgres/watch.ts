import type { ConnectionPool, Queryable, QueryResultLike } from './database.js';
import { NoAnswer } from './faults.js';
import { type Lease, NoConnection, takeConnection } from './lease.js';
import { type Alarm, alarmIn, endAlarm, now } from './timers.js';

/**
 * How a statement is watched that may take as long as it likes, such as a check of a big table or the build of an index.
 * Changed by tests only.
 */
export const watching = {
  /** So often it is asked for. */
  everyMs: 10_000,
  /** So long the server may be out of reach for the question. */
  patienceMs: 60_000,
};

/** A server that ran the statement a moment ago may just be sending the answer. */
const MISSED = 2;

/** With track_activities off it shows nothing, and what is not shown is taken to be there. */
const IS_RUNNING = `SELECT bool_or(a.state IS NULL OR a.state = 'disabled'
         OR (a.state IN ('active', 'fastpath function call') AND left(a.query, 900) = left($1::text, 900)))::text AS running
    FROM pg_stat_activity AS a
   WHERE a.pid <> pg_backend_pid() AND a.datname = current_database() AND a.usename = current_user`;

/**
 * A connection whose statements have no limit of their own. Where the network goes silent, the server no longer runs the
 * statement, or never began: another connection asks, and the silent one is closed. By the text of the statement and not by
 * its process, which a pooler makes up.
 */
export function watched(pool: ConnectionPool, lease: Lease): Queryable {
  return Object.assign(Object.create(lease) as object, {
    query: (text: string, values?: unknown[]) => watch(pool, lease, text, lease.query(text, values)),
  });
}

function watch(
  pool: ConnectionPool,
  lease: Lease,
  text: string,
  answer: Promise<QueryResultLike>,
): Promise<QueryResultLike> {
  return new Promise((resolve, reject) => {
    const began = now();
    let seenAt = began;
    let missed = 0;
    let done = false;
    let alarm: Alarm;
    const end = (): void => {
      done = true;
      endAlarm(alarm);
    };
    const look = async (): Promise<void> => {
      const running = await isRunning(pool, text);
      if (done) return;
      if (running === true) seenAt = now();
      missed = running === false ? missed + 1 : 0;
      if (missed >= MISSED || now() - seenAt >= watching.patienceMs) {
        end();
        lease.destroy();
        reject(new NoAnswer(now() - began));
      } else alarm = alarmIn(watching.everyMs, () => void look());
    };
    alarm = alarmIn(watching.everyMs, () => void look());
    answer.then(resolve, reject).finally(end);
  });
}

/** Nothing where the server cannot be asked. */
async function isRunning(pool: ConnectionPool, text: string): Promise<boolean | undefined> {
  let connection: Lease;
  try {
    connection = await takeConnection(pool, watching.everyMs);
  } catch (error) {
    // With all connections in use, such as the only one by this very statement, nothing can be found out.
    return error instanceof NoConnection && error.allOut ? true : undefined;
  }
  try {
    const { rows } = await connection.within(watching.everyMs, connection.query(IS_RUNNING, [text]));
    connection.release();
    return rows[0]?.running === 'true';
  } catch {
    connection.destroy();
    return undefined;
  }
}

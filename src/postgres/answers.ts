import { ValidationError } from '../errors.js';
import { describeReceived } from '../received.js';
import type { Queryable } from './database.js';
import { withLimit } from './lease.js';
import { ADAPTERS, libraryOf } from './other-libraries.js';
import { translateError } from './server-errors.js';

/** Connections that were seen to answer as they should. */
const seen = new WeakSet<object>();

/**
 * Makes sure that a connection answers `{ rows }` before anything is written through it. Those of node-postgres do; another
 * one is asked once, by a statement that does nothing.
 * @param limitMs how long that may take
 * @throws ValidationError
 */
export async function requireRows(connection: Queryable, path: string, limitMs: number): Promise<void> {
  if (seen.has(connection) || isOfNodePostgres(connection)) return;
  const answer: unknown = await withLimit(limitMs, connection.query('SELECT 1 AS one', []), () => undefined).catch(
    (error: unknown) => {
      throw translateError(error, { hosted: true });
    },
  );
  if (Number(rowsOf(answer, connection, path)[0]?.one) !== 1) throw wrongAnswer(connection, path, answer);
  seen.add(connection);
}

/**
 * The rows of an answer.
 * @throws ValidationError where it has none
 */
export function rowsOf(answer: unknown, connection: object, path: string): Record<string, unknown>[] {
  const rows = typeof answer === 'object' && answer !== null && 'rows' in answer ? answer.rows : undefined;
  if (!Array.isArray(rows)) throw wrongAnswer(connection, path, answer);
  return rows;
}

/** Clients escape literals, and pools count their clients. */
function isOfNodePostgres(connection: object): boolean {
  return (
    ('escapeLiteral' in connection && 'processID' in connection) ||
    ('totalCount' in connection && 'idleCount' in connection)
  );
}

function wrongAnswer(connection: object, path: string, answer: unknown): ValidationError {
  const library = libraryOf(connection);
  const remedy = library
    ? `it looks like ${library.name}; pass ${library.client}, ${ADAPTERS}`
    : 'pass an object whose query does, or the client of node-postgres';
  const received = describeReceived(answer);
  return new ValidationError([
    {
      path,
      message: `must answer query(text, values) with { rows, rowCount }; nothing was written; ${remedy}`,
      ...(received !== undefined && { received }),
    },
  ]);
}

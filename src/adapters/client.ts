import { ConnectionError } from '../errors.js';
import type { ClientLike, QueryResultLike } from '../postgres/database.js';
import { asOneConnection } from '../postgres/one-connection.js';
import { statementsOf } from './statements.js';
import { plainValue } from './values.js';

/** How a library runs one statement in a transaction of its own. */
export interface Runner {
  /** What the library calls its transaction, for messages. */
  name: string;
  run(text: string, values: unknown[]): Promise<QueryResultLike>;
  /** Whether the transaction is over, where the library shows it: some run a later statement all the same, outside of it. */
  hasEnded?(): boolean;
}

/** A statement as node-postgres takes it by name; that is what the option `prepare` sends. */
export interface NamedStatement {
  text: string;
  values?: unknown[];
}

/** A statement and its values, as every library takes them. */
export function statementOf(statement: string | NamedStatement, given: unknown[] = []): Required<NamedStatement> {
  const { text, values = [] } = typeof statement === 'string' ? { text: statement, values: given } : statement;
  return { text, values: values.map(plainValue) };
}

const clients = new WeakMap<object, ClientLike>();

/** The client of a transaction: always the same one, since the library remembers what it has found out about a client. */
export function clientOf(transaction: object, runner: () => Runner): ClientLike {
  const known = clients.get(transaction);
  if (known) return known;
  const made = toClient(runner());
  clients.set(transaction, made);
  return made;
}

function toClient({ name, run, hasEnded }: Runner): ClientLike {
  return asOneConnection({
    async query(statement: string | NamedStatement, given?: unknown[]): Promise<QueryResultLike> {
      const { text, values } = statementOf(statement, given);
      if (hasEnded?.()) {
        throw new ConnectionError(
          'CLOSED',
          `${name} has been committed or rolled back already. Make the call, and wait for it, inside of the transaction.`,
        );
      }
      if (values.length > 0) return run(text, values);
      let result: QueryResultLike = { rows: [], rowCount: null };
      // Libraries that prepare what they send take one statement at a time.
      for (const one of statementsOf(text)) result = await run(one, []);
      return result;
    },
  });
}

/** What a library gave back, as node-postgres does: some answer `{ rows }`, some the rows alone. */
export function toResult(answer: unknown, rowCount?: number | bigint | null): QueryResultLike {
  const rows = Array.isArray(answer) ? answer : ((answer as { rows?: unknown } | null | undefined)?.rows ?? []);
  const list = [...(rows as Record<string, unknown>[])];
  return { rows: list, rowCount: rowCount === undefined || rowCount === null ? list.length : Number(rowCount) };
}

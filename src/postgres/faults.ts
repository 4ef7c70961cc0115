import { errorChain, isRaised, messageOf, SqlState, sqlStateOf } from './sqlstate.js';

/**
 * What a failed call says about its effect.
 * - `'unreached'`: it never got to the server.
 * - `'broken'`: the connection broke or went silent; the call may or may not have had its effect.
 * - `'conflict'`: the server undid it because of others (40001, 40P01); the same call may succeed.
 * - `'read-only'`: this server does not write; after a failover another one does.
 * - `'passing'`: the server refused for a reason that passes by itself (cancelled, a lock, out of resources).
 * - `'other'`: it would fail once more.
 */
export type Fault = 'unreached' | 'broken' | 'conflict' | 'read-only' | 'passing' | 'other';

/** System calls of Node.js that make a connection. The same errors of any other are those of a connection that was there. */
const CONNECTING = ['connect', 'getaddrinfo'];
/** Error codes of Node.js for a connection that was lost. */
const BROKEN =
  /^(ECONNRESET|EPIPE|ETIMEDOUT|ECONNABORTED|ENOTCONN|ERR_STREAM_.*|ERR_SSL_.*|ERR_SOCKET_.*|CONNECTION_(CLOSED|DESTROYED|ENDED))$/;
/** cannot_connect_now and too_many_connections come before anything was sent. */
const NOT_LET_IN = ['57P03', '53300'];
/** admin_shutdown, crash_shutdown, database_dropped, idle_session_timeout: the server ends the connection. */
const ENDED = /^57P0[1245]$|^25P03$|^08/;
/** Cancelled, a lock that was not granted, insufficient resources, an error of the server's own system. */
const PASSING = /^(57014|55P03|53...|58...)$/;

/** What node-postgres says without a code. */
const UNREACHED_MESSAGE =
  /timeout exceeded when trying to connect|terminated due to connection timeout|connect_timeout/i;
const BROKEN_MESSAGE =
  /connection terminated|connection error|not queryable|connection ended|client was closed|query read timeout|socket/i;

/** Finds out how a call failed: by SQLSTATE, by the error code of Node.js, or by what node-postgres says. */
export function faultOf(error: unknown): Fault {
  const sqlState = sqlStateOf(error);
  if (sqlState !== undefined) {
    const fault = faultOfSqlState(sqlState, severityOf(error), messageOf(error));
    // The host's trigger says 08006 or 57P01 of itself, and the connection is as it was. A conflict it may well ask for.
    return fault !== 'conflict' && isRaised(error) ? 'other' : fault;
  }
  for (const link of errorChain(error)) {
    // What Node.js says of a name with several addresses, none of which could be reached; only its parts say how.
    if (link instanceof AggregateError && link.errors.length > 0) return faultOf(link.errors[0]);
    if ('syscall' in link) return CONNECTING.includes(String(link.syscall)) ? 'unreached' : 'broken';
    if ('code' in link && BROKEN.test(String(link.code))) return 'broken';
    if (!(link instanceof Error)) continue;
    if (link instanceof NoAnswer) return 'broken';
    if (UNREACHED_MESSAGE.test(link.message)) return 'unreached';
    if (BROKEN_MESSAGE.test(link.message)) return 'broken';
  }
  return 'other';
}

/** As the server writes it, in the language of its messages: `FATAL` and `PANIC` end the session, `ERROR` does not. */
function severityOf(error: unknown): string {
  const link = errorChain(error).find((candidate) => 'severity' in candidate);
  return link && 'severity' in link ? String(link.severity) : '';
}

/** What PgBouncer says when it has not passed anything on to a server. */
const POOLER_WITHOUT_SERVER = /server login has been failing|query_wait_timeout|no more connections allowed/;

function faultOfSqlState(sqlState: string, severity: string, message: string): Fault {
  if (sqlState === '08P01' && POOLER_WITHOUT_SERVER.test(message)) return 'unreached';
  if (sqlState === SqlState.serializationFailure || sqlState === SqlState.deadlockDetected) return 'conflict';
  if (sqlState === SqlState.readOnlyTransaction) return 'read-only';
  if (NOT_LET_IN.includes(sqlState)) return 'unreached';
  if (/^(FATAL|PANIC)$/.test(severity)) return 'broken';
  if (ENDED.test(sqlState) && severity !== 'ERROR') return 'broken';
  return PASSING.test(sqlState) ? 'passing' : 'other';
}

/** A connection gave no answer in time. */
export class NoAnswer extends Error {
  constructor(readonly waitedMs: number) {
    super(`no answer came within ${Math.round(waitedMs)} ms`);
  }
}

/** Whether a statement was sent and no answer came, as on a silent connection, or while it waits for a lock in the server. */
export function isSilence(error: unknown): boolean {
  return errorChain(error).some((link) => link instanceof NoAnswer || /query read timeout/i.test(messageOf(link)));
}

/** A server that only reads answered as if there were nothing to write, which it cannot know. */
export class ReadOnlyServer extends Error {
  readonly code = SqlState.readOnlyTransaction;
  constructor() {
    super('this server or session only reads, and may not have seen every write yet');
  }
}

/** What was closed by the host: a pool or a client that has been ended. */
export function isClosed(error: unknown): boolean {
  return errorChain(error).some(
    (link) =>
      ('code' in link && link.code === 'CONNECTION_ENDED') ||
      /after calling end on the pool|client was closed and is not queryable|pool is (ended|closed|draining)/i.test(
        messageOf(link),
      ),
  );
}

import { SqlState, sqlStateOf } from './sqlstate.js';

/**
 * What a failed call says about its effect.
 * - `'unreached'`: it never got to the server.
 * - `'broken'`: the connection broke; the call may or may not have had its effect.
 * - `'conflict'`: the server undid it because of others (40001, 40P01); the same call may succeed.
 * - `'other'`: it would fail again.
 */
export type Fault = 'unreached' | 'broken' | 'conflict' | 'other';

/** System calls of Node.js that make a connection. The same errors of any other are those of a connection that was there. */
const CONNECTING = ['connect', 'getaddrinfo'];
/** Error codes of Node.js for a connection that was lost. */
const BROKEN = /^(ECONNRESET|EPIPE|ETIMEDOUT|ECONNABORTED|ENOTCONN|ERR_STREAM_.*|ERR_SSL_.*|ERR_SOCKET_.*)$/;
/** cannot_connect_now and too_many_connections come before anything was sent. */
const NOT_LET_IN = ['57P03', '53300'];
/** admin_shutdown, crash_shutdown, database_dropped, idle_session_timeout: the server ends the connection. */
const ENDED = ['57P01', '57P02', '57P04', '57P05'];

/** What node-postgres says without a code. */
const UNREACHED_MESSAGE = /timeout exceeded when trying to connect|terminated due to connection timeout/i;
const BROKEN_MESSAGE =
  /connection terminated|not queryable|connection ended|client was closed|query read timeout|socket/i;

/** Tells how a call failed, by SQLSTATE, by the error code of Node.js, or by what node-postgres says. */
export function faultOf(error: unknown): Fault {
  // What Node.js says of a name with several addresses, none of which could be reached; only its parts say how.
  if (error instanceof AggregateError && error.errors.length > 0) return faultOf(error.errors[0]);
  const sqlState = sqlStateOf(error);
  if (sqlState !== undefined) {
    if (sqlState === SqlState.serializationFailure || sqlState === SqlState.deadlockDetected) return 'conflict';
    if (NOT_LET_IN.includes(sqlState)) return 'unreached';
    if (sqlState.startsWith('08') || ENDED.includes(sqlState)) return 'broken';
  }
  if (!(error instanceof Error)) return 'other';
  if ('syscall' in error) return CONNECTING.includes(String(error.syscall)) ? 'unreached' : 'broken';
  if ('code' in error && BROKEN.test(String(error.code))) return 'broken';
  if (sqlState !== undefined) return 'other';
  if (UNREACHED_MESSAGE.test(error.message)) return 'unreached';
  return BROKEN_MESSAGE.test(error.message) ? 'broken' : 'other';
}

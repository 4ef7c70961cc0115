import net from 'node:net';

/** What node-postgres knows of its connection. */
export interface CancellableClient {
  processID?: unknown;
  secretKey?: unknown;
  host?: unknown;
  port?: unknown;
  connection?: { stream?: object };
}

const REQUEST_CODE = 80_877_102;
/** The server takes it at once, or is not there. */
const LIMIT_MS = 2_000;

/**
 * Asks the server to end the statement of a connection that is about to be closed. Otherwise a statement that waits for a
 * lock waits on after its client has gone, and takes up a place in the server. By a connection of its own and the key that
 * the server gave out with the one in question, so a pooler in between passes it on to the right one. Nothing is waited
 * for: where it does not arrive, the statement ends later.
 *
 * Only for connections that nobody gets any more, since it may meet a later statement; and never for a COMMIT, whose wait for a
 * standby it would cut short.
 *
 * Source: PostgreSQL, "Message Flow", "Canceling Requests in Progress".
 */
export function cancelStatement(client: CancellableClient): void {
  const { processID, secretKey } = client;
  const place = placeOf(client);
  if (typeof processID !== 'number' || typeof secretKey !== 'number' || !place) return;
  const request = Buffer.alloc(16);
  request.writeInt32BE(request.length, 0);
  request.writeInt32BE(REQUEST_CODE, 4);
  request.writeInt32BE(processID, 8);
  request.writeInt32BE(secretKey, 12);
  const socket = net.connect(place, () => socket.end(request));
  socket.on('error', () => undefined);
  socket.setTimeout(LIMIT_MS, () => socket.destroy());
  socket.resume();
  // No reason for a process to live on.
  socket.unref();
}

/** Where the connection itself leads, which its settings may not say: they may name several hosts, or a stream of the host's. */
function placeOf({ host, port, connection }: CancellableClient): net.NetConnectOpts | undefined {
  const { remoteAddress, remotePort } = (connection?.stream ?? {}) as Partial<net.Socket>;
  if (remoteAddress !== undefined && remotePort !== undefined) return { host: remoteAddress, port: remotePort };
  if (typeof host === 'string' && host.startsWith('/')) return { path: `${host}/.s.PGSQL.${String(port)}` };
  return undefined;
}

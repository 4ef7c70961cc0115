import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

/** A server that recovers from a crash refuses connections for a moment; longer than this it may not take. */
const RECONNECT_LIMIT_MS = 20_000;
const CONNECT_LIMIT_MS = 5_000;
const TOO_MANY_CONNECTIONS = '53300';

/** Opens a connection, again and again while the server is not ready for it. */
export async function connect(url: string, name: string): Promise<pg.Client> {
  const limit = Date.now() + RECONNECT_LIMIT_MS;
  for (;;) {
    const client = new pg.Client({
      connectionString: url,
      application_name: name,
      connectionTimeoutMillis: CONNECT_LIMIT_MS,
    });
    // node-postgres emits this when an idle connection breaks. The next query will tell, and is handled there.
    client.on('error', () => {});
    try {
      await client.connect();
      return client;
    } catch (error) {
      cut(client);
      const passing = isConnectionLoss(error) || codeOf(error) === TOO_MANY_CONNECTIONS;
      if (!passing || Date.now() > limit) throw error;
      await sleep(10 + Math.random() * 40);
    }
  }
}

/** What the death of an application looks like to the server: the connection ends without a word. */
export function cut(client: pg.Client): void {
  client.connection.stream.destroy();
}

/** Whether the connection was lost, as opposed to a statement that the server refused. */
export function isConnectionLoss(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = codeOf(error) ?? '';
  if (/^(57P0[123]|08...|ECONNRESET|ECONNREFUSED|EPIPE|ETIMEDOUT)$/.test(code)) return true;
  if (/connection (terminated|error)|not queryable|timeout expired/i.test(error.message)) return true;
  return isConnectionLoss(error.cause);
}

/** An SQLSTATE, or what Node.js calls an error of a socket. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

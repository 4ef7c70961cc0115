import type pg from 'pg';

/** What node-postgres calls back on the query that is running; of all the messages, those that COPY FROM STDIN brings. */
interface CopyConnection {
  query(text: string): void;
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
}

/** Runs `COPY … FROM STDIN` and sends the lines: node-postgres speaks the protocol, but has no call for it. */
export function copyFrom(client: pg.ClientBase, statement: string, lines: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const ignore = () => undefined;
    const running = {
      submit: (connection: CopyConnection) => connection.query(statement),
      handleCopyInResponse(connection: CopyConnection) {
        connection.sendCopyFromChunk(Buffer.from(lines.map((line) => `${line}\n`).join('')));
        connection.endCopyFrom();
      },
      handleCommandComplete: ignore,
      handleReadyForQuery: () => resolve(),
      handleError: (error: Error) => reject(error),
    };
    client.query(running as unknown as pg.Submittable);
  });
}

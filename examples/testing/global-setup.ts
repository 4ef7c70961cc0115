import { PostgreSqlContainer } from '@testcontainers/postgresql';

/** One server for all test files; each test has schemas of its own in it. */
export default async function setup(): Promise<() => Promise<unknown>> {
  const server = await new PostgreSqlContainer('postgres:18').start();
  process.env.DATABASE_URL = server.getConnectionUri();
  return () => server.stop();
}

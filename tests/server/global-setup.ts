import { randomBytes } from 'node:crypto';
import type { TestProject } from 'vitest/node';
import { findLeftovers } from './leftovers';
import { type Server, startServer } from './start-server';

declare module 'vitest' {
  interface ProvidedContext {
    /** A connection string of a superuser of the server under the tests. */
    postgresUrl: string;
    /** The major version of that server. */
    postgresMajor: number;
    /** Stands in every name that this run makes, so that its leftovers can be told from other people's objects. */
    postgresRun: string;
  }
}

interface Run {
  name: string;
  server: Promise<Server>;
  /** Projects of the configuration that use it. */
  users: number;
}

/** Each project of the configuration has this module anew. */
const place = globalThis as { [key: symbol]: Run | undefined };
const RUN = Symbol.for('pg-promo-codes test run');

/** One server for the whole run. Whatever the tests leave behind in it fails the run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  place[RUN] ??= { name: `run${randomBytes(4).toString('hex')}`, server: startOne(), users: 0 };
  const run = place[RUN];
  run.users += 1;
  const server = await run.server;
  project.provide('postgresUrl', server.url);
  project.provide('postgresMajor', Number.parseInt(server.version, 10));
  project.provide('postgresRun', run.name);

  return async () => {
    run.users -= 1;
    if (run.users > 0) return;
    place[RUN] = undefined;
    const leftovers = await findLeftovers(server, run.name).finally(() => server.stop());
    if (leftovers.length > 0) {
      // Vitest prints an error of a teardown and would still exit with 0 where all tests passed.
      process.exitCode = 1;
      throw new Error(`The tests left behind in the server:\n${leftovers.map((line) => `  ${line}`).join('\n')}`);
    }
  };
}

async function startOne(): Promise<Server> {
  const server = await startServer();
  process.stderr.write(`${server.description}\n`);
  return server;
}

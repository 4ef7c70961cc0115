import { randomBytes } from 'node:crypto';
import type { TestProject } from 'vitest/node';
import { findLeftovers } from './leftovers';
import { startServer } from './start-server';

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

/** One server for the whole run. Whatever the tests leave behind in it fails the run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const run = `run${randomBytes(4).toString('hex')}`;
  const server = await startServer();
  process.stderr.write(`${server.description}\n`);
  project.provide('postgresUrl', server.url);
  project.provide('postgresMajor', Number.parseInt(server.version, 10));
  project.provide('postgresRun', run);

  return async () => {
    const leftovers = await findLeftovers(server, run).finally(() => server.stop());
    if (leftovers.length > 0) {
      // Vitest prints an error of a teardown and would still exit with 0 where all tests passed.
      process.exitCode = 1;
      throw new Error(`The tests left behind in the server:\n${leftovers.map((line) => `  ${line}`).join('\n')}`);
    }
  };
}

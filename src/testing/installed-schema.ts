import { randomBytes } from 'node:crypto';
import * as v from 'valibot';
import { defaultLibrarySchema } from '../host/library-schema.js';
import { installSchema, installTriggers, PromoCodeRepository } from '../index.js';
import type { InstallOptions } from '../inspect/options.js';
import { isQueryable, PGLITE_RULE, parseOptions } from '../options.js';
import { type ConnectionPool, isPool } from '../postgres/database.js';
import { withLimit } from '../postgres/lease.js';
import { isPglite } from '../postgres/other-libraries.js';
import { messageOf } from '../postgres/sqlstate.js';
import type { RepositoryOptions } from '../repository/options.js';
import { borrowedFrom } from './borrowed.js';
import { dropSchemas } from './drop-schemas.js';

/** An installation for one test. */
export interface InstalledSchema<Pool extends ConnectionPool = ConnectionPool> {
  /** The pool that was given. */
  pool: Pool;
  /** The schema of the two tables, for the option `schema`. */
  schema: string;
  /** The schema of the library. */
  librarySchema: string;
  /** A repository on them, which is closed afterwards. */
  repository: PromoCodeRepository;
}

/** Options of `withInstalledSchema`: those of `installSchema` and of `PromoCodeRepository`, but for the names of the schemas. */
export interface InstalledSchemaOptions<Pool extends ConnectionPool = ConnectionPool>
  extends Omit<InstallOptions, 'schema' | 'librarySchema' | 'dryRun'>,
    Omit<RepositoryOptions, 'schema' | 'librarySchema'> {
  /**
   * Creates your own tables in the schema, by your migrations for example. The library is then installed on them
   * (`installTriggers`), and without this it creates the two tables (`installSchema`).
   */
  migrate?: ((place: { pool: Pool; schema: string }) => unknown) | undefined;
}

/** What is the repository's; `lockTimeoutMs` is for both, and everything else is for the installation. */
const OF_REPOSITORY = [
  ...['deadlineMs', 'attemptTimeoutMs', 'retry', 'uniformRefusals', 'rateLimit', 'batching', 'prepare'],
  'diagnostics',
];
/** Calls that the test did not wait for have this long before what they wait for is ended. */
const PATIENCE_MS = 1_000;

const leftOut = (rule: string) => v.optional(v.undefined(`must be left out: ${rule}`));
const installedArguments = v.object({
  pool: v.pipe(
    v.custom<ConnectionPool>(
      (value) => isQueryable(value) && (isPglite(value) || isPool(value)),
      'must be a pool: new pg.Pool(…), or poolFromPostgresJs(sql) or poolFromPglite(db) of pg-promo-codes/adapters',
    ),
    v.check((pool) => !isPglite(pool), PGLITE_RULE),
  ),
  work: v.custom((value) => typeof value === 'function', 'must be a function'),
  options: v.optional(
    v.looseObject(
      {
        schema: leftOut('the schema is a new one, and is handed to the function'),
        librarySchema: leftOut('the schema of the library is a new one as well'),
        dryRun: leftOut('there would be nothing to test with'),
        migrate: v.optional(v.custom((value) => typeof value === 'function', 'must be a function')),
      },
      'must be an object',
    ),
    {},
  ),
});

/**
 * Runs a test on an installation of its own: in new schemas, which are gone afterwards, also when the test fails. Tests that
 * run at once, in one process or in several, do not meet. The installation is one whose clock can be set, with `setClock`.
 *
 * At the end the repository is closed, and what still holds locks on the schemas is ended: transactions that the test left
 * open have a second to end by themselves, then their connections are closed by the server. All of that has its limits.
 *
 * @example
 * await withInstalledSchema(pool, async ({ pool, schema, repository }) => {
 *   await repository.create({ code: 'SUMMER', shopId: 'shop-1', bonusValue: '5.00' });
 *   await placeOrder(repository, 'SUMMER');
 *   await expect(pool).toHaveNoDrift({ schema });
 * });
 *
 * @param pool of a role that may create schemas in the database
 * @param work the test
 * @param options those of `installSchema` and of `PromoCodeRepository`
 * @returns what the test returns
 * @throws what the test throws; what `installSchema` throws; LockTimeoutError where the schemas could not be removed
 */
export async function withInstalledSchema<Pool extends ConnectionPool, Result>(
  pool: Pool,
  work: (installed: InstalledSchema<Pool>) => Result | Promise<Result>,
  options: InstalledSchemaOptions<Pool> = {},
): Promise<Result> {
  parseOptions(installedArguments, { pool, work, options }, 'withInstalledSchema()', 'arguments');
  const schema = `promo_test_${randomBytes(8).toString('hex')}`;
  const librarySchema = defaultLibrarySchema(schema);
  const { migrate, ...given } = options;
  const { installing, repository } = prepare(pool, schema, given);
  const borrowed = borrowedFrom(pool);
  let outcome: { value: Result } | { error: unknown };
  try {
    if (migrate) {
      await pool.query(`CREATE SCHEMA ${schema}`);
      await migrate({ pool, schema });
    }
    await (migrate ? installTriggers : installSchema)(pool, installing);
    outcome = { value: await work({ pool, schema, librarySchema, repository }) };
  } catch (error) {
    outcome = { error };
  }
  const closed = repository.close();
  try {
    await withLimit(PATIENCE_MS, closed, () => undefined).catch(() => undefined);
    await dropSchemas(pool, [schema, librarySchema], borrowed);
    await closed;
  } catch (error) {
    if ('value' in outcome) throw error;
    // The failure of the test is the one to look at. As a text: Jest has an `Error` of its own, which Node.js does not take.
    process.emitWarning(messageOf(error));
  } finally {
    borrowed.stop();
  }
  if ('error' in outcome) throw outcome.error;
  return outcome.value;
}

/** The repository first: it checks its options without writing anything. */
function prepare(pool: ConnectionPool, schema: string, given: object) {
  const optionsThat = (are: (name: string) => boolean) =>
    Object.fromEntries(Object.entries(given).filter(([name, value]) => value !== undefined && are(name)));
  const ofRepository = optionsThat((name) => OF_REPOSITORY.includes(name) || name === 'lockTimeoutMs');
  const ofInstallation = optionsThat((name) => !OF_REPOSITORY.includes(name));
  return {
    repository: new PromoCodeRepository(pool, { ...ofRepository, schema }),
    installing: { testClock: true, ...ofInstallation, schema } satisfies InstallOptions,
  };
}

// The support for tests of hosts, with neither vitest nor Jest there: compiled by `npm run check:package`.
import type { ConnectionPool, PromoCode } from 'pg-promo-codes';
import {
  type InstalledSchema,
  type MatcherResult,
  type PromoCodeMatchers,
  setClock,
  toHaveNoDrift,
  withInstalledSchema,
} from 'pg-promo-codes/testing';

declare const pool: ConnectionPool & { totalCount: number };
declare const matchers: PromoCodeMatchers;

export async function use(maybe: string | undefined): Promise<MatcherResult> {
  const created: PromoCode = await withInstalledSchema(
    pool,
    async ({ pool: { totalCount }, repository, schema, librarySchema }) => {
      await setClock(repository, new Date());
      await setClock(repository, '2031-01-01T00:00:00Z');
      void setClock(repository, null);
      const name: string = `${totalCount} ${schema} ${librarySchema}`;
      return repository.create({ code: 'SUMMER', shopId: 's', bonusValue: 5, name });
    },
    { counterWrites: 'reject', deadlineMs: undefined, timeZone: maybe, migrate: undefined },
  );
  // @ts-expect-error: the schema is a new one
  await withInstalledSchema(pool, () => created, { schema: 'shop' });
  await matchers.toHaveNoDrift({ schema: maybe });
  return toHaveNoDrift(pool, { schema: maybe });
}

export const perFile = (work: (installed: InstalledSchema) => Promise<void>): Promise<void> =>
  withInstalledSchema(pool, work);

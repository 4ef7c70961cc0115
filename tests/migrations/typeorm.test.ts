import { DataSource, EntitySchema } from 'typeorm';
import { describe, expect, it } from 'vitest';
import { PromoCodes1764288000000 } from '../../examples/migrations/typeorm/migrations/1764288000000-promo-codes';
import { installSchema, installTriggers } from '../../src/index';
import { isWhole, useDatabase } from '../support';
import { commandOfPage, SLOW, useProject } from './project';
import { done, migrationRecipe } from './recipe';
import { withOptions } from './with-options';

const project = useProject('typeorm');
const TYPEORM = "NODE_OPTIONS='--import tsx' npx typeorm";

migrationRecipe('TypeORM', {
  project,
  async inProcess(url) {
    const dataSource = new DataSource({ type: 'postgres', url, migrations: [PromoCodes1764288000000] });
    await dataSource.initialize();
    await dataSource.runMigrations().finally(() => dataSource.destroy());
  },
  up: commandOfPage(`${TYPEORM} migration:run`),
  nothingToDo: /No migrations are pending/,
  down: commandOfPage(`${TYPEORM} migration:revert`),
  describeHost: withOptions(project, 'migrations/1764288000000-promo-codes.ts'),
});

describe.runIf(isWhole)('TypeORM compares its entities with the database', SLOW, () => {
  const t = useDatabase('typeorm schema');

  it('finds nothing to change in tables that it is not to synchronize', async () => {
    await installSchema(t.pool);
    const said = await done(project.run(commandOfPage(`${TYPEORM} schema:log`), t.url));
    expect(said).toMatch(/schema is up to date/);
  });

  it('leaves the indexes where the entity names them as not to be synchronized', async () => {
    await t.pool.query(`CREATE TABLE public.gifts (id bigint PRIMARY KEY, code text NOT NULL, shop_id text NOT NULL, used bigint NOT NULL DEFAULT 0);
                        CREATE TABLE public.gift_uses (id bigserial PRIMARY KEY, promo_code_id bigint, customer_address text)`);
    const columns = { timesUsed: 'used', totalBonusIssued: null, updatedAt: null };
    const tables = { codes: { name: 'gifts', columns }, uses: { name: 'gift_uses', columns: { shopId: null } } };
    await installTriggers(t.pool, { tables, librarySchema: 'gift_codes' });
    const indexes = await t.sql<{ name: string }>(
      `SELECT indexrelid::regclass::text AS name FROM pg_index WHERE indrelid = 'public.gifts'::regclass AND NOT indisprimary`,
    );
    expect(indexes.rows).toHaveLength(1);
    const gifts = (synchronize: boolean) =>
      new EntitySchema<{ id: string }>({
        name: 'gifts',
        columns: {
          id: { type: 'bigint', primary: true },
          code: { type: 'text' },
          shopId: { type: 'text', name: 'shop_id' },
          used: { type: 'bigint', default: 0 },
        } as never,
        indices: synchronize ? [] : indexes.rows.map(({ name }) => ({ name, synchronize, columns: ['shopId'] })),
      });
    const changes = async (synchronize: boolean) => {
      const dataSource = new DataSource({ type: 'postgres', url: t.url, entities: [gifts(synchronize)] });
      await dataSource.initialize();
      const { upQueries } = await dataSource.driver
        .createSchemaBuilder()
        .log()
        .finally(() => dataSource.destroy());
      return upQueries.map(({ query }) => query);
    };
    expect(await changes(false)).toEqual([]);
    expect(await changes(true)).toEqual([expect.stringMatching(/^DROP INDEX/)]);
  });
});

import { Kysely, PostgresDialect } from 'kysely';
import { Migrator } from 'kysely/migration';
import pg from 'pg';
import * as promoCodes from '../../examples/migrations/kysely/migrations/2025-11-28-promo-codes';
import { commandOfPage, useProject } from './project';
import { migrationRecipe } from './recipe';
import { withOptions } from './with-options';

const project = useProject('kysely');

migrationRecipe('Kysely', {
  project,
  async inProcess(connectionString) {
    const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString }) }) });
    const migrator = new Migrator({ db, provider: { getMigrations: async () => ({ promoCodes }) } });
    const { error } = await migrator.migrateToLatest().finally(() => db.destroy());
    if (error) throw error;
  },
  up: commandOfPage('npx tsx migrate.ts up'),
  nothingToDo: /^Nothing to do\n$/,
  down: commandOfPage('npx tsx migrate.ts down'),
  describeHost: withOptions(project, 'migrations/2025-11-28-promo-codes.ts'),
});

import knex from 'knex';
import * as promoCodes from '../../examples/migrations/knex/migrations/20251128000000_promo_codes';
import { commandOfPage, useProject } from './project';
import { migrationRecipe } from './recipe';
import { withOptions } from './with-options';

const project = useProject('knex');
const TSX = "NODE_OPTIONS='--import tsx' ";

migrationRecipe('Knex', {
  project,
  async inProcess(connection) {
    const db = knex({ client: 'pg', connection });
    const migrationSource = {
      getMigrations: async () => ['promo_codes'],
      getMigrationName: (name: string) => name,
      getMigration: async () => promoCodes,
    };
    await db.migrate.latest({ migrationSource }).finally(() => db.destroy());
  },
  up: commandOfPage(`${TSX}npx knex migrate:latest`),
  nothingToDo: /Already up to date/,
  down: commandOfPage(`${TSX}npx knex migrate:down`),
  describeHost: withOptions(project, 'migrations/20251128000000_promo_codes.ts'),
});

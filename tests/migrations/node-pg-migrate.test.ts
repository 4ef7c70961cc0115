import { runner } from 'node-pg-migrate';
import * as promoCodes from '../../examples/migrations/node-pg-migrate/migrations/1764288000000_promo-codes';
import { commandOfPage, useProject } from './project';
import { migrationRecipe } from './recipe';
import { withOptions } from './with-options';

const project = useProject('node-pg-migrate');

const actions = async (filePaths: string[]) => filePaths.map((id) => ({ id, filePaths: [id], actions: promoCodes }));

migrationRecipe('node-pg-migrate', {
  project,
  inProcess: (databaseUrl) =>
    runner({
      ...{
        databaseUrl,
        direction: 'up',
        migrationsTable: 'pgmigrations',
        dir: `${project.folder}/migrations`,
        log: () => {},
      },
      migrationLoaderStrategies: [{ extensions: ['.ts'], loader: actions }],
    }),
  up: commandOfPage('npx node-pg-migrate up'),
  nothingToDo: /No migrations to run/,
  down: commandOfPage('npx node-pg-migrate down'),
  describeHost: withOptions(project, 'migrations/1764288000000_promo-codes.ts'),
});

import { readFileSync } from 'node:fs';
import { runner } from 'node-pg-migrate';
import { describe, expect, it } from 'vitest';
import * as promoCodes from '../../examples/migrations/node-pg-migrate/migrations/1764288000000_promo-codes';
import { inspectTriggers } from '../../src/index';
import { isWhole, useDatabase } from '../support';
import { SEED_TABLES } from '../support/host-tables';
import { commandOfPage, SLOW, useProject } from './project';
import { done, expectCounting, migrationRecipe } from './recipe';
import { withOptions } from './with-options';

const UP = commandOfPage('npx node-pg-migrate up');
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
  up: UP,
  nothingToDo: /No migrations to run/,
  down: commandOfPage('npx node-pg-migrate down'),
  describeHost: withOptions(project, 'migrations/1764288000000_promo-codes.ts'),
});

describe.runIf(isWhole)('a new version', SLOW, () => {
  const t = useDatabase('node-pg-migrate upgrade');
  const upgraded = useProject('node-pg-migrate');
  const FIRST = 'migrations/1764288000000_promo-codes.ts';
  const UPGRADE = '1767225600000_promo-codes-upgrade.ts';

  it('is a new migration, which brings what an older one has installed up to date', async () => {
    await t.pool.query(SEED_TABLES.replaceAll(':"schema"', 'public'));
    await t.sql(`INSERT INTO public.promo_codes (code, shop_id, per_customer_limit) VALUES ('SUMMER', 'shop', NULL)`);
    const older = readFileSync('tests/install/fixtures/installed-by-revision-1.sql', 'utf8');
    const first = upgraded.read(FIRST);
    const asItRan = JSON.stringify(older.replaceAll('SCHEMA_NAME', 'public'));
    upgraded.write(FIRST, `export const up = (pgm: { sql(text: string): void }) => pgm.sql(${asItRan});`);
    await done(upgraded.run(UP, t.url));
    expect(await inspectTriggers(t.pool)).toMatchObject({ ok: false });

    upgraded.write(FIRST, first);
    upgraded.write(`migrations/${UPGRADE}`, upgraded.read(`upgrade/${UPGRADE}`));
    const said = await done(upgraded.run(UP, t.url));
    expect(said).toContain('promo-codes-upgrade');
    expect(said).not.toContain('MIGRATION 1764288000000');
    await expectCounting(t, {});
  });
});

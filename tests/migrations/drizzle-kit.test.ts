import { mkdirSync } from 'node:fs';
import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import type pg from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';
import { PromoCodeRepository, renderSql, uninstallTriggers } from '../../src/index';
import { isWhole, useDatabase } from '../support';
import { commandOfPage, SLOW, useProject } from './project';
import { DRIFTED_TABLES, done, expectCounting, ODD_HOST, ODD_TABLES } from './recipe';

const DIFF = 'npx drizzle-kit push --strict --verbose';
const UP = commandOfPage('npx drizzle-kit migrate');

describe.skipIf(isWhole)('the migrator of drizzle-orm', () => {
  const t = useDatabase('drizzle migrator');
  const project = useProject('drizzle-kit');

  it('runs a migration file with the script in it', async () => {
    mkdirSync(`${project.folder}/drizzle/meta`, { recursive: true });
    const entries = [{ idx: 0, version: '7', when: 1764288000000, tag: '0000_promo-codes', breakpoints: true }];
    project.write('drizzle/meta/_journal.json', JSON.stringify({ version: '7', dialect: 'postgresql', entries }));
    project.write('drizzle/0000_promo-codes.sql', renderSql('schema'));
    await migrate(drizzle(t.pool), { migrationsFolder: `${project.folder}/drizzle` });
    await createCode(t.pool);
    await expectCounting(t, {});
  });
});

describe.runIf(isWhole)('drizzle-kit with tables of its schema', SLOW, () => {
  const t = useDatabase('drizzle own');
  const project = useProject('drizzle-kit');
  const run = (line: string) => done(project.run(line, t.url));

  it('creates the tables, and after them all that counts', async () => {
    await run(commandOfPage('npx drizzle-kit generate --name tables'));
    await run(commandOfPage('npx drizzle-kit generate --custom --name promo-codes'));
    await run(commandOfPage('npx pg-promo-codes sql triggers > drizzle/0001_promo-codes.sql'));
    await run(UP);
    await createCode(t.pool);
    await expectCounting(t, {});
    await run(UP);
    await expectCounting(t, {});
  });

  it('finds nothing to change afterwards', async () => {
    expect(await run('drizzle-kit generate')).toContain('No schema changes');
    expect(await run(DIFF)).toContain('No changes detected');
  });

  it('takes away what is of the library, and keeps tables and rows', async () => {
    await run(commandOfPage('npx drizzle-kit generate --custom --name without-promo-codes'));
    await run(commandOfPage('npx pg-promo-codes sql uninstall > drizzle/0002_without-promo-codes.sql'));
    await run(UP);
    expect(await uninstallTriggers(t.pool)).toEqual({ removed: [] });
    const { rows } = await t.sql(
      'SELECT times_used FROM public.promo_codes JOIN public.promo_code_uses ON promo_code_id = promo_codes.id',
    );
    expect(rows).toEqual([{ times_used: 2 }, { times_used: 2 }]);
    expect(await run(DIFF)).toContain('No changes detected');
  });
});

describe.runIf(isWhole)('drizzle-kit with tables that are not of its schema', SLOW, () => {
  const project = useProject('drizzle-kit');
  const drifted = useDatabase('drizzle drift');
  const odd = useDatabase('drizzle odd');
  const own = useDatabase('drizzle schema');

  beforeAll(async () => {
    await drifted.pool.query(DRIFTED_TABLES);
    await odd.pool.query(ODD_TABLES);
    project.write('schema.ts', 'export {};\n');
    await done(project.run('drizzle-kit generate --custom --name promo-codes', drifted.url));
  });

  it('replaces the triggers of the seed, and corrects the counters', async () => {
    await done(project.run('pg-promo-codes sql triggers > drizzle/0000_promo-codes.sql', drifted.url));
    await done(project.run(UP, drifted.url));
    const { rows } = await drifted.sql('SELECT times_used, total_bonus_issued FROM public.promo_codes');
    expect(rows).toEqual([{ times_used: 1, total_bonus_issued: '5.00' }]);
    await expectCounting(drifted, {});
  });

  it('does not look at tables in a schema that its filter does not have', async () => {
    const command = commandOfPage('(echo "CREATE SCHEMA promo;"; npx pg-promo-codes sql schema');
    await done(project.run(command, own.url));
    await done(project.run(UP, own.url));
    await createCode(own.pool, 'promo');
    await expectCounting(own, { schema: 'promo' });
    expect(await done(project.run(DIFF, own.url))).toContain('No changes detected');
  });

  it('counts in tables of any names', async () => {
    const { idTypes: _, ...host } = ODD_HOST;
    project.write('promo-codes.json', JSON.stringify(ODD_HOST));
    await done(
      project.run('pg-promo-codes sql triggers --config promo-codes.json > drizzle/0000_promo-codes.sql', odd.url),
    );
    await done(project.run(UP, odd.url));
    await expectCounting(odd, host);
    expect(await done(project.run(DIFF, odd.url))).toContain('No changes detected');
  });
});

async function createCode(pool: pg.Pool, schema = 'public'): Promise<void> {
  const promoCodes = new PromoCodeRepository(pool, { schema });
  await promoCodes.create({ code: 'SUMMER', shopId: 'shop', bonusValue: '5.00', endDate: '2999-01-01T00:00:00Z' });
}

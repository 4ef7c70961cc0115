import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { renderSql } from '../../src/index';
import { isWhole, useDatabase } from '../support';
import { commandOfPage, SLOW, useProject } from './project';
import { done, expectCounting } from './recipe';

const project = useProject('prisma');
const folder = 'prisma/migrations';
const tables = () => project.read(`${folder}/20251128000000_promo_code_tables/migration.sql`);
const migration = commandOfPage('npx pg-promo-codes sql triggers > prisma/migrations/');
const [, made = ''] = / > (prisma\/migrations\/\S+)\/migration\.sql$/.exec(migration) ?? [];
const command = `mkdir -p ${made} && ${migration}`;

/** Each file goes to the server as one query of several statements, without values: so it does from the schema engine. */
describe('the files of a Prisma project', SLOW, () => {
  const t = useDatabase('prisma');

  it('run as one query each, and count', async () => {
    await t.pool.query(tables());
    await t.pool.query(renderSql('triggers'));
    await expectCountingOf(t);
  });

  it('leave Prisma nothing to see that its schema does not have', async () => {
    const { rows } = await t.sql(
      `SELECT i.indexrelid::regclass::text AS index FROM pg_index AS i
        WHERE i.indrelid IN ('public.promo_codes'::regclass, 'public.promo_code_uses'::regclass)
          AND NOT i.indisprimary AND NOT 0 = ANY (i.indkey::int2[])`,
    );
    expect(rows, 'indexes without an expression, which are the ones that Prisma reads').toEqual([]);
    const { rows: relations } = await t.sql(
      `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind NOT IN ('i', 'S') ORDER BY 1`,
    );
    expect(relations).toEqual([{ relname: 'promo_code_uses' }, { relname: 'promo_codes' }]);
  });

  it('are where Prisma looks for them, and its lock file says for which database', () => {
    expect(made).toMatch(/^prisma\/migrations\/\d{14}_[a-z_]+$/);
    expect(path.basename(made) > '20251128000000_promo_code_tables').toBe(true);
    expect(project.read(`${folder}/migration_lock.toml`)).toBe('provider = "postgresql"\n');
    expect(project.read('prisma/schema.prisma')).not.toContain('schemas');
  });

  it.runIf(isWhole)('are written by the command of the page', async () => {
    await done(project.run(command, t.url));
    expect(project.read(`${made}/migration.sql`).trim()).toBe(renderSql('triggers').trim());
  });
});

const cli = cliOfPrisma();
if (isWhole && 'missing' in cli) console.log(`SKIPPED: prisma migrate, because ${cli.missing}`);

describe.runIf(isWhole && !('missing' in cli))('prisma migrate itself', SLOW, () => {
  const t = useDatabase('prisma migrate');

  it('deploys them, has nothing to do then, and finds no difference', async () => {
    await done(project.run(command, t.url));
    await done(project.run(commandOfPage('npx prisma migrate deploy'), t.url));
    await expectCountingOf(t);
    expect(await done(project.run('prisma migrate deploy', t.url))).toContain('No pending migrations to apply');
    await done(project.run(commandOfPage('npx prisma migrate diff'), t.url));
  });
});

async function expectCountingOf(t: ReturnType<typeof useDatabase>): Promise<void> {
  await t.sql(
    `INSERT INTO public.promo_codes (code, shop_id, bonus_value, end_date) VALUES ('SUMMER', 'shop', 5, 'infinity')`,
  );
  await expectCounting(t, {});
}

/** The program and its engine, which comes from a server of Prisma's that not every machine reaches. */
function cliOfPrisma(): object | { missing: string } {
  const resolve = createRequire(import.meta.url).resolve;
  try {
    const engines = path.dirname(createRequire(resolve('prisma/package.json')).resolve('@prisma/engines/package.json'));
    const named = process.env.PRISMA_SCHEMA_ENGINE_BINARY;
    const hasEngine = named ? existsSync(named) : readdirSync(engines).some((file) => file.startsWith('schema-engine'));
    return hasEngine ? {} : { missing: 'its schema engine is not here' };
  } catch {
    return { missing: 'it is not installed (npm install prisma, which downloads its schema engine)' };
  }
}

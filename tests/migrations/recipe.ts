import pg from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  assertNoDrift,
  inspectTriggers,
  installTriggers,
  PromoCodeRepository,
  type RenderOptions,
  uninstallTriggers,
} from '../../src/index';
import { isWhole, type TestDatabase, useDatabase } from '../support';
import { SEED_TABLES, SEED_TRIGGERS } from '../support/host-tables';
import { type Outcome, type Project, SLOW } from './project';

/** How a tool is used, as docs/migrations.md says it. */
export interface Recipe {
  project: Project;
  /** What `npm test` does instead of `up`, where the tool has a function for it that is cheaper than its command line. */
  inProcess?: (databaseUrl: string) => Promise<unknown>;
  /** Brings a database up to date, and says so with a pattern; once more, there is nothing to do. */
  up: string;
  nothingToDo: RegExp;
  /** Takes the last step back. */
  down: string;
  /** Makes the migration another one than the example's: for tables that are there, as they are described. It may take other commands. */
  describeHost(options: RenderOptions): { up: string; down: string } | undefined;
}

const ODD = String.raw`Été? \? $1 :name %I ?? {x} "q" 'a' --> ; -- $$`;
/** A host of other tables, with whatever a tool might take for its own in their names. */
export const ODD_HOST = {
  schema: ODD,
  librarySchema: `library of ${ODD}`.slice(0, 40),
  idTypes: { codes: 'uuid', uses: 'uuid' },
  tables: {
    codes: {
      name: `codes ${ODD}`.slice(0, 40),
      columns: {
        code: ODD,
        shopId: null,
        name: null,
        description: null,
        maxBonus: null,
        createdAt: null,
        updatedAt: null,
      },
      bonusTypes: { fixed: ['amount?'], percentage: ['percent;'] },
    },
    uses: {
      name: 'uses?',
      columns: { shopId: null, transactionId: null, baseReward: null, totalReward: null },
      rolledBack: { column: 'state?', counts: ['yes?', "it's"], value: 'no?' },
    },
  },
} satisfies RenderOptions;

const quoted = pg.escapeIdentifier;
export const ODD_TABLES = `
  CREATE SCHEMA ${quoted(ODD)};
  CREATE TABLE ${quoted(ODD)}.${quoted(ODD_HOST.tables.codes.name)} (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), ${quoted(ODD)} text NOT NULL, bonus_type text NOT NULL DEFAULT 'amount?',
    bonus_value numeric(18,2) NOT NULL DEFAULT 5, start_date timestamptz, end_date timestamptz, total_usage_limit integer,
    per_customer_limit integer, times_used integer DEFAULT 7, total_bonus_issued numeric(18,2) DEFAULT 0, is_active boolean DEFAULT true);
  CREATE TABLE ${quoted(ODD)}."uses?" (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    promo_code_id uuid NOT NULL REFERENCES ${quoted(ODD)}.${quoted(ODD_HOST.tables.codes.name)}, customer_address text NOT NULL,
    bonus_amount numeric(18,2) NOT NULL, used_at timestamptz NOT NULL DEFAULT now(), "state?" text NOT NULL DEFAULT 'yes?');
  INSERT INTO ${quoted(ODD)}.${quoted(ODD_HOST.tables.codes.name)} (${quoted(ODD)}) VALUES ('SUMMER')`;

export const DRIFTED_TABLES = `${(SEED_TABLES + SEED_TRIGGERS).replaceAll(':"schema"', 'public')}
  INSERT INTO promo_codes (code, shop_id, per_customer_limit) VALUES ('SUMMER', 'shop', NULL);
  INSERT INTO promo_code_uses (promo_code_id, customer_address, shop_id, base_reward, bonus_amount, total_reward)
    VALUES (1, 'ann', 'shop', 10, 5, 15);
  UPDATE promo_codes SET times_used = 9, total_bonus_issued = NULL`;

/** What holds with every tool. `npm test` migrates an empty database, and leaves the rest to the matrix. */
export function migrationRecipe(tool: string, recipe: Recipe): void {
  const { project, up, down } = recipe;
  const migrate = (t: TestDatabase, command = up) => done(project.run(command, t.url));

  describe(`${tool} on an empty database`, SLOW, () => {
    const t = useDatabase(`${tool} empty`);

    it('creates the tables with all that counts', async () => {
      await (recipe.inProcess && !isWhole ? recipe.inProcess(t.url) : migrate(t));
      const promoCodes = new PromoCodeRepository(t.pool);
      await promoCodes.create({ code: 'SUMMER', shopId: 'shop', bonusValue: '5.00', endDate: '2999-01-01T00:00:00Z' });
      await expectCounting(t, {});
    });

    it.runIf(isWhole)('has nothing to do the second time', async () => {
      expect(await migrate(t)).toMatch(recipe.nothingToDo);
      await expectCounting(t, {});
    });

    it.runIf(isWhole)('takes away what is of the library, and keeps tables and rows', async () => {
      await migrate(t, down);
      expect(await uninstallTriggers(t.pool)).toEqual({ removed: [] });
      const { rows } = await t.sql(
        `SELECT times_used, (SELECT count(*)::integer FROM public.promo_code_uses) AS uses,
                (SELECT count(*)::integer FROM pg_namespace WHERE nspname LIKE 'pgpromocodes%') AS schemas
           FROM public.promo_codes`,
      );
      expect(rows).toEqual([{ times_used: 2, uses: 2, schemas: 0 }]);
    });

    it.runIf(isWhole)('comes back', async () => {
      await migrate(t);
      await expectCounting(t, {});
    });
  });

  describe.runIf(isWhole)(`${tool} on tables that drift and count by the triggers of the seed`, SLOW, () => {
    const t = useDatabase(`${tool} drift`);
    beforeAll(async () => {
      await t.pool.query(DRIFTED_TABLES);
    });

    it('replaces the triggers and corrects the counters', async () => {
      await migrate(t, recipe.describeHost({ counterWrites: 'reject' })?.up);
      const { rows } = await t.sql('SELECT times_used, total_bonus_issued FROM public.promo_codes');
      expect(rows).toEqual([{ times_used: 1, total_bonus_issued: '5.00' }]);
      await expectCounting(t, {});
      await expect(t.sql('UPDATE public.promo_codes SET times_used = 0')).rejects.toMatchObject({ code: 'PC001' });
    });
  });

  describe.runIf(isWhole)(`${tool} on tables of any names`, SLOW, () => {
    const t = useDatabase(`${tool} odd`);
    beforeAll(async () => {
      await t.pool.query(ODD_TABLES);
    });

    it('counts, and takes itself away', async () => {
      const { idTypes: _, ...host } = ODD_HOST;
      const commands = recipe.describeHost(ODD_HOST);
      await migrate(t, commands?.up);
      await expectCounting(t, host);
      await migrate(t, commands?.down ?? down);
      const { schema, librarySchema } = host;
      expect(await uninstallTriggers(t.pool, { schema, librarySchema })).toEqual({ removed: [] });
    });
  });
}

/** What a command said that ended well. */
export async function done(running: Promise<Outcome>): Promise<string> {
  const { code, said } = await running;
  if (code !== 0) throw new Error(`It ended with ${code}, and said:\n${said.slice(0, 4_000)}`);
  return said;
}

/** All is as the library would install it, a redemption counts, and nothing drifts. */
export async function expectCounting({ pool }: TestDatabase, host: RenderOptions): Promise<void> {
  const { schema, librarySchema } = host;
  expect(await inspectTriggers(pool, host)).toMatchObject({ ok: true });
  expect(await installTriggers(pool, host)).toMatchObject({ changed: false });
  const promoCodes = new PromoCodeRepository(pool, { schema, librarySchema });
  const customer = `customer ${Math.random()}`;
  const input = { code: 'summer', shopId: 'shop', customerAddress: customer, baseReward: '10.00' };
  expect(await promoCodes.redeem(input)).toMatchObject({ ok: true, use: { bonusAmount: '5.00' } });
  await assertNoDrift(pool, { schema, librarySchema });
  await promoCodes.close();
}

import { beforeEach, describe, expect, it } from 'vitest';
import {
  assertNoDrift,
  checkDrift,
  inspectTriggers,
  installTriggers,
  PromoCodeRepository,
  repairDrift,
} from '../../src/index';
import { SQL_REVISION } from '../../src/inspect/definition';
import { useSchema } from '../support';
import { insertUses, SEED_TABLES } from '../support/host-tables';

const { schema, pool, sql } = useSchema('newer');
const NEWER = SQL_REVISION + 1;

/** Makes the installation one of the next revision, which has one function more and says who can use it. */
async function becomeNewer(usableFrom: number): Promise<void> {
  const { rows } = await sql<{ definition: string }>(
    `SELECT pg_get_functiondef(p.oid) AS definition FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = pronamespace
      WHERE nspname = :'library'`,
  );
  for (const { definition } of rows) {
    await pool.query(
      definition
        .replace(`-- pg-promo-codes ${SQL_REVISION}`, `-- pg-promo-codes ${NEWER}`)
        .replace(`"revision":${SQL_REVISION}`, `"revision":${NEWER}`)
        .replace(/"usableFrom":\d+/, `"usableFrom":${usableFrom}`),
    );
  }
  await sql(`CREATE FUNCTION :"library".promo_code_of_tomorrow() RETURNS text LANGUAGE plpgsql AS E'\n-- pg-promo-codes ${NEWER}\nBEGIN END';
             ALTER TABLE :"library".promo_code_holds ADD of_tomorrow text`);
}

beforeEach(async () => {
  await sql('DROP SCHEMA IF EXISTS :"schema", :"library" CASCADE; CREATE SCHEMA :"schema"');
  await sql(SEED_TABLES);
  await sql(`INSERT INTO :"schema".promo_codes (code, shop_id, per_customer_limit) VALUES ('C1', 'shop', NULL)`);
  await installTriggers(pool, { schema });
});

describe('an installation of a newer version that this one can use', () => {
  beforeEach(() => becomeNewer(SQL_REVISION));

  it('is left as it is, whatever the options say, and the report says so', async () => {
    const before = await bodies();
    for (const options of [{}, { counterWrites: 'reject', enforceLimits: true } as const, { dryRun: true }]) {
      const report = await installTriggers(pool, { schema, ...options });
      expect(report).toMatchObject({ changed: false, created: [], replaced: [] });
      expect(report.warnings).toEqual([expect.stringContaining(`Revision ${NEWER} is installed`)]);
    }
    expect(await bodies()).toEqual(before);
  });

  it('is redeemed on, checked and repaired', async () => {
    expect(await inspectTriggers(pool, { schema })).toMatchObject({
      ok: true,
      revision: NEWER,
      counterWrites: 'ignore',
    });
    const repository = new PromoCodeRepository(pool, { schema });
    expect(
      await repository.redeem({ code: 'C1', shopId: 'shop', customerAddress: 'ann', baseReward: 1 }),
    ).toMatchObject({ ok: true });
    await assertNoDrift(pool, { schema });
    await sql('ALTER TABLE :"schema".promo_code_uses DISABLE TRIGGER promo_code_uses_insert_trigger');
    await sql(insertUses(1));
    expect(await checkDrift(pool, { schema })).toHaveLength(1);
    expect(await inspectTriggers(pool, { schema })).toMatchObject({ ok: false });
    expect(await repairDrift(pool, { schema })).toHaveLength(1);
  });
});

it('one that this version cannot use is a NewerInstallationError everywhere', async () => {
  await becomeNewer(NEWER);
  const repository = new PromoCodeRepository(pool, { schema });
  for (const call of [
    () => installTriggers(pool, { schema }),
    () => installTriggers(pool, { schema, dryRun: true }),
    () => inspectTriggers(pool, { schema }),
    () => checkDrift(pool, { schema }),
    () => repository.redeem({ code: 'C1', shopId: 'shop', customerAddress: 'ann', baseReward: 1 }),
  ]) {
    await expect(call()).rejects.toMatchObject({ name: 'NewerInstallationError', code: 'NEWER_INSTALLATION' });
  }
});

async function bodies(): Promise<unknown[]> {
  const { rows } = await sql(
    `SELECT proname, prosrc FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = pronamespace WHERE nspname = :'library' ORDER BY 1`,
  );
  return rows;
}

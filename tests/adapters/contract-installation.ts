import { expect, it } from 'vitest';
import { defaultLibrarySchema } from '../../src/host/library-schema';
import {
  assertNoDrift,
  checkDrift,
  inspectTriggers,
  installSchema,
  installTriggers,
  PromoCodeRepository,
  repairDrift,
  streamDrift,
  uninstallTriggers,
} from '../../src/index';
import { quoteIdentifier } from '../../src/postgres/identifiers';
import { SEED_TABLES } from '../support/host-tables';
import { type Contract, undone } from './contract';

/** Installing, checking and repairing in the host's transaction. */
export function installationContract(contract: Contract): void {
  const { t, transaction } = contract;
  const { repository, newCode, request, schema, counts } = t;

  it('drift is found and repaired inside of it', async () => {
    const code = await newCode();
    await repository.redeem(request(code));
    await undone(contract, async ({ client, run }) => {
      const options = { schema, shopId: 'shop' };
      expect(await checkDrift(client, options)).toEqual([]);
      await assertNoDrift(client, { schema });
      await run(t.expand('ALTER TABLE :"schema".promo_code_uses DISABLE TRIGGER USER'));
      await run(t.expand(`DELETE FROM :"schema".promo_code_uses WHERE promo_code_id = ${code.id}`));
      await run(t.expand('ALTER TABLE :"schema".promo_code_uses ENABLE TRIGGER USER'));
      const drifted = {
        promoCodeId: code.id,
        timesUsed: 1,
        actualUses: 0,
        totalBonusIssued: '5.00',
        actualBonus: '0.00',
      };
      expect(await checkDrift(client, options)).toMatchObject([drifted]);
      const streamed = [];
      for await (const record of streamDrift(client, { schema, batchSize: 2 })) streamed.push(record);
      expect(streamed).toMatchObject([drifted]);
      await expect(assertNoDrift(client, { schema })).rejects.toMatchObject({ code: 'DRIFT' });
      expect(await repairDrift(client, { schema })).toMatchObject([drifted]);
      expect(await checkDrift(client, options)).toEqual([]);
    });
    expect(await counts(code)).toMatchObject({ timesUsed: 1, uses: 1 });
    expect(await checkDrift(t.pool, { schema })).toEqual([]);
  });

  // A longer name PostgreSQL would cut to one that is there.
  const beginning = schema.slice(0, 48);

  it('triggers are installed, and gone when it rolls back', async () => {
    const seed = { schema: `s_${beginning}` };
    await t.sql(`CREATE SCHEMA ${quoteIdentifier(seed.schema)}`);
    try {
      await t.sql(SEED_TABLES.replaceAll(':"schema"', () => quoteIdentifier(seed.schema)));
      const wait = await undone(contract, async ({ client, run }) => {
        await run(`SET LOCAL lock_timeout = '777ms'`);
        expect(await installTriggers(client, seed)).toMatchObject({ changed: true });
        expect(await inspectTriggers(client, seed)).toMatchObject({ ok: true });
        expect(await installTriggers(client, seed)).toMatchObject({ changed: false });
        return client.query(`SELECT current_setting('lock_timeout') AS wait`);
      });
      expect(wait.rows).toEqual([{ wait: '777ms' }]);
      expect(await inspectTriggers(t.pool, seed)).toMatchObject({ ok: false });

      await transaction(({ client }) => installTriggers(client, seed));
      expect(await inspectTriggers(t.pool, seed)).toMatchObject({ ok: true });
      const { removed } = await transaction(({ client }) => uninstallTriggers(client, seed));
      expect(removed.length).toBeGreaterThan(5);
    } finally {
      await t.sql(
        `DROP SCHEMA IF EXISTS ${[seed.schema, defaultLibrarySchema(seed.schema)].map(quoteIdentifier).join(', ')} CASCADE`,
      );
    }
  });

  it('installSchema and a repository that has the client alone', async () => {
    const own = { schema: `o_${beginning}` };
    await undone(contract, async ({ client, run }) => {
      await run(`CREATE SCHEMA ${quoteIdentifier(own.schema)}`);
      expect(await installSchema(client, own)).toMatchObject({ changed: true });
      const alone = new PromoCodeRepository(client, own);
      const code = await alone.create({ code: 'ALONE', shopId: 's', bonusValue: 1 });
      expect(await alone.redeem(request(code))).toMatchObject({ ok: true });
      expect(await checkDrift(client, own)).toEqual([]);
    });
  });
}

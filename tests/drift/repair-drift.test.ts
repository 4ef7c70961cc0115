import { beforeEach, describe, expect, it } from 'vitest';
import { assertNoDrift, checkDrift, installTriggers, repairDrift } from '../../src/index';
import { backendPid, useSchema, waitUntilBlocked } from '../support';
import { insertUses, SEED_TABLES } from '../support/host-tables';

const { schema, pool, sql, client, expand } = useSchema('repair-drift');

beforeEach(async () => {
  await sql('DROP SCHEMA :"schema" CASCADE; CREATE SCHEMA :"schema"');
  await sql(SEED_TABLES);
  await sql(
    `INSERT INTO :"schema".promo_codes (code, shop_id) SELECT 'C' || n, 'shop' FROM generate_series(1, 5) AS n`,
  );
  // A counter can be made wrong by hand.
  await installTriggers(pool, { schema, counterWrites: 'allow' });
  await sql(insertUses(1, 1, 2));
});

const DRIFT = 'UPDATE :"schema".promo_codes SET times_used = 40, total_bonus_issued = 1 WHERE id IN (1, 4)';

it('corrects what differs, tells what it was, and touches nothing else', async () => {
  await sql(`UPDATE :"schema".promo_codes SET updated_at = '2000-01-01'`);
  await sql(DRIFT);
  expect(await repairDrift(pool, { schema, dryRun: true })).toHaveLength(2);
  expect(await checkDrift(pool, { schema })).toHaveLength(2);
  expect(await repairDrift(pool, { schema })).toEqual([
    {
      kind: 'code',
      promoCodeId: '1',
      code: 'C1',
      shopId: 'shop',
      timesUsed: 40,
      actualUses: 2,
      totalBonusIssued: '1.00',
      actualBonus: '10.00',
    },
    {
      kind: 'code',
      promoCodeId: '4',
      code: 'C4',
      shopId: 'shop',
      timesUsed: 40,
      actualUses: 0,
      totalBonusIssued: '1.00',
      actualBonus: '0.00',
    },
  ]);
  expect(await repairDrift(pool, { schema })).toEqual([]);
  await assertNoDrift(pool, { schema });
  const { rows } = await sql(`SELECT id FROM :"schema".promo_codes
    WHERE updated_at BETWEEN (now() AT TIME ZONE 'UTC') - interval '1 minute' AND now() AT TIME ZONE 'UTC' ORDER BY id`);
  expect(rows).toEqual([{ id: 1 }, { id: 4 }]);
});

it.each(['ignore', 'reject'] as const)("passes the guard of counterWrites '%s'", async (counterWrites) => {
  await sql(DRIFT);
  await installTriggers(pool, { schema, counterWrites, reconcile: 'none' });
  expect(await repairDrift(pool, { schema })).toHaveLength(2);
  await assertNoDrift(pool, { schema });
});

it('can be narrowed down', async () => {
  await sql(DRIFT);
  expect(await repairDrift(pool, { schema, promoCodeIds: [4, 5] })).toMatchObject([{ promoCodeId: '4' }]);
  expect(await checkDrift(pool, { schema })).toMatchObject([{ promoCodeId: '1' }]);
});

it('works on tables without any trigger, and leaves uses without a code alone', async () => {
  await sql('DROP SCHEMA :"schema" CASCADE; CREATE SCHEMA :"schema"');
  await sql(SEED_TABLES);
  await sql('ALTER TABLE :"schema".promo_code_uses DROP CONSTRAINT promo_code_uses_promo_code_id_fkey');
  await sql(`INSERT INTO :"schema".promo_codes (code, shop_id) VALUES ('C1', 'shop')`);
  await sql(insertUses(1, 99));
  expect(await repairDrift(pool, { schema })).toMatchObject([{ promoCodeId: '1' }]);
  expect(await checkDrift(pool, { schema })).toMatchObject([{ promoCodeId: '99', code: null }]);
});

it('tells how far it is, batch by batch', async () => {
  await sql(`INSERT INTO :"schema".promo_codes (code, shop_id, times_used)
             SELECT 'X' || n, 'shop', 1 FROM generate_series(1, 250) AS n`);
  const progress: unknown[] = [];
  expect(await repairDrift(pool, { schema, onProgress: (step) => progress.push(step) })).toHaveLength(250);
  expect(progress).toEqual([100, 200, 250].map((done) => ({ phase: 'repair', done, total: 250 })));
});

describe('a writer in flight', () => {
  it('that came first is waited for and counted', async () => {
    await sql(DRIFT);
    const writer = await client();
    await writer.query('BEGIN');
    await writer.query(expand(insertUses(1)));
    const repairer = await client();
    const repairing = repairDrift(repairer, { schema });
    await waitUntilBlocked(pool, backendPid(repairer));
    await writer.query('COMMIT');
    expect(await repairing).toMatchObject([{ promoCodeId: '1', timesUsed: 41, actualUses: 3 }, { promoCodeId: '4' }]);
    await assertNoDrift(pool, { schema });
  });

  it('that comes while the code is being recounted waits, and is added on top', async () => {
    await sql(DRIFT);
    const host = await client();
    await host.query('BEGIN');
    await repairDrift(host, { schema });
    const writer = await client();
    const writing = writer.query(expand(insertUses(1)));
    await waitUntilBlocked(pool, backendPid(writer));
    await host.query('COMMIT');
    await writing;
    await assertNoDrift(pool, { schema });
  });

  it('of other codes is not held up', async () => {
    await sql(DRIFT);
    const host = await client();
    await host.query('BEGIN');
    await repairDrift(host, { schema });
    await sql(insertUses(2, 3, 5));
    await host.query('ROLLBACK');
    expect(await checkDrift(pool, { schema })).toHaveLength(2);
  });

  it('that repairs the same code does it once', async () => {
    await sql(DRIFT);
    const reports = await Promise.all(Array.from({ length: 8 }, () => repairDrift(pool, { schema })));
    expect(
      reports
        .flat()
        .map(({ promoCodeId }) => promoCodeId)
        .sort(),
    ).toEqual(['1', '4']);
  });
});

it('repairs under a load of inserts and deletes without losing one', async () => {
  let running = true;
  const writers = [1, 2, 3, 4].map(async (code) => {
    const connection = await client();
    while (running) {
      await connection.query(expand(insertUses(code, 1, 5)));
      await connection.query(
        expand(`DELETE FROM :"schema".promo_code_uses WHERE promo_code_id = ${code} AND id % 2 = 0`),
      );
    }
  });
  for (let round = 0; round < 15; round += 1) {
    await sql(`UPDATE :"schema".promo_codes SET times_used = times_used + 3 WHERE id = ${1 + (round % 5)}`);
    expect(await repairDrift(pool, { schema })).toHaveLength(1);
    expect(await checkDrift(pool, { schema })).toEqual([]);
  }
  running = false;
  await Promise.all(writers);
  await assertNoDrift(pool, { schema });
});

it('gives up on a code that stays locked, after lockTimeoutMs', async () => {
  await sql(DRIFT);
  const holder = await client();
  await holder.query(expand('BEGIN; SELECT FROM :"schema".promo_codes WHERE id = 4 FOR UPDATE'));
  await expect(repairDrift(pool, { schema, lockTimeoutMs: 50 })).rejects.toMatchObject({
    code: 'LOCK_TIMEOUT',
    sqlState: '55P03',
  });
  await holder.query('ROLLBACK');
});

it.each(['REPEATABLE READ', 'SERIALIZABLE'])(
  'refuses a %s transaction, whose snapshot may be too old',
  async (level) => {
    await sql(DRIFT);
    const host = await client();
    await host.query(`BEGIN ISOLATION LEVEL ${level}`);
    await expect(repairDrift(host, { schema })).rejects.toMatchObject({ code: 'TRANSACTION_ISOLATION' });
    await host.query('COMMIT');
  },
);

describe('amounts that no counter can hold', () => {
  it.each([
    ['NaN', 'NaN'],
    ['infinity', 'Infinity'],
    ['a sum below zero', '-3'],
    ['more decimal places than the counter has', '1.005'],
  ])('%s: the other codes are corrected, and the fault is named', async (_, amount) => {
    await sql('ALTER TABLE :"schema".promo_code_uses ALTER bonus_amount TYPE numeric, DISABLE TRIGGER USER');
    await sql(DRIFT);
    await sql(`UPDATE :"schema".promo_code_uses SET bonus_amount = '${amount}' WHERE promo_code_id = 2`);
    await expect(repairDrift(pool, { schema })).rejects.toMatchObject({
      code: 'UNCOUNTABLE_AMOUNT',
      message: expect.stringContaining(`C2 (id 2): ${amount}`),
    });
    expect((await checkDrift(pool, { schema })).map(({ promoCodeId }) => promoCodeId)).toEqual(['2']);
  });
});

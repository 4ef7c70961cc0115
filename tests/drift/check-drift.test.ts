import { beforeEach, describe, expect, it } from 'vitest';
import {
  assertNoDrift,
  checkDrift,
  type DriftError,
  type DriftRecord,
  installTriggers,
  streamDrift,
} from '../../src/index';
import { useSchema } from '../support';
import { insertUses, SEED_TABLES } from '../support/host-tables';

const { schema, pool, sql, client, expand } = useSchema('check-drift');

beforeEach(async () => {
  await sql('DROP SCHEMA :"schema" CASCADE; CREATE SCHEMA :"schema"');
  await sql(SEED_TABLES);
  await sql(`INSERT INTO :"schema".promo_codes (code, shop_id)
             SELECT 'C' || n, CASE WHEN n <= 3 THEN 'shop' ELSE 'other' END FROM generate_series(1, 5) AS n`);
  // A counter can be made wrong by hand.
  await installTriggers(pool, { schema, counterWrites: 'allow' });
  await sql(insertUses(1, 1, 2));
});

async function streamed(options: Parameters<typeof streamDrift>[1] = {}): Promise<DriftRecord[]> {
  const records: DriftRecord[] = [];
  for await (const record of streamDrift(pool, { schema, ...options })) records.push(record);
  return records;
}

const both: [string, (options?: object) => Promise<DriftRecord[]>][] = [
  ['checkDrift', (options) => checkDrift(pool, { schema, ...options })],
  ['streamDrift', (options) => streamed(options)],
  ['streamDrift in ranges of two codes', (options) => streamed({ ...options, batchSize: 2 })],
  ['streamDrift in ranges of one code', (options) => streamed({ ...options, batchSize: 1 })],
];

describe.each(both)('%s', (_, check) => {
  it('finds nothing where nothing differs', async () => {
    expect(await check()).toEqual([]);
  });

  it('finds counters that are too high, too low or NULL, in the order of ids, with all that is needed to judge them', async () => {
    await sql(`UPDATE :"schema".promo_codes SET times_used = NULL, total_bonus_issued = NULL WHERE id = 5;
               UPDATE :"schema".promo_codes SET times_used = 9 WHERE id = 2;
               UPDATE :"schema".promo_codes SET total_bonus_issued = 9.99 WHERE id = 1`);
    expect(await check()).toEqual([
      {
        kind: 'code',
        promoCodeId: '1',
        code: 'C1',
        shopId: 'shop',
        timesUsed: 2,
        actualUses: 2,
        totalBonusIssued: '9.99',
        actualBonus: '10.00',
      },
      {
        kind: 'code',
        promoCodeId: '2',
        code: 'C2',
        shopId: 'shop',
        timesUsed: 9,
        actualUses: 1,
        totalBonusIssued: '5.00',
        actualBonus: '5.00',
      },
      {
        kind: 'code',
        promoCodeId: '5',
        code: 'C5',
        shopId: 'other',
        timesUsed: null,
        actualUses: 0,
        totalBonusIssued: null,
        actualBonus: '0.00',
      },
    ]);
  });

  it('reports uses whose code does not exist, below, between and above the codes', async () => {
    await sql('ALTER TABLE :"schema".promo_code_uses DROP CONSTRAINT promo_code_uses_promo_code_id_fkey');
    await sql('DELETE FROM :"schema".promo_codes WHERE id = 3');
    await sql(insertUses(-7, 3, 77, 78, 79));
    const orphan = {
      kind: 'code',
      code: null,
      shopId: null,
      timesUsed: null,
      actualUses: 1,
      totalBonusIssued: null,
      actualBonus: '5.00',
    };
    expect(await check()).toEqual(['-7', '3', '77', '78', '79'].map((promoCodeId) => ({ promoCodeId, ...orphan })));
    expect((await check({ shopId: 'shop' })).map(({ promoCodeId }) => promoCodeId)).toEqual([
      '-7',
      '3',
      '77',
      '78',
      '79',
    ]);
    expect(await check({ shopId: 'other' })).toEqual([]);
  });

  it('can be narrowed down to a shop and to ids', async () => {
    await sql('UPDATE :"schema".promo_codes SET times_used = 50');
    const ids = async (options: object) => (await check(options)).map(({ promoCodeId }) => promoCodeId);
    expect(await ids({})).toEqual(['1', '2', '3', '4', '5']);
    expect(await ids({ shopId: 'other' })).toEqual(['4', '5']);
    expect(await ids({ promoCodeIds: [2, '4', 5n, 99] })).toEqual(['2', '4', '5']);
    expect(await ids({ promoCodeIds: [2, 4], shopId: 'shop' })).toEqual(['2']);
    expect(await ids({ promoCodeIds: [] })).toEqual([]);
    expect(await ids({ shopId: "no such shop'; --" })).toEqual([]);
  });

  it('works on tables without any trigger', async () => {
    await sql('DROP SCHEMA :"schema" CASCADE; CREATE SCHEMA :"schema"');
    await sql(SEED_TABLES);
    await sql(`INSERT INTO :"schema".promo_codes (code, shop_id) VALUES ('C1', 'shop')`);
    await sql(insertUses(1));
    expect(await check()).toMatchObject([{ promoCodeId: '1', timesUsed: 0, actualUses: 1 }]);
  });
});

it('checkDrift gives as many records as asked for', async () => {
  await sql('UPDATE :"schema".promo_codes SET times_used = 50');
  expect(await checkDrift(pool, { schema, limit: 2 })).toMatchObject([{ promoCodeId: '1' }, { promoCodeId: '2' }]);
});

it('the values do not depend on the type parsers and the session of the host', async () => {
  await sql('UPDATE :"schema".promo_codes SET times_used = 9 WHERE id = 2');
  const connection = await client();
  await connection.query(`SET datestyle = 'German'; SET extra_float_digits = 0; SET search_path = ''`);
  for (const oid of [20, 23, 1700, 114]) connection.setTypeParser(oid, () => expect.unreachable('a parser was used'));
  expect(await checkDrift(connection, { schema })).toMatchObject([
    { promoCodeId: '2', timesUsed: 9, actualBonus: '5.00' },
  ]);
});

it('checkDrift gives no false alarm while uses are being written and removed', async () => {
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
  for (let round = 0; round < 40; round += 1) {
    expect(await checkDrift(pool, { schema })).toEqual([]);
    expect(await streamed({ batchSize: 2 })).toEqual([]);
  }
  running = false;
  await Promise.all(writers);
});

it('streamDrift tells how far it is, and may be left at any time', async () => {
  await sql('UPDATE :"schema".promo_codes SET times_used = 50');
  const progress: unknown[] = [];
  await streamed({ batchSize: 2, onProgress: (step: unknown) => progress.push(step) });
  expect(progress).toEqual([2, 4, 5].map((done) => ({ phase: 'check', done, total: 5 })));
  for await (const { promoCodeId } of streamDrift(pool, { schema, batchSize: 1 })) {
    if (promoCodeId === '2') break;
  }
});

describe('assertNoDrift', () => {
  it('does nothing when all is well', async () => {
    await assertNoDrift(pool, { schema });
  });

  it('shows the drift as an aligned table', async () => {
    await sql('UPDATE :"schema".promo_codes SET times_used = 9, total_bonus_issued = NULL WHERE id = 2');
    const error = await assertNoDrift(pool, { schema }).catch((reason: DriftError) => reason);
    expect(error).toMatchObject({ name: 'DriftError', code: 'DRIFT', records: [{ promoCodeId: '2' }] });
    expect(error?.message).toBe(
      [
        '1 code differs from the uses:',
        'promo code  code  shop  times_used  uses  total_bonus_issued  sum of bonuses',
        '----------  ----  ----  ----------  ----  ------------------  --------------',
        '         2  C2    shop           9     1                NULL            5.00',
        'repairDrift() recounts them under a lock.',
      ].join('\n'),
    );
  });

  it('names a trigger that is not in order, whatever options it was installed with', async () => {
    await installTriggers(pool, { schema, counterWrites: 'ignore', enforceLimits: true });
    await assertNoDrift(pool, { schema });
    await sql('ALTER TABLE :"schema".promo_code_uses DISABLE TRIGGER count_promo_code_uses_on_truncate');
    await expect(assertNoDrift(pool, { schema })).rejects.toThrow(
      `trigger count_promo_code_uses_on_truncate on ${schema}.promo_code_uses: disabled`,
    );
  });
});

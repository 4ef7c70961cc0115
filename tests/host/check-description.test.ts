import { describe, expect, it } from 'vitest';
import { notAsDescribed } from '../../src/host/fault';
import type { HostOptions } from '../../src/host/options';
import { useSchema } from '../support';
import { SEED_TABLES } from '../support/host-tables';
import { COUPON_OPTIONS, COUPONS, check, codes, columnsOf, createTables, status, textsOf, uses } from './tables';

const t = useSchema('check description');
const { schema } = t;
const texts = textsOf(schema);

describe('hosts that are as described', () => {
  it.each<[string, string[], HostOptions]>([
    ['the seed', [SEED_TABLES], {}],
    ['coupons', [COUPONS], COUPON_OPTIONS],
    [
      'text ids without defaults',
      [
        SEED_TABLES,
        uses(
          'DROP CONSTRAINT promo_code_uses_promo_code_id_fkey, ALTER promo_code_id TYPE varchar(9), ALTER id DROP DEFAULT, ALTER id TYPE text',
        ),
        codes('ALTER id DROP DEFAULT, ALTER id TYPE text'),
      ],
      {},
    ],
    [
      'whole numbers of several sizes',
      [SEED_TABLES, uses('ALTER promo_code_id TYPE bigint, ALTER id TYPE smallint')],
      {},
    ],
    [
      'domains',
      [
        SEED_TABLES,
        'CREATE DOMAIN :"schema".amount AS numeric(18,2); CREATE DOMAIN :"schema".money_amount AS :"schema".amount',
        codes('ALTER total_bonus_issued TYPE :"schema".money_amount'),
      ],
      {},
    ],
    [
      'dates',
      [SEED_TABLES, codes('ALTER start_date TYPE date, ALTER end_date TYPE date'), uses('ALTER used_at TYPE date')],
      {},
    ],
    [
      'an enum of bonus types',
      [
        SEED_TABLES,
        `CREATE TYPE :"schema".kind AS ENUM ('FIXED', 'PERCENTAGE')`,
        codes('DROP bonus_type, ADD bonus_type :"schema".kind'),
      ],
      {},
    ],
    [
      'own words in an enum',
      [
        SEED_TABLES,
        `CREATE TYPE :"schema".kind AS ENUM ('FLAT', 'RATE')`,
        codes('DROP bonus_type, ADD bonus_type :"schema".kind'),
      ],
      { tables: { codes: { bonusTypes: { fixed: ['flat'], percentage: ['rate'] } } } },
    ],
    ['a status that is a whole number', [SEED_TABLES, uses('ADD status smallint NOT NULL DEFAULT 1')], status()],
    [
      'a status that is an enum',
      [SEED_TABLES, `CREATE TYPE :"schema".status AS ENUM ('1', '2', '3')`, uses('ADD status :"schema".status')],
      status({ redeemed: '1' }),
    ],
    [
      'a status that is a boolean',
      [SEED_TABLES, uses('ADD status boolean DEFAULT true')],
      status({ counts: ['true'], value: 'false' }),
    ],
    [
      'a generated amount without redeeming it',
      [SEED_TABLES, uses('DROP total_reward, ADD total_reward numeric GENERATED ALWAYS AS (base_reward) STORED')],
      columnsOf({}, { totalReward: null }),
    ],
    ['a time zone in other letters', [SEED_TABLES], { timeZone: 'asia/MANILA' }],
    [
      'no shop of codes',
      [SEED_TABLES, codes('DROP shop_id'), uses('ALTER shop_id SET DEFAULT 1')],
      columnsOf({ shopId: null }),
    ],
  ])('%s', async (_, tables, host) => {
    await createTables(t, ...tables);
    const { faults, notRedeemable } = await check(t, host);
    expect(texts(faults)).toEqual([]);
    expect(texts(notRedeemable)).toEqual([]);
  });
});

describe('hosts that cannot be counted in', () => {
  it.each<[string, string[], HostOptions, (string | RegExp)[]]>([
    [
      'a counter that is text',
      [codes('ALTER times_used DROP DEFAULT, ALTER times_used TYPE text')],
      {},
      ['promo_codes.times_used is text, but must be one of: smallint, integer, bigint, numeric'],
    ],
    [
      'floats',
      [codes('ALTER total_bonus_issued TYPE double precision'), uses('ALTER bonus_amount TYPE real')],
      {},
      [/total_bonus_issued is double precision, but must be/, /bonus_amount is real, but must be/],
    ],
    ['money', [codes('ALTER total_bonus_issued TYPE money')], {}, [/total_bonus_issued is money, but/]],
    ['no updated_at', [codes('DROP updated_at')], {}, ['promo_codes.updated_at does not exist']],
    ['no amount', [uses('DROP bonus_amount')], {}, ['promo_code_uses.bonus_amount does not exist']],
    [
      'a column of almost that name',
      [codes('RENAME times_used TO time_used')],
      {},
      ['promo_codes.times_used does not exist; is time_used meant?'],
    ],
    [
      'a named column that is not there',
      [],
      columnsOf({ maxBonus: 'max' }),
      ['promo_codes.max (maxBonus) does not exist'],
    ],
    [
      'an id that is no id',
      [
        uses('DROP CONSTRAINT promo_code_uses_promo_code_id_fkey'),
        codes('ALTER id DROP DEFAULT, ALTER id TYPE numeric'),
      ],
      {},
      [
        'promo_codes.id is numeric, but must be one of: smallint, integer, bigint, uuid, text, character varying, character',
      ],
    ],
    [
      'codes of another type than the uses say',
      [uses('DROP CONSTRAINT promo_code_uses_promo_code_id_fkey, ALTER promo_code_id TYPE text')],
      {},
      [/promo_code_uses\.promo_code_id is text, but must be of the type of promo_codes\.id, integer/],
    ],
    [
      'an id that is not unique',
      [
        uses('DROP CONSTRAINT promo_code_uses_promo_code_id_fkey'),
        codes('DROP CONSTRAINT promo_codes_pkey'),
        'CREATE UNIQUE INDEX ON :"schema".promo_codes (id, code)',
        'CREATE UNIQUE INDEX ON :"schema".promo_codes (id) WHERE is_active',
      ],
      {},
      ['promo_codes.id has no unique index of its own'],
    ],
    [
      'a generated counter',
      [codes('DROP times_used, ADD times_used integer GENERATED ALWAYS AS (1) STORED')],
      {},
      ['promo_codes.times_used is a generated column, which the triggers cannot read or write'],
    ],
    [
      'inheritance children',
      ['CREATE TABLE :"schema".more () INHERITS (:"schema".promo_code_uses)'],
      {},
      ['promo_code_uses has inheritance children, whose rows statement triggers do not see'],
    ],
    [
      'a view',
      [codes('RENAME TO codes'), 'CREATE VIEW :"schema".promo_codes AS SELECT * FROM :"schema".codes'],
      {},
      ['promo_codes is not a table'],
    ],
    [
      'a word that no label is',
      [
        `CREATE TYPE :"schema".kind AS ENUM ('fixed', 'percentage')`,
        codes('DROP bonus_type, ADD bonus_type :"schema".kind'),
      ],
      { tables: { codes: { bonusTypes: { fixed: ['flat'] } } } },
      [
        "promo_codes.bonus_type (bonusType) never holds 'flat' of bonusTypes.fixed, but must be one of its labels: fixed, percentage".replace(
          ' (bonusType)',
          '',
        ),
      ],
    ],
    ['a status that is not there', [], status(), ['promo_code_uses.status (rolledBack) does not exist']],
    [
      'a timestamp that is a status',
      [uses('ADD status text')],
      { tables: { uses: { rolledBack: { column: 'status' } } } },
      [
        /status \(rolledBack\) is text, but must be one of: timestamp with time zone, .* or a status with counts and value/,
      ],
    ],
    [
      'a timestamp that is never NULL',
      [uses('ADD status timestamptz NOT NULL DEFAULT now()')],
      { tables: { uses: { rolledBack: { column: 'status' } } } },
      [/is NOT NULL, but must be nullable/],
    ],
    [
      'a status of values that an enum has not',
      [`CREATE TYPE :"schema".status AS ENUM ('1', '3')`, uses('ADD status :"schema".status')],
      status({ redeemed: '2' }),
      [/never holds '2', but must be one of its labels: 1, 3/],
    ],
    [
      'a status of values that a boolean has not',
      [uses('ADD status boolean DEFAULT true')],
      status({ counts: ['t'], value: 'false' }),
      [/never holds 't', but must be true or false/],
    ],
    [
      'a status of values that a number has not',
      [uses('ADD status smallint DEFAULT 1')],
      status({ counts: ['1', '07', '40000', 'x'] }),
      [/never holds '07'/, /never holds '40000', but must be a whole number of smallint/, /never holds 'x'/],
    ],
    [
      'a status of values that are too long',
      [uses(`ADD status varchar(2) DEFAULT '1'`)],
      status({ value: 'off' }),
      [/never holds 'off', but must be at most 2 characters long/],
    ],
    ['a status of a type that is none', [uses('ADD status jsonb')], status(), [/is jsonb, but must be one of/]],
  ])('%s', async (_, changes, host, expected) => {
    await createTables(t, SEED_TABLES, ...changes);
    const { faults } = await check(t, host);
    expect(texts(faults)).toEqual(
      expected.map((text) => (typeof text === 'string' ? text : expect.stringMatching(text))),
    );
  });

  it.skipIf(t.version < 15)('numbers that round, also in a domain', async () => {
    await createTables(t, SEED_TABLES, 'CREATE DOMAIN :"schema".hundreds AS numeric(5,-2)');
    await t.sql(codes('ALTER times_used TYPE numeric(5,-2), ALTER max_bonus TYPE :"schema".hundreds'));
    await t.sql(uses('ALTER bonus_amount TYPE :"schema".hundreds'));
    const { faults, notRedeemable } = await check(t);
    expect(texts(faults)).toEqual([
      'promo_codes.times_used is numeric(5,-2), which rounds whole numbers',
      expect.stringMatching(/bonus_amount is .*hundreds, which rounds whole numbers/),
    ]);
    expect(texts(notRedeemable)).toEqual([expect.stringMatching(/max_bonus is .*hundreds, which rounds/)]);
  });

  it.skipIf(t.version < 18)('a virtual column, where a stored one can be counted', async () => {
    await createTables(t, SEED_TABLES);
    await t.sql(uses('DROP bonus_amount, ADD bonus_amount numeric GENERATED ALWAYS AS (base_reward * 0.5) VIRTUAL'));
    expect(texts((await check(t)).faults)).toEqual([
      expect.stringMatching(/bonus_amount is a generated column, which/),
    ]);
  });

  it('citext ids, whose equality is not that of the text', async () => {
    const { rowCount } = await t.sql(`SELECT FROM pg_available_extensions WHERE name = 'citext'`);
    if (rowCount === 0) return;
    await createTables(t, SEED_TABLES, 'CREATE EXTENSION citext SCHEMA :"schema"');
    await t.sql(uses('DROP CONSTRAINT promo_code_uses_promo_code_id_fkey, ALTER promo_code_id TYPE :"schema".citext'));
    await t.sql(codes('ALTER code TYPE :"schema".citext'));
    expect(texts((await check(t)).faults)).toEqual([
      expect.stringMatching(/promo_code_id is .*citext, but must be one of/),
    ]);
  });

  it('partitioned codes, but with counterWrites allow', async () => {
    await createTables(
      t,
      SEED_TABLES,
      'DROP TABLE :"schema".promo_codes CASCADE',
      `CREATE TABLE :"schema".promo_codes (id int NOT NULL, code text, shop_id text, times_used int, total_bonus_issued numeric,
         updated_at timestamptz) PARTITION BY HASH (shop_id)`,
    );
    expect(texts((await check(t)).faults)).toEqual([
      expect.stringMatching(/^promo_codes is partitioned, which goes with counterWrites 'allow' only/),
    ]);
    expect((await check(t, {}, { counterWrites: 'allow' })).faults).toEqual([]);
  });

  it('what only enforceLimits needs is asked for with it', async () => {
    await createTables(
      t,
      SEED_TABLES,
      codes('DROP total_usage_limit, DROP per_customer_limit'),
      uses('DROP customer_address'),
    );
    expect((await check(t)).faults).toEqual([]);
    expect(texts((await check(t, {}, { enforceLimits: true })).faults)).toEqual([
      'promo_codes.total_usage_limit does not exist',
      'promo_codes.per_customer_limit does not exist',
      'promo_code_uses.customer_address does not exist',
    ]);
    const none = columnsOf({ totalUsageLimit: null, perCustomerLimit: null });
    expect(texts((await check(t, none, { enforceLimits: true })).faults)).toContainEqual(
      expect.stringMatching(/has no column described as totalUsageLimit, perCustomerLimit or maxTotalBonus/),
    );
  });

  it('no tables, no schema', async () => {
    await createTables(t);
    expect(texts((await check(t)).faults)).toEqual(['promo_codes does not exist', 'promo_code_uses does not exist']);
    await t.sql('DROP SCHEMA :"schema"');
    expect((await check(t)).faults[0]).toEqual({ path: schema, is: 'is not a schema of this database' });
  });

  it('all faults at once, in one error that names each', async () => {
    await createTables(
      t,
      SEED_TABLES,
      codes('DROP times_used, ALTER total_bonus_issued TYPE float8'),
      uses('ALTER bonus_amount TYPE real'),
    );
    const { faults } = await check(t, columnsOf({ name: 'title' }));
    const error = notAsDescribed(faults, ' A hint.');
    expect(error.missing).toEqual([
      `${schema}.promo_codes.title`,
      `${schema}.promo_codes.times_used`,
      `${schema}.promo_codes.total_bonus_issued`,
      `${schema}.promo_code_uses.bonus_amount`,
    ]);
    expect(error.message).toMatch(/Nothing was changed\..*option tables.* A hint\.$/);
    expect(faults).toContainEqual({ path: `${schema}.promo_codes.title`, role: 'name', is: 'does not exist' });
  });
});

import { describe, expect, it } from 'vitest';
import type { HostOptions } from '../../src/host/options';
import { useSchema } from '../support';
import { SEED_TABLES } from '../support/host-tables';
import { check, codes, columnsOf, createTables, status, textsOf, uses } from './tables';

const t = useSchema('only counting');
const texts = textsOf(t.schema);

describe('hosts that only count', () => {
  it.each<[string, string[], HostOptions, (string | RegExp)[]]>([
    ['no customers', [uses('DROP customer_address')], {}, ['promo_code_uses.customer_address does not exist']],
    [
      'said to have none',
      [],
      columnsOf({ code: null }, { customerAddress: null, id: null }),
      [
        'promo_codes has no column described as code, which redeeming needs',
        'promo_code_uses has no column described as id, which redeeming needs',
        'promo_code_uses has no column described as customerAddress, which redeeming needs',
      ],
    ],
    ['an id without a default', [uses('ALTER id DROP DEFAULT')], {}, [/promo_code_uses\.id has no default/]],
    [
      'a text id without room for one',
      [uses('ALTER id DROP DEFAULT, ALTER id TYPE varchar(20)')],
      {},
      [/promo_code_uses\.id has no default/],
    ],
    [
      'types that cannot serve',
      [
        codes('ALTER is_active DROP DEFAULT, ALTER is_active TYPE int USING 1, ALTER max_bonus TYPE float8'),
        uses('ALTER transaction_id TYPE json USING NULL'),
      ],
      {},
      [
        'promo_codes.max_bonus is double precision, but must be one of: smallint, integer, bigint, numeric',
        'promo_codes.is_active is integer, but must be boolean',
        /transaction_id is json, but must be one of/,
      ],
    ],
    [
      'a shop of another type',
      [codes('ALTER shop_id TYPE int USING 1'), uses('ALTER shop_id TYPE uuid USING NULL')],
      {},
      [/promo_code_uses\.shop_id is uuid, but must be of the type of promo_codes\.shop_id, integer/],
    ],
    [
      'a shop that codes have not',
      [codes('DROP shop_id')],
      columnsOf({ shopId: null }),
      [/promo_code_uses\.shop_id is NOT NULL without a default, and codes have no shop/],
    ],
    [
      'a generated amount',
      [uses('DROP bonus_amount, ADD bonus_amount numeric GENERATED ALWAYS AS (base_reward * 0.5) STORED')],
      {},
      [/bonus_amount is a generated column, which redeeming writes$/],
    ],
    [
      'an enum of unknown words',
      [`CREATE TYPE :"schema".kind AS ENUM ('flat', 'rate')`, codes('DROP bonus_type, ADD bonus_type :"schema".kind')],
      {},
      [/bonus_type is an enum of flat, rate: bonusTypes says/],
    ],
    [
      'a status without a default',
      [uses('ADD status text')],
      status(),
      [/status \(rolledBack\) has no default: rolledBack\.redeemed says/],
    ],
    [
      'a timestamp with one',
      [uses('ADD status timestamptz DEFAULT now()')],
      { tables: { uses: { rolledBack: { column: 'status' } } } },
      [/has a default, so that a new use would not count/],
    ],
  ])('%s', async (_, changes, host, expected) => {
    await createTables(t, SEED_TABLES, ...changes);
    const { faults, notRedeemable } = await check(t, host);
    expect(texts(faults)).toEqual([]);
    expect(texts(notRedeemable)).toEqual(
      expected.map((text) => (typeof text === 'string' ? text : expect.stringMatching(text))),
    );
  });

  it('a trigger of the host that may fill an id is trusted', async () => {
    await createTables(
      t,
      SEED_TABLES,
      uses('ALTER id DROP DEFAULT'),
      `CREATE FUNCTION :"schema".fill() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.id := 1; RETURN NEW; END';
       CREATE TRIGGER fill BEFORE INSERT ON :"schema".promo_code_uses FOR EACH ROW EXECUTE FUNCTION :"schema".fill()`,
    );
    expect((await check(t)).notRedeemable).toEqual([]);
  });
});

import { describe, expect, it } from 'vitest';
import { describeTables } from '../../src/host/description';
import { writesCounters } from '../../src/inspect/foreign-trigger';

const layout = {
  ...describeTables('public'),
  librarySchema: 'pgpromocodes',
  types: { codeId: 'bigint', useId: 'bigint' },
};

it.each([
  ['UPDATE promo_codes SET times_used = times_used + 1 WHERE id = NEW.promo_code_id;'],
  ['update "promo_codes" set "times_used"="times_used"-1'],
  ['UPDATE promo_codes SET name = $1,\n  total_bonus_issued = 0'],
  ['UPDATE promo_codes SET (times_used, total_bonus_issued) = (0, 0)'],
  ['UPDATE promo_codes SET (name, times_used) = (SELECT 1, 2)'],
  ['BEGIN NEW.times_used := 5; RETURN NEW; END'],
  ['BEGIN NEW.total_bonus_issued = 5; RETURN NEW; END'],
  ['IF x THEN new.times_used := new.times_used + 1; END IF;'],
  ['SELECT count(*) INTO NEW.times_used FROM promo_code_uses;'],
  ["EXECUTE 'UPDATE promo_codes SET times_used = 0';"],
  ['-- a comment\nUPDATE promo_codes SET /* what */ times_used = 0'],
  ['MERGE INTO promo_codes USING x ON true WHEN MATCHED THEN UPDATE SET times_used = 1'],
  ['INSERT INTO promo_codes (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET times_used = 1'],
])('%s writes a counter', (source) => {
  expect(writesCounters(source, layout)).toBe(true);
});

it.each([
  ['UPDATE promo_codes SET name = $1 WHERE times_used = 0'],
  ['IF NEW.times_used = OLD.times_used THEN RETURN NEW; END IF;'],
  ['SELECT times_used INTO n FROM promo_codes;'],
  ["INSERT INTO audit VALUES (NEW.times_used); PERFORM set_config('a.times_used', '1', true);"],
  ['-- UPDATE promo_codes SET times_used = 0\nRETURN NEW;'],
  ['/* NEW.times_used := 1; */ RETURN NEW;'],
  ['UPDATE other SET last_times_used = 1'],
  ["BEGIN PERFORM pg_notify('used', NEW.times_used::text); RETURN NEW; END"],
])('%s does not', (source) => {
  expect(writesCounters(source, layout)).toBe(false);
});

describe('columns of other names', () => {
  const columns = { timesUsed: 'Uses (all)', totalBonusIssued: null };
  const named = { ...layout, ...describeTables('public', { codes: { columns } }) };

  it.each([
    ['UPDATE coupons SET "Uses (all)" = "Uses (all)" + 1', true],
    ['NEW."Uses (all)" := 1;', true],
    ['UPDATE coupons SET times_used = 1, total_bonus_issued = 2', false],
    ['UPDATE coupons SET "Uses (all) of then" = 1', false],
  ])('%s: %s', (source, expected) => {
    expect(writesCounters(source, named)).toBe(expected);
  });
});

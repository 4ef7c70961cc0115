import { beforeEach, describe, expect, it } from 'vitest';
import { useSchema } from '../support';
import { createHost, expectCounters, insert, USUAL_GRANULARITIES, use, VARIANTS, versionsOfCodes } from './host';

const t = useSchema('amendments');
const update = (set: string, where = 'true') => t.sql(`UPDATE :"schema".promo_code_uses SET ${set} WHERE ${where}`);

describe.each(VARIANTS)('what is updated is counted ($tables tables, $granularity triggers)', (variant) => {
  beforeEach(async () => {
    await createHost(t, variant);
    await t.sql(insert(use(1, 10), use(1, 20), use(2, 40)));
  });

  it('the amount, up and down', async () => {
    await update('bonus_amount = 11.11', 'bonus_amount = 10');
    await expectCounters(t, { 1: [2, '31.11'], 2: [1, '40.00'] });
    await update('bonus_amount = 0', 'bonus_amount = 20');
    await expectCounters(t, { 1: [2, '11.11'], 2: [1, '40.00'] });
  });

  it('a move to another code, to a lower id and to a higher one', async () => {
    await update('promo_code_id = 2', 'bonus_amount = 10');
    await expectCounters(t, { 1: [1, '20.00'], 2: [2, '50.00'] });
    await update('promo_code_id = 1', 'bonus_amount = 40');
    await expectCounters(t, { 1: [2, '60.00'], 2: [1, '10.00'] });
  });

  it('the amount and the code at once', async () => {
    await update('promo_code_id = 7, bonus_amount = bonus_amount + 0.5', 'promo_code_id = 1');
    await expectCounters(t, { 2: [1, '40.00'], 7: [2, '31.00'] });
  });

  it('uses that change places', async () => {
    await update('promo_code_id = 3 - promo_code_id');
    await expectCounters(t, { 1: [1, '40.00'], 2: [2, '30.00'] });
  });

  it('UPDATE … FROM, with another target for each use', async () => {
    await t.sql(
      `UPDATE :"schema".promo_code_uses AS u SET promo_code_id = s.code, bonus_amount = s.amount
         FROM (VALUES (10, 3, 1), (20, 2, 2), (40, 1, 4)) AS s(was, code, amount) WHERE u.bonus_amount = s.was`,
    );
    await expectCounters(t, { 1: [1, '4.00'], 2: [1, '2.00'], 3: [1, '1.00'] });
  });

  it.each([
    ['a column that does not count', `transaction_id = 'tx', customer_address = 'other'`],
    ['columns set to what they were', 'promo_code_id = promo_code_id, bonus_amount = bonus_amount'],
    ['the same amount written otherwise', 'bonus_amount = bonus_amount::text::numeric(18,5)'],
    ['the id of the use', 'id = id + 1000'],
  ])('%s writes nothing', async (_, set) => {
    const before = await versionsOfCodes(t);
    await update(set);
    expect(await versionsOfCodes(t)).toBe(before);
    await expectCounters(t, { 1: [2, '30.00'], 2: [1, '40.00'] });
  });

  it('an update that matches nothing writes nothing', async () => {
    const before = await versionsOfCodes(t);
    await update('bonus_amount = 1', 'false');
    expect(await versionsOfCodes(t)).toBe(before);
  });

  it('a move to a code that does not exist is refused and leaves nothing', async () => {
    await expect(update('promo_code_id = 77, bonus_amount = 1')).rejects.toMatchObject({ code: '23503' });
    await expectCounters(t, { 1: [2, '30.00'], 2: [1, '40.00'] });
  });

  it('codes that the update does not concern are not touched', async () => {
    const rest = async () => (await versionsOfCodes(t)).split('; ').filter((row) => !row.startsWith('1 '));
    const before = await rest();
    await update('bonus_amount = bonus_amount + 1', 'promo_code_id = 1');
    expect(await rest()).toEqual(before);
  });
});

describe.each(USUAL_GRANULARITIES)('on tables that allow it (%s triggers)', (granularity) => {
  beforeEach(async () => {
    await createHost(t, {
      granularity,
      alter: 'ALTER TABLE :"schema".promo_code_uses ALTER promo_code_id DROP NOT NULL',
    });
  });

  it('NULL amounts count as zero, and become values and NULL again', async () => {
    await t.sql(insert(use(1, null), use(1, 3)));
    await expectCounters(t, { 1: [2, '3.00'] });
    await update('bonus_amount = 4', 'bonus_amount IS NULL');
    await expectCounters(t, { 1: [2, '7.00'] });
    await update('bonus_amount = NULL');
    await expectCounters(t, { 1: [2, '0.00'] });
  });

  it('NULL and zero are the same: writing one for the other writes nothing', async () => {
    await t.sql(insert(use(1, null), use(1, 0)));
    const before = await versionsOfCodes(t);
    await update('bonus_amount = CASE WHEN bonus_amount IS NULL THEN 0 END');
    expect(await versionsOfCodes(t)).toBe(before);
    await expectCounters(t, { 1: [2, '0.00'] });
  });

  it('a use without a code counts for none until it gets one, and no more when it loses it', async () => {
    await t.sql(insert(use(null, 3), use(1, 4)));
    await expectCounters(t, { 1: [1, '4.00'] });
    await update('promo_code_id = 2', 'promo_code_id IS NULL');
    await expectCounters(t, { 1: [1, '4.00'], 2: [1, '3.00'] });
    await update('promo_code_id = NULL');
    await expectCounters(t, {});
    await update('bonus_amount = 9');
    await t.sql('DELETE FROM :"schema".promo_code_uses');
    await expectCounters(t, {});
  });
});

it('amounts that change places within a code write nothing, where statements are counted', async () => {
  await createHost(t, { granularity: 'statement' });
  await t.sql(insert(use(1, 10), use(1, 20), use(2, 30)));
  const before = await versionsOfCodes(t);
  await update('bonus_amount = 30 - bonus_amount', 'promo_code_id = 1');
  expect(await versionsOfCodes(t)).toBe(before);
  await expectCounters(t, { 1: [2, '30.00'], 2: [1, '30.00'] });
});

import { beforeEach, describe, expect, it } from 'vitest';
import { BudgetExhaustedError, PromoCodeRepository } from '../../src/index';
import { useSchema, waitUntilBlocked } from '../support';
import { createHost, expectCounters, GRANULARITIES, insert, use } from './host';
import { sessions } from './session';

const t = useSchema('budgets of triggers');
const BEYOND = { code: 'PC009', table: 'promo_code_uses', column: 'bonus_amount' };
const budget = (amount: number, codes = 'true') =>
  t.sql(`UPDATE :"schema".promo_codes SET max_total_bonus = $1 WHERE ${codes}`, [amount]);
const update = (set: string, where = 'true') => t.sql(`UPDATE :"schema".promo_code_uses SET ${set} WHERE ${where}`);

describe.each(GRANULARITIES)('budgets with enforceLimits (%s triggers)', (granularity) => {
  beforeEach(() => createHost(t, { tables: 'library', granularity, enforceLimits: true }));

  it('are reached to the cent, and not passed', async () => {
    await budget(10);
    await t.sql(insert(use(1, '9.99')));
    await expect(t.sql(insert(use(1, '0.02')))).rejects.toMatchObject({ ...BEYOND, schema: t.schema });
    await t.sql(insert(use(1, '0.01'), use(1, 0)));
    await expectCounters(t, { 1: [3, '10.00'] });
  });

  it('are not passed by a statement of many uses of many codes, of which none stays', async () => {
    await budget(10);
    await budget(3, 'id = 2');
    await expect(t.sql(insert(use(1, 5), use(3, 10), use(2, 2), use(1, 5), use(2, '1.01')))).rejects.toMatchObject(
      BEYOND,
    );
    await expectCounters(t, {});
    await t.sql(insert(use(1, 5), use(3, 10), use(2, 2), use(1, 5), use(2, 1), use(4, 0)));
    await expectCounters(t, { 1: [2, '10.00'], 2: [2, '3.00'], 3: [1, '10.00'], 4: [1, '0.00'] });
  });

  it('are not passed by an amount that rises, or a use that moves in', async () => {
    await budget(10);
    await t.sql(insert(use(1, 4), use(1, 5), use(2, 2)));
    await expect(update('bonus_amount = 6', 'bonus_amount = 4')).rejects.toMatchObject(BEYOND);
    await expect(update('bonus_amount = bonus_amount + 1')).rejects.toMatchObject(BEYOND);
    await expect(update('promo_code_id = 1', 'promo_code_id = 2')).rejects.toMatchObject(BEYOND);
    await update('bonus_amount = 5', 'bonus_amount = 4');
    // What one gives, another may take, in whatever order.
    await update(`bonus_amount = CASE WHEN id % 2 = 0 THEN 1 ELSE 9 END`, 'promo_code_id = 1');
    await update(`bonus_amount = CASE WHEN id % 2 = 1 THEN 1 ELSE 9 END`, 'promo_code_id = 1');
    await expect(update('promo_code_id = 3 - promo_code_id', 'bonus_amount < 9')).rejects.toMatchObject(BEYOND);
    await update('promo_code_id = 3 - promo_code_id');
    await update('promo_code_id = 3 - promo_code_id');
    await expectCounters(t, { 1: [2, '10.00'], 2: [1, '2.00'] });
  });

  it('that were lowered refuse more, and nothing else', async () => {
    await t.sql(insert(use(1, 4), use(1, 5)));
    await budget(1);
    await expect(t.sql(insert(use(1, '0.01')))).rejects.toMatchObject(BEYOND);
    await update(`transaction_id = 'tx', bonus_amount = bonus_amount - 1`);
    await t.sql(insert(use(1, 0)));
    await expect(update('bonus_amount = bonus_amount + 1', 'bonus_amount = 3')).rejects.toMatchObject(BEYOND);
    await t.sql('DELETE FROM :"schema".promo_code_uses');
    await t.sql(insert(use(1, 1)));
    await expectCounters(t, { 1: [1, '1.00'] });
  });

  it('are kept in a race of hand-written SQL, and with the repository', async () => {
    await budget(10);
    const [first, second] = await sessions(t, 2);
    await first!.sql('BEGIN');
    await first!.sql(insert(use(1, 6)));
    const refused = expect(second!.sql(insert(use(1, 5)))).rejects.toMatchObject(BEYOND);
    await waitUntilBlocked(t.pool, second!.client);
    await first!.sql('COMMIT');
    await refused;
    const repository = new PromoCodeRepository(t.pool, { schema: t.schema });
    const ask = { code: 'C1', shopId: 'shop', customerAddress: 'ann', baseReward: 1 };
    expect(await repository.redeem({ ...ask, bonusAmount: 5 })).toMatchObject({ reason: 'budget_exhausted' });
    expect(await repository.redeem({ ...ask, bonusAmount: 4 })).toMatchObject({ ok: true });
    await expectCounters(t, { 1: [2, '10.00'] });
  });
});

it('a bonus that a trigger of the host raises is an error of this library', async () => {
  await createHost(t, { tables: 'library', enforceLimits: true });
  await budget(10);
  await t.sql(`CREATE FUNCTION :"schema".raise() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN NEW.bonus_amount := 11; RETURN NEW; END $$;
               CREATE TRIGGER raise BEFORE INSERT ON :"schema".promo_code_uses FOR EACH ROW EXECUTE FUNCTION :"schema".raise()`);
  const repository = new PromoCodeRepository(t.pool, { schema: t.schema });
  const refused = repository.redeem({ code: 'C1', shopId: 'shop', customerAddress: 'ann', baseReward: 1 });
  await expect(refused).rejects.toBeInstanceOf(BudgetExhaustedError);
  await expect(refused).rejects.toMatchObject({ code: 'BUDGET_EXHAUSTED', sqlState: 'PC009' });
  await expectCounters(t, {});
  await t.sql('DROP TRIGGER raise ON :"schema".promo_code_uses');
});

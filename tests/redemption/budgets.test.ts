import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import {
  BudgetExhaustedError,
  checkDrift,
  installTriggers,
  NotFoundError,
  PromoCodeRepository,
  ValidationError,
} from '../../src/index';
import { useSchema, waitUntilBlocked } from '../support';
import { SEED_TABLES } from '../support/host-tables';
import { startProgram } from '../support/programs';
import { useRepository, waitingRedemption } from '../support/repository';
import { isIncluded } from '../support/scope';
import type { CallerSettings } from './caller-process';

const t = useRepository('budgets');
const { repository, newCode, request, counts } = t;
const EXHAUSTED = { ok: false, reason: 'budget_exhausted' };
const percentage = { bonusType: 'percentage', bonusValue: '100', maxBonus: '1000', perCustomerLimit: null } as const;

async function redeemed(...args: Parameters<typeof request>) {
  const result = await repository.redeem(request(...args));
  if (!result.ok) throw new Error(result.reason);
  return result.use;
}

async function held(...args: Parameters<typeof request>) {
  const result = await repository.reserve({ ...request(...args), ttlSeconds: 3_600 });
  if (!result.ok) throw new Error(result.reason);
  return result.use;
}

const expire = (useId: string) =>
  t.sql(`UPDATE :"library".promo_code_holds SET expires_at = now() - interval '1 second' WHERE use_id = $1`, [useId]);

/** What a preview says, and then the redemption. */
async function both(...args: Parameters<typeof request>) {
  const asked = request(...args);
  const preview = await repository.validate(asked);
  const result = await repository.redeem(asked);
  expect(preview).toMatchObject(
    result.ok ? { valid: true, bonusAmount: result.use.bonusAmount } : { valid: false, reason: result.reason },
  );
  return result;
}

describe('a budget', () => {
  it('is reached to the cent, and not passed', async () => {
    const code = await newCode({ ...percentage, maxTotalBonus: '10.00' });
    expect(code).toMatchObject({ maxTotalBonus: '10.00', budgetOverrun: 'refuse' });
    await redeemed(code, { baseReward: '7.00' });
    expect(await both(code, { baseReward: '3.01' })).toMatchObject({ ...EXHAUSTED, promoCodeId: code.id });
    expect(await both(code, { baseReward: '3.00' })).toMatchObject({ ok: true });
    expect(await both(code, { baseReward: '0.01' })).toMatchObject(EXHAUSTED);
    // There is nothing to pay.
    expect(await both(code, { baseReward: '0' })).toMatchObject({ ok: true });
    expect(await repository.validate({ ...request(code), baseReward: undefined })).toMatchObject({
      reason: 'budget_exhausted',
    });
    expect(await counts(code)).toEqual({ timesUsed: 3, uses: 3, total: '10.00' });
    expect((await repository.list({ state: 'used_up' })).items).toMatchObject([{ id: code.id }]);
  });

  it("that caps pays what is left, also of the host's own bonus, and then nothing", async () => {
    const code = await newCode({ ...percentage, maxTotalBonus: 10, budgetOverrun: 'cap' });
    await redeemed(code, { baseReward: '7.00' });
    expect(await both(code, { baseReward: '100', bonusAmount: '50' })).toMatchObject({ use: { bonusAmount: '3.00' } });
    expect(await both(code, { baseReward: '0.01' })).toMatchObject(EXHAUSTED);
    expect(await counts(code)).toMatchObject({ timesUsed: 2, total: '10.00' });
  });

  it('gets back what is rolled back, released or amended', async () => {
    const code = await newCode({ ...percentage, maxTotalBonus: 10 });
    const first = await redeemed(code, { baseReward: 10 });
    expect(await both(code)).toMatchObject(EXHAUSTED);
    await repository.rollbackUse(first.id);
    const second = await redeemed(code, { baseReward: 10 });
    await repository.amendUse(second.id, { bonusAmount: '4.00' });
    expect(await both(code, { baseReward: '6.00' })).toMatchObject({ ok: true });
    expect(await counts(code)).toMatchObject({ total: '10.00' });
  });

  it('is not passed by an amendment, which leaves the transaction of the host as it is', async () => {
    const code = await newCode({ ...percentage, maxTotalBonus: 10, budgetOverrun: 'cap' });
    const [use] = [await redeemed(code, { baseReward: 4 }), await redeemed(code, { baseReward: 5 })];
    const client = await t.client();
    await client.query('BEGIN');
    const refused = repository.amendUse(use.id, { bonusAmount: '5.01' }, { client });
    await expect(refused).rejects.toBeInstanceOf(BudgetExhaustedError);
    await expect(refused).rejects.toMatchObject({ code: 'BUDGET_EXHAUSTED' });
    await expect(refused).rejects.toThrow(/at most 5\.00 within the budget/);
    await repository.amendUse(use.id, { bonusAmount: '5.00' }, { client });
    await client.query('COMMIT');
    await repository.update(code.id, { maxTotalBonus: 1 });
    await repository.amendUse(use.id, { bonusAmount: '4.99' });
    expect(await counts(code)).toMatchObject({ total: '9.99' });
  });

  it('is taken up by holds, of which those that expired give way, and those of the same customer', async () => {
    const code = await newCode({ ...percentage, maxTotalBonus: 10 });
    const late = await held(code, { baseReward: 6, customerAddress: 'ann' });
    const own = await held(code, { baseReward: 4, customerAddress: 'bob' });
    expect(await both(code, { baseReward: 1 })).toMatchObject(EXHAUSTED);
    // Not enough comes back.
    expect(await both(code, { baseReward: 5, customerAddress: 'bob' })).toMatchObject(EXHAUSTED);
    expect(await both(code, { baseReward: 3, customerAddress: ' BOB' })).toMatchObject({ ok: true });
    await expect(repository.confirm(own.id)).rejects.toMatchObject({ reason: 'replaced' });
    await expire(late.id);
    expect(await both(code, { baseReward: 7 })).toMatchObject({ ok: true });
    await expect(repository.confirm(late.id)).rejects.toMatchObject({ reason: 'expired' });
    expect(await counts(code)).toMatchObject({ timesUsed: 2, total: '10.00' });
  });

  it('that caps lets expired holds give way before it pays less', async () => {
    const code = await newCode({ ...percentage, maxTotalBonus: 10, budgetOverrun: 'cap' });
    await expire((await held(code, { baseReward: 6 })).id);
    expect(await both(code, { baseReward: 9 })).toMatchObject({ use: { bonusAmount: '9.00' } });
    const use = await redeemed(code, { baseReward: 9 });
    expect(use.bonusAmount).toBe('1.00');
  });

  it('lets expired holds give way to an amendment, also the one that is amended', async () => {
    const code = await newCode({ ...percentage, maxTotalBonus: 10 });
    const use = await redeemed(code, { baseReward: 4 });
    const hold = await held(code, { baseReward: 6 });
    await expect(repository.amendUse(use.id, { bonusAmount: 5 })).rejects.toBeInstanceOf(BudgetExhaustedError);
    await expire(hold.id);
    await expect(repository.amendUse(hold.id, { bonusAmount: 7 })).rejects.toBeInstanceOf(NotFoundError);
    expect(await repository.amendUse(use.id, { bonusAmount: 10 })).toMatchObject({ bonusAmount: '10.00' });
  });

  it('comes after the limits among the reasons', async () => {
    const code = await newCode({ maxTotalBonus: 5, totalUsageLimit: 2 });
    await redeemed(code, { customerAddress: 'ann' });
    expect(await both(code, { customerAddress: 'ann' })).toMatchObject({ reason: 'customer_limit_reached' });
    expect(await both(code)).toMatchObject(EXHAUSTED);
    await repository.update(code.id, { totalUsageLimit: 1 });
    expect(await both(code)).toMatchObject({ reason: 'usage_limit_reached' });
  });

  it('is kept by a batch in the order of its requests', async () => {
    const code = await newCode({ ...percentage, maxTotalBonus: 10 });
    const capped = await newCode({ ...percentage, maxTotalBonus: 10, budgetOverrun: 'cap' });
    const ask = [6, 6, 4, 1, 0].flatMap((baseReward) => [code, capped].map((one) => request(one, { baseReward })));
    const results = await repository.redeemMany(ask);
    const bonuses = results.map((result) => (result.ok ? result.use.bonusAmount : result.reason));
    expect(bonuses.filter((_, place) => place % 2 === 0)).toEqual([
      ...['6.00', 'budget_exhausted', '4.00', 'budget_exhausted', '0.00'],
    ]);
    expect(bonuses.filter((_, place) => place % 2 === 1)).toEqual([
      ...['6.00', '4.00', 'budget_exhausted', 'budget_exhausted', '0.00'],
    ]);
  });

  it('given, changed and taken away is what a patch says', async () => {
    const code = await newCode();
    expect(code).toMatchObject({ maxTotalBonus: null, budgetOverrun: 'refuse' });
    const patch = { maxTotalBonus: '7.5', budgetOverrun: 'cap', minBaseReward: 0.3, metadata: { a: [1] } } as const;
    const changed = { maxTotalBonus: '7.50', budgetOverrun: 'cap', minBaseReward: '0.30', metadata: { a: [1] } };
    expect(await repository.update(code.id, { ...patch, customerAddress: ' Ann' })).toMatchObject({
      ...changed,
      customerAddress: 'ann',
    });
    const none = { maxTotalBonus: null, minBaseReward: null, customerAddress: null, metadata: null };
    expect(await repository.update(code.id, none)).toMatchObject(none);
  });
});

describe('races for the last of a budget', () => {
  it('one call waits for the other, and finds what that has left', async () => {
    const code = await newCode({ ...percentage, maxTotalBonus: 10 });
    for (const [end, expected] of [
      ['COMMIT', EXHAUSTED],
      ['ROLLBACK', { ok: true }],
    ] as const) {
      await repository.update(code.id, { maxTotalBonus: Number((await counts(code)).total) + 10 });
      const client = await t.client();
      await client.query('BEGIN');
      await repository.redeem(request(code, { baseReward: 6 }), { client });
      const second = repository.redeem(request(code, { baseReward: 5 }));
      await waitingRedemption(t);
      await client.query(end);
      expect(await second).toMatchObject(expected);
    }
  });

  it('so does a batch, and an amendment', async () => {
    const code = await newCode({ ...percentage, maxTotalBonus: 10, budgetOverrun: 'cap' });
    const use = await redeemed(code, { baseReward: 1 });
    const client = await t.client();
    await client.query('BEGIN');
    await repository.redeem(request(code, { baseReward: 5 }), { client });
    const batch = repository.redeemMany([request(code, { baseReward: 3 }), request(code, { baseReward: 3 })]);
    await waitingRedemption(t);
    await client.query('COMMIT');
    expect(await batch).toMatchObject([{ use: { bonusAmount: '3.00' } }, { use: { bonusAmount: '1.00' } }]);

    await repository.update(code.id, { maxTotalBonus: 12 });
    await client.query('BEGIN');
    await repository.redeem(request(code, { baseReward: 1 }), { client });
    const other = await t.client();
    const amended = repository.amendUse(use.id, { bonusAmount: 3 }, { client: other });
    amended.catch(() => undefined);
    await waitUntilBlocked(t.pool, other);
    await client.query('COMMIT');
    await expect(amended).rejects.toBeInstanceOf(BudgetExhaustedError);
    expect(await repository.amendUse(use.id, { bonusAmount: 2 })).toMatchObject({ bonusAmount: '2.00' });
    expect(await counts(code)).toMatchObject({ total: '12.00' });
  });

  it.each(['refuse', 'cap'] as const)('a flood from three pools ends it to the cent (%s)', async (budgetOverrun) => {
    const code = await newCode({ ...percentage, maxTotalBonus: '100.03', budgetOverrun });
    const repositories = [0, 1, 2].map(() => new PromoCodeRepository(t.poolWith(), { schema: t.schema }));
    const uses: string[] = [];
    await Promise.all(
      Array.from({ length: 240 }, async (_, caller) => {
        const asked = request(code, { baseReward: `${1 + (caller % 4)}.07` });
        const taken = caller % 5 === 0 ? { ...asked, ttlSeconds: 600 } : undefined;
        const one = repositories[caller % 3]!;
        const result = await (taken ? one.reserve(taken) : one.redeem(asked));
        if (!result.ok) return expect(result.reason).toBe('budget_exhausted');
        uses.push(result.use.bonusAmount);
        if (caller % 16 === 1) await one.rollbackUse(result.use.id);
      }),
    );
    const total = Number((await counts(code)).total);
    // What was given back at the end may be left.
    const rest = await repository.redeem(request(code, { baseReward: '1.07' }));
    if (budgetOverrun === 'cap') await repository.redeem(request(code, { baseReward: '100' }));
    const { total: last } = await counts(code);
    if (budgetOverrun === 'cap') expect(last).toBe('100.03');
    else if (!rest.ok) expect(total).toBeGreaterThan(100.03 - 1.07);
    expect(Number(last)).toBeLessThanOrEqual(100.03);
    expect(uses.length).toBeGreaterThan(20);
    expect(await checkDrift(t.pool, { schema: t.schema, promoCodeIds: [code.id] })).toEqual([]);
  });
});

const FROM_PROCESSES = 'a budget that ends in a flood from three processes';
describe.runIf(isIncluded(FROM_PROCESSES))(FROM_PROCESSES, () => {
  const cents = (amount: unknown) => Math.round(Number(amount) * 100);

  it.each(['refuse', 'cap'] as const)('is exact to the cent (%s)', async (budgetOverrun) => {
    const code = await newCode({ ...percentage, maxTotalBonus: '100.03', budgetOverrun });
    const asked = [0, 1, 2].map((place) =>
      Array.from({ length: 100 }, (_, n) => request(code, { baseReward: `${1 + ((n + place) % 4)}.07` })),
    );
    const children = await Promise.all(
      asked.map((requests) => {
        const settings = { url: t.url, schema: t.schema, requests } satisfies CallerSettings;
        return startProgram('tests/redemption/caller-process.ts', settings);
      }),
    );
    try {
      await Promise.all(children.map((child) => once(child, 'message')));
      const answers = children.map((child) => once(child, 'message'));
      for (const child of children) child.send('go');
      const all = (await Promise.all(answers)).flatMap(([bonuses]) => bonuses as string[]);
      expect(all).toHaveLength(300);
      const paid = all.filter((answer) => answer !== 'budget_exhausted').map(cents);
      const sum = paid.reduce((one, other) => one + other, 0);
      const { total, uses } = await counts(code);
      expect([uses, cents(total)]).toEqual([paid.length, sum]);
      // Nobody was refused whose bonus there was room for.
      const refused = asked.flat().filter((_, n) => all[n] === 'budget_exhausted');
      expect(refused.length).toBeGreaterThan(0);
      const left = 10_003 - sum;
      expect(left).toBeGreaterThanOrEqual(0);
      for (const { baseReward } of refused) expect(cents(baseReward)).toBeGreaterThan(left);
      if (budgetOverrun === 'cap') expect(left).toBe(0);
      expect(await checkDrift(t.pool, { schema: t.schema, promoCodeIds: [code.id] })).toEqual([]);
    } finally {
      for (const child of children) child.kill();
    }
  });
});

describe('bad input is refused before anything is written', () => {
  it.each([
    [{ maxTotalBonus: -1 }, 'maxTotalBonus'],
    [{ maxTotalBonus: '10.001' }, 'maxTotalBonus'],
    [{ maxTotalBonus: '1'.repeat(17) }, 'maxTotalBonus'],
    [{ maxTotalBonus: Number.NaN }, 'maxTotalBonus'],
    [{ budgetOverrun: 'CAP' }, 'budgetOverrun'],
    [{ minBaseReward: '-0.01' }, 'minBaseReward'],
    [{ minBaseReward: '0.001' }, 'minBaseReward'],
    [{ customerAddress: ' ' }, 'customerAddress'],
    [{ customerAddress: 'a\0b' }, 'customerAddress'],
    [{ metadata: { at: Number.POSITIVE_INFINITY } }, 'metadata'],
    [{ metadata: 'x'.repeat(100_001) }, 'metadata'],
    [{ metadata: { '\0': 1 } }, 'metadata'],
    [{ metadata: [1n] }, 'metadata'],
    [{ metadata: new Map() }, 'metadata'],
  ])('%s', async (fields, path) => {
    const wrong = { issues: [expect.objectContaining({ path })] };
    await expect(newCode(fields as object)).rejects.toMatchObject(wrong);
    await expect(repository.update(1, fields as object)).rejects.toMatchObject(wrong);
  });
});

describe('on the tables of a host', () => {
  const host = useRepository('budgets of a host', { tables: 'seed' });

  it.each([
    { maxTotalBonus: 10 },
    { budgetOverrun: 'cap' as const },
    { minBaseReward: 1 },
    { customerAddress: 'ann' },
    { metadata: {} },
  ])('without the column %s is refused, by name', async (fields) => {
    const [path] = Object.keys(fields);
    const refused = host.newCode(fields);
    await expect(refused).rejects.toBeInstanceOf(ValidationError);
    await expect(refused).rejects.toThrow(`${path}: must be left out: promo_codes has no column for it`);
  });
});

describe('where no counter has the total', () => {
  const host = useSchema('budgets summed');

  it('the budget is what the uses add up to, also after a wait', async () => {
    const { pool, schema } = host;
    await host.sql(SEED_TABLES);
    await host.sql('ALTER TABLE :"schema".promo_codes DROP total_bonus_issued, ADD max_total_bonus numeric(10,2)');
    await installTriggers(pool, { schema, tables: { codes: { columns: { totalBonusIssued: null } } } });
    const summed = new PromoCodeRepository(pool, { schema });
    const { id } = await summed.create({
      code: 'C',
      shopId: 's',
      bonusValue: 5,
      maxTotalBonus: 10,
      perCustomerLimit: null,
    });
    const ask = (bonusAmount: number) => ({
      code: 'C',
      shopId: 's',
      customerAddress: 'ann',
      baseReward: 1,
      bonusAmount,
    });
    const client = await host.client();
    await client.query('BEGIN');
    await summed.redeem(ask(6), { client });
    const second = summed.redeem(ask(5));
    await waitingRedemption(host);
    await client.query('COMMIT');
    expect(await second).toMatchObject(EXHAUSTED);
    expect(await summed.redeemMany([ask(5), ask(4), ask(1)])).toMatchObject([EXHAUSTED, { ok: true }, EXHAUSTED]);
    expect(await summed.findById(id)).toMatchObject({
      timesUsed: 2,
      totalBonusIssued: '10.00',
      maxTotalBonus: '10.00',
    });
  });
});

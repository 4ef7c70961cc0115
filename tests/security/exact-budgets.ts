import { expect } from 'vitest';
import type { PromoCode, PromoCodeRepository, RedeemInput } from '../../src/index';

interface Making {
  newCode(fields: object): Promise<PromoCode>;
  request(code: { code: string }, fields?: object): RedeemInput;
  customer(n: number): string;
  say(text: string): Promise<unknown>;
}

/** What codes with budgets, least rewards and customers of their own make the server do. */
export async function exerciseBudgets(
  repository: PromoCodeRepository,
  { newCode, request, customer, say }: Making,
): Promise<void> {
  const key = { rateLimitKey: '203.0.113.8' };
  const reasons = (results: readonly { ok: boolean }[]) =>
    results.map((result) => ('reason' in result ? result.reason : 'ok'));
  const code = await newCode({ maxTotalBonus: 20, minBaseReward: 5, metadata: { a: [1] }, perCustomerLimit: null });
  const first = await repository.redeem(request(code), key);
  const { customerAddress: _, ...anybody } = request(code);
  expect(await repository.redeem(request(code, { baseReward: 1 }), key)).toMatchObject({ reason: 'below_minimum' });
  const batch = [1, 2, 3, 4].map(() => request(code));
  expect(reasons(await repository.redeemMany(batch, key))).toEqual(['ok', 'ok', 'ok', 'budget_exhausted']);
  const preview = { code: anybody.code, shopId: anybody.shopId!, customerAddress: customer(3), baseReward: 10 };
  expect(await repository.validate(preview, key)).toMatchObject({ reason: 'budget_exhausted' });
  await expect(
    repository.amendUse(first.ok ? first.use.id : '', { bonusAmount: 6 }, { shopId: code.shopId }),
  ).rejects.toMatchObject({ code: 'BUDGET_EXHAUSTED' });
  await expect(say(`UPDATE :"uses" SET bonus_amount = 6 WHERE promo_code_id = ${code.id}`)).rejects.toMatchObject({
    code: 'PC009',
  });
  await repository.list({ state: 'used_up' });

  const capped = await newCode({ maxTotalBonus: 9, budgetOverrun: 'cap' });
  const cut = await repository.redeemMany([request(capped), request(capped), request(capped)], key);
  expect(reasons(cut)).toEqual(['ok', 'ok', 'budget_exhausted']);

  // Holds that give way, to the same customer and when they are due.
  const held = await newCode({ maxTotalBonus: 5, perCustomerLimit: null });
  const asked = request(held);
  await repository.reserve({ ...asked, ttlSeconds: 60 }, key);
  expect(await repository.redeem(asked, key)).toMatchObject({ ok: true });
  await repository.update(held.id, { maxTotalBonus: 10 });
  await repository.reserve({ ...request(held), ttlSeconds: 60 }, key);
  await say(`UPDATE :"library".promo_code_holds SET expires_at = '-infinity' WHERE released_at IS NULL`);
  await repository.list({ state: 'redeemable' });
  expect(await repository.redeem(request(held), key)).toMatchObject({ ok: true });

  const bound = await newCode({ customerAddress: customer(5) });
  expect(await repository.redeem(request(bound, { customerAddress: customer(6) }), key)).toMatchObject({
    reason: 'not_for_customer',
  });
  expect(await repository.redeem(request(bound, { customerAddress: customer(5) }), key)).toMatchObject({ ok: true });
  await repository.update(bound.id, { customerAddress: customer(6), metadata: {}, budgetOverrun: 'cap' });
  const { shopId } = bound;
  expect(await repository.generate({ shopId, bonusValue: 5, customers: [customer(7)] })).toHaveLength(1);
}

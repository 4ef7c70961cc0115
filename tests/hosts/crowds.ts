import { describe, expect, it } from 'vitest';
import { PromoCodeRepository, type RedeemResult } from '../../src/index';
import { type HostUnderTest, redeemed } from './fixture';
import type { HostRequest } from './host';

/** Many redemptions in one call, and many callers at once. */
export function describeCrowds(h: HostUnderTest): void {
  const { repository, hand } = h;
  /** Another process, and one that shares no statements. */
  const others = [
    repository,
    new PromoCodeRepository(h.pool, h.where),
    new PromoCodeRepository(h.pool, { ...h.where, batching: false }),
  ];
  const atOnce = (count: number, request: () => HostRequest) =>
    Promise.all(Array.from({ length: count }, (_, index) => others[index % others.length]!.redeem(request())));
  const outcomes = (results: RedeemResult[]) => results.map((result) => (result.ok ? 'redeemed' : result.reason));
  const count = (results: RedeemResult[], outcome: string) => outcomes(results).filter((one) => one === outcome).length;

  describe('many at once', () => {
    it('are all recorded, each with an id of its own', async () => {
      const code = await h.newCode();
      const results = (await atOnce(20, () => h.request(code))).map(redeemed);
      expect(new Set(results.map(({ use }) => use.id)).size).toBe(20);
      await h.expectCounts(code, 20);
    });

    it('keep the limit of a code, exactly', async () => {
      const code = await h.newCode({ totalUsageLimit: 7 });
      const results = await atOnce(30, () => h.request(code));
      expect([count(results, 'redeemed'), count(results, 'usage_limit_reached')]).toEqual([7, 23]);
      await h.expectCounts(code, 7);
    });

    it('keep the limit of a customer, exactly', async () => {
      const code = await h.newCode({ perCustomerLimit: 3 });
      const customerAddress = h.newCustomer();
      const results = await atOnce(30, () => h.request(code, { customerAddress }));
      expect([count(results, 'redeemed'), count(results, 'customer_limit_reached')]).toEqual([3, 27]);
      await h.expectCounts(code, 3);
    });
  });

  describe('many in one call', () => {
    it('are answered in their order, and refusals undo nothing', async () => {
      const code = await h.newCode({ totalUsageLimit: 3 });
      const closed = await h.newCode({ isActive: false });
      const ann = h.newCustomer();
      const keyed = h.request(code, { idempotencyKey: h.newName() });
      const results = await repository.redeemMany([
        h.request(code, { customerAddress: ann }),
        h.request(code, { customerAddress: ann }),
        h.request(closed),
        keyed,
        h.request({ code: 'NO SUCH CODE' }),
        h.request(code),
        h.request(code),
        keyed,
      ]);
      expect(outcomes(results)).toEqual([
        ...['redeemed', 'customer_limit_reached', 'inactive', 'redeemed', 'not_found', 'redeemed'],
        ...['usage_limit_reached', 'redeemed'],
      ]);
      expect(results[7]).toEqual({ ...results[3], replayed: true });
      await h.expectCounts(code, 3);
      await h.expectCounts(closed, 0);
    });

    it('of several codes are one transaction', async () => {
      const codes = await Promise.all([h.newCode(), h.newCode(), h.newCode()]);
      const requests = Array.from({ length: 30 }, (_, index) => h.request(codes[index % 3]!));
      const conflict = h.request(codes[0]!, { idempotencyKey: h.newName() });
      await repository.redeem(conflict);
      const faulty = [...requests, { ...conflict, baseReward: '99.00' }];
      await expect(repository.redeemMany(faulty)).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
      await h.expectCounts(codes[1]!, 0);
      const made = (await repository.redeemMany(requests)).map(redeemed);
      expect(await hand.rowOf(made[29]!.use.id)).toBeDefined();
      await h.expectCounts(codes[0]!, 11);
      await h.expectCounts(codes[1]!, 10);
    });
  });
}

import { describe, expect, it } from 'vitest';
import type { PromoCodeUse } from '../../src/index';
import { everyItem } from './codes';
import type { HostUnderTest } from './fixture';

/** Pages of uses, and figures of a code. */
export function describeReading(h: HostUnderTest): void {
  const { repository, hand, host, has } = h;
  const ids = (items: { id: string }[]) => items.map(({ id }) => id).sort();

  describe('uses', () => {
    it('of a code are all there once, over pages, the newest first', async () => {
      const code = await h.newCode({ perCustomerLimit: null });
      const made: PromoCodeUse[] = [];
      for (let index = 0; index < 4; index += 1) made.push((await h.redeem(code)).use);
      // Of the same moment, so that the time alone puts them in no order.
      const byHand = await hand.insertUses(...[1, 2, 3].map(() => ({ code: code.id, customer: h.newCustomer() })));
      const all = await everyItem((cursor) => repository.usesByCode(code.id, { limit: 2, cursor }));
      expect(ids(all)).toEqual([...ids(made), ...byHand].sort());
      const times = all.map(({ usedAt }) => usedAt.getTime());
      expect(times).toEqual([...times].sort((a, b) => b - a));
      expect(all.find(({ id }) => id === made[1]!.id)).toEqual(made[1]);
    });

    it('of a customer are all there once, over pages', async () => {
      const customerAddress = h.newCustomer();
      const made = [];
      for (let index = 0; index < 3; index += 1) {
        made.push((await h.redeem(await h.newCode(), { customerAddress })).use);
      }
      await h.redeem(await h.newCode());
      const filter = { limit: 2, ...(has.shops && h.shop) };
      const all = await everyItem((cursor) => repository.usesByCustomer(customerAddress, { ...filter, cursor }));
      expect(ids(all)).toEqual(ids(made));
      if (has.shops) {
        const { items } = await repository.usesByCustomer(customerAddress, { shopId: '99' });
        expect(items).toEqual([]);
      }
    });

    it('are added up, without those that were taken back', async () => {
      const code = await h.newCode({ perCustomerLimit: null });
      const customerAddress = h.newCustomer();
      await h.redeem(code, { customerAddress });
      await h.redeem(code, { customerAddress });
      await h.redeem(code);
      await repository.rollbackUse((await h.redeem(code)).use.id);
      const stats = await repository.usageStats(code.id, { days: 3, ...zone });
      expect(stats).toMatchObject({ totalUses: 3, distinctCustomers: 2 });
      expect(stats.perDay).toHaveLength(3);
      expect(stats.perDay.reduce((sum, { uses }) => sum + uses, 0)).toBe(3);
      if (has.amounts) expect(stats).toMatchObject({ totalBonus: '15.00', averageBonus: '5.00' });
      const unknown = repository.usageStats(host.unknownIds?.code ?? '999999999');
      await expect(unknown).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });
  });

  const zone = host.options?.timeZone === undefined ? {} : { timeZone: host.options.timeZone };
}

import { describe, expect, it } from 'vitest';
import { assertNoDrift, checkDrift, type DriftRecord, repairDrift, scrubDrift, streamDrift } from '../../src/index';
import type { HostUnderTest } from './fixture';
import { rolledBackOf } from './host';

/** What the host writes by itself is counted; what was written past the triggers is found and repaired. */
export function describeCounting(h: HostUnderTest): void {
  const { hand, host, has } = h;

  describe('hand-written statements', () => {
    it('that insert and delete are counted, one row and many', async () => {
      const [one, other] = [await h.newCode(), await h.newCode()];
      const use = (code: { id: string }, bonus: string) => ({ code: code.id, customer: h.newCustomer(), bonus });
      const [first] = await hand.insertUses(use(one, '1.25'));
      await hand.insertUses(use(one, '2.00'), use(other, '3.50'), use(one, '0.01'));
      await h.expectCounts(one, 3, '3.26');
      await h.expectCounts(other, 1, '3.50');
      await hand.deleteUse(first!);
      await h.expectCounts(one, 2, '2.01');
      await h.sql(`DELETE FROM ${hand.uses} WHERE ${hand.use('promoCodeId')}::text = ANY ($1)`, [[one.id, other.id]]);
      await h.expectCounts(one, 0);
      await h.expectCounts(other, 0);
    });

    it('that change a use are counted: its code, its time, its bonus', async () => {
      const [one, other] = [await h.newCode(), await h.newCode()];
      const [use] = await hand.insertUses({ code: one.id, customer: h.newCustomer() });
      await hand.moveUse(use!, other.id);
      await h.expectCounts(one, 0);
      await h.expectCounts(other, 1);
      await hand.setUse(use!, 'usedAt', `'2019-06-01 12:00'`);
      await h.expectCounts(other, 1);
      if (!has.amounts) return;
      await hand.setUse(use!, 'bonusAmount', '0.75');
      await h.expectCounts(other, 1, '0.75');
    });

    it.runIf(rolledBackOf(host))('that take a use back and bring it back are counted', async () => {
      const code = await h.newCode({ totalUsageLimit: 1 });
      const { use } = await h.redeem(code);
      await hand.takeBack(use.id);
      await h.expectCounts(code, 0);
      expect(await h.repository.rollbackUse(use.id)).toEqual({ rolledBack: false });
      await hand.bringBack(use.id);
      await h.expectCounts(code, 1);
      expect(await h.repository.redeem(h.request(code))).toMatchObject({ reason: 'usage_limit_reached' });
      await hand.takeBack(use.id);
      if (has.amounts) await hand.setUse(use.id, 'bonusAmount', '8.00');
      await hand.deleteUse(use.id);
      await h.expectCounts(code, 0);
    });

    it('that write the counters are ignored', async () => {
      const code = await h.newCode();
      await h.redeem(code);
      if (has.count) await hand.setCode(code.id, 'timesUsed', '40');
      if (has.sum) await hand.setCode(code.id, 'totalBonusIssued', '40');
      await h.expectCounts(code, 1);
    });

    it('that delete a code take its uses along', async () => {
      const code = await h.newCode();
      const { use } = await h.redeem(code);
      await h.sql(`DELETE FROM ${hand.codes} WHERE ${hand.code('id')}::text = $1`, [code.id]);
      expect(await hand.rowOf(use.id)).toBeUndefined();
    });

    it('that empty the table are counted', async () => {
      const code = await h.newCode();
      await h.redeem(code);
      await h.sql(`TRUNCATE ${hand.uses}`);
      await h.expectCounts(code, 0);
    });
  });

  it('drift is found with its figures, and repaired', async () => {
    const codes = [await h.newCode({ perCustomerLimit: null }), await h.newCode()];
    const [code] = codes as [(typeof codes)[number]];
    for (const one of [...codes, code]) await h.redeem(one);
    const { use } = await h.redeem(code);
    await hand.unguarded(`DELETE FROM ${hand.uses} WHERE ${hand.use('id')}::text = '${use.id}'`);
    const record = {
      promoCodeId: code.id,
      code: code.code,
      timesUsed: has.count ? 3 : null,
      actualUses: 2,
      totalBonusIssued: has.sum ? '15.00' : null,
      actualBonus: has.amounts ? '10.00' : expect.stringMatching(/^0(\.0+)?$/),
      ...h.shop,
    };
    expect(await checkDrift(h.pool, h.where)).toMatchObject([record]);
    expect(await checkDrift(h.pool, { ...h.where, promoCodeIds: [codes[1]!.id] })).toEqual([]);
    const streamed: DriftRecord[] = [];
    for await (const one of streamDrift(h.pool, { ...h.where, batchSize: 2 })) streamed.push(one);
    expect(streamed).toEqual(await checkDrift(h.pool, h.where));
    const scrubbed = await scrubDrift(h.pool, h.where);
    expect(scrubbed).toMatchObject({ drifted: streamed, oldestCheck: expect.any(Date) });
    expect(scrubbed.checked).toBeGreaterThan(1);
    await expect(assertNoDrift(h.pool, h.where)).rejects.toMatchObject({ code: 'DRIFT' });
    expect(await repairDrift(h.pool, { ...h.where, dryRun: true })).toMatchObject([record]);
    expect(await repairDrift(h.pool, h.where)).toMatchObject([record]);
    await h.expectCounts(code, 2);
    await assertNoDrift(h.pool, h.where);
  });
}

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assertNoDrift, type PromoCode } from '../../src/index';
import { isWhole } from '../support';
import type { HostUnderTest } from './fixture';
import { rolledBackOf } from './host';

const CODES = 3;
const RUNS = isWhole ? 15 : 6;
const MOST_STEPS = 15;

type Kind = 'redeem' | 'rollback' | 'insert' | 'amend' | 'move' | 'delete' | 'takeBack' | 'bringBack';
interface Step {
  kind: Kind;
  code: number;
  pick: number;
  bonus: string;
  rows: number;
}

/** A use as the host has it. */
interface Kept {
  code: number;
  cents: number;
  isCounted: boolean;
}

/** Calls and hand-written statements in any order. */
export function describeProperty(h: HostUnderTest): void {
  const { hand, host, has, repository } = h;
  const kept = rolledBackOf(host);
  const kinds: Kind[] = [
    ...(['redeem', 'redeem', 'rollback', 'insert', 'insert', 'move', 'delete'] as const),
    ...(has.amounts ? (['amend'] as const) : []),
    ...(kept ? (['takeBack', 'takeBack', 'bringBack'] as const) : []),
  ];
  const step: fc.Arbitrary<Step> = fc.record({
    kind: fc.constantFrom(...kinds),
    code: fc.nat(CODES - 1),
    pick: fc.nat(),
    bonus: fc.constantFrom('0.00', '0.01', '2.50', '999.99'),
    rows: fc.integer({ min: 1, max: 3 }),
  });

  const cents = (amount: string) => Math.round(Number(amount) * 100);

  async function perform(next: Step, codes: PromoCode[], uses: Map<string, Kept>): Promise<void> {
    const { kind, bonus } = next;
    const code = codes[next.code]!;
    const add = (id: string) => uses.set(id, { code: next.code, cents: cents(bonus), isCounted: true });
    if (kind === 'redeem') {
      add((await h.redeem(code, { ...(has.amounts && { bonusAmount: bonus }) })).use.id);
      return;
    }
    if (kind === 'insert') {
      const rows = Array.from({ length: next.rows }, () => ({ code: code.id, customer: h.newCustomer(), bonus }));
      for (const id of await hand.insertUses(...rows)) add(id);
      return;
    }
    const [id, use] = [...uses][next.pick % Math.max(uses.size, 1)] ?? [];
    if (id === undefined || use === undefined) return;
    switch (kind) {
      case 'rollback':
        expect(await repository.rollbackUse(id)).toEqual({ rolledBack: use.isCounted });
        use.isCounted = false;
        if (!kept) uses.delete(id);
        return;
      case 'amend':
        await hand.setUse(id, 'bonusAmount', bonus);
        use.cents = cents(bonus);
        return;
      case 'move':
        await hand.moveUse(id, code.id);
        use.code = next.code;
        return;
      case 'delete':
        await hand.deleteUse(id);
        uses.delete(id);
        return;
      case 'takeBack':
        await hand.takeBack(id);
        use.isCounted = false;
        return;
      case 'bringBack':
        await hand.bringBack(id);
        use.isCounted = true;
    }
  }

  describe('any order of calls and statements', () => {
    it('leaves the counters that the uses come to, after each', { timeout: 60_000 }, async () => {
      const play = async (steps: Step[]) => {
        const codes: PromoCode[] = [];
        for (let index = 0; index < CODES; index += 1) codes.push(await h.newCode({ perCustomerLimit: null }));
        const uses = new Map<string, Kept>();
        for (const next of steps) {
          await perform(next, codes, uses);
          const tallies = await hand.tallies();
          for (const [index, code] of codes.entries()) {
            const counted = [...uses.values()].filter((use) => use.code === index && use.isCounted);
            const total = (counted.reduce((sum, use) => sum + use.cents, 0) / 100).toFixed(2);
            expect(tallies.get(code.id)).toEqual({
              uses: counted.length,
              total: has.amounts ? total : '0.00',
              timesUsed: has.count ? counted.length : null,
              totalBonusIssued: has.sum ? total : null,
            });
          }
        }
        await assertNoDrift(h.pool, h.where);
      };
      const steps = fc.array(step, { minLength: 1, maxLength: MOST_STEPS });
      await fc.assert(fc.asyncProperty(steps, play), { numRuns: RUNS });
    });
  });
}

import { describe, expect, it } from 'vitest';
import { type CreateInput, PromoCodeRepository, type RefusalReason } from '../../src/index';
import { intercepted } from '../support/intercepted';
import { type HostUnderTest, redeemed } from './fixture';
import { type HostRequest, rolledBackOf } from './host';

/** What makes a code refuse: fields that it is created with, and a column that is written by hand. */
const REFUSALS: [RefusalReason, Partial<CreateInput>, ((h: HostUnderTest, id: string) => Promise<unknown>)?][] = [
  ['inactive', { isActive: false }],
  [
    'not_started',
    {},
    async (h, id) => {
      await h.hand.setCode(id, 'endDate', "now() + interval '9 days'");
      await h.hand.setCode(id, 'startDate', "now() + interval '2 days'");
    },
  ],
  [
    'expired',
    {},
    async (h, id) => {
      await h.hand.setCode(id, 'startDate', "now() - interval '9 days'");
      await h.hand.setCode(id, 'endDate', "now() - interval '2 days'");
    },
  ],
  [
    'usage_limit_reached',
    { totalUsageLimit: 1 },
    (h, id) => h.hand.insertUses({ code: id, customer: h.newCustomer() }),
  ],
];

/** Single redemptions, their refusals, keys and rollbacks. */
export function describeRedeeming(h: HostUnderTest): void {
  const { repository, hand, host, has } = h;
  const unknown = host.unknownIds?.use ?? '999999999';
  const isExact = host.options?.customerMatching === 'exact';

  describe('a redemption', () => {
    it('is recorded with what was asked, and counted', async () => {
      const code = await h.newCode();
      const transactionId = h.newTransaction();
      const request = h.request(code, { transactionId });
      const { use, replayed } = redeemed(await repository.redeem(request));
      expect(replayed).toBe(false);
      expect(use).toMatchObject({ promoCodeId: code.id, customerAddress: stored(request.customerAddress), ...h.shop });
      if (has.transactions) expect(use.transactionId).toBe(transactionId);
      if (has.amounts) expect(use).toMatchObject({ baseReward: '10.00', bonusAmount: '5.00', totalReward: '15.00' });
      // A wrong time zone is off by hours, a slow machine is not.
      expect(Math.abs(use.usedAt.getTime() - Date.now())).toBeLessThan(600_000);
      expect(await hand.rowOf(use.id)).toMatchObject({
        ...(host.useColumns && Object.fromEntries(Object.entries(host.useColumns).map(([k, v]) => [k, String(v)]))),
      });
      await h.expectCounts(code, 1);
    });

    it.each(REFUSALS)('is refused, and so is its preview: %s', async (reason, fields, prepare) => {
      const code = await h.newCode(fields);
      await prepare?.(h, code.id);
      await expectRefusal(h.request(code), reason);
    });

    it('is refused, and so is its preview: not_found, customer_limit_reached', async () => {
      await expectRefusal(h.request({ code: 'NO SUCH CODE' }), 'not_found');
      const code = await h.newCode();
      const { use } = await h.redeem(code);
      await expectRefusal(h.request(code, { customerAddress: use.customerAddress }), 'customer_limit_reached');
    });

    it.runIf(host.otherBonusType)('is refused for a type of bonus that the host has not described', async () => {
      const code = await h.newCode();
      await hand.setCode(code.id, 'bonusType', `'${host.otherBonusType}'`);
      expect(await repository.findById(code.id)).toMatchObject({ bonusType: host.otherBonusType });
      await expectRefusal(h.request(code), 'unsupported_bonus_type');
      await h.redeem(code, { bonusAmount: '1.25' });
      await h.expectCounts(code, 1, '1.25');
    });

    it('is what its preview says', async () => {
      const code = await h.newCode({ totalUsageLimit: 1 });
      const request = h.request(code);
      const preview = await repository.validate(previewOf(request));
      expect(preview).toMatchObject({ valid: true, promoCode: { id: code.id } });
      // The first goes alone, the others share a statement.
      const others = [1, 2, 3, 4].map(() => repository.validate(previewOf(request)));
      for (const other of await Promise.all(others)) expect(other).toEqual(preview);
      const { use } = redeemed(await repository.redeem(request));
      if (has.amounts) expect(preview).toMatchObject({ bonusAmount: use.bonusAmount });
    });

    it.runIf(has.percentages)('pays a percentage, rounded once and capped', async () => {
      const fields = {
        bonusType: 'percentage',
        bonusValue: '15.15',
        maxBonus: '9.00',
        perCustomerLimit: null,
      } as const;
      const code = await h.newCode(fields);
      expect(code).toMatchObject({ bonusType: 'percentage', bonusValue: '15.15', maxBonus: '9.00' });
      expect((await h.redeem(code, { baseReward: '33.33' })).use.bonusAmount).toBe('5.05');
      expect((await h.redeem(code, { baseReward: '1000' })).use.bonusAmount).toBe('9.00');
      await h.expectCounts(code, 2, '14.05');
    });

    it.runIf(host.customer === undefined || isExact)('knows its customer by the rule of the host', async () => {
      const code = await h.newCode({ perCustomerLimit: 1 });
      const name = `Cus-${h.newCustomer()}`;
      const { use } = await h.redeem(code, { customerAddress: name });
      expect(use.customerAddress).toBe(isExact ? name : name.toLowerCase());
      expect(await repository.redeem(h.request(code, { customerAddress: name }))).toMatchObject({ ok: false });
      const other = await repository.redeem(h.request(code, { customerAddress: name.toUpperCase() }));
      expect(other.ok ? 'another customer' : other.reason).toBe(
        isExact ? 'another customer' : 'customer_limit_reached',
      );
      const { items } = await repository.usesByCustomer(name);
      expect(items.map(({ id }) => id)).toEqual([use.id]);
    });

    it.runIf(host.useColumns)('without a column that the host needs is a fault that names it', async () => {
      const code = await h.newCode();
      const { columns: _columns, ...without } = h.request(code);
      await expect(repository.redeem(without)).rejects.toMatchObject({
        code: 'VALIDATION',
        issues: Object.keys(host.useColumns!).map((name) => ({ path: `columns.${name}` })),
      });
      await h.expectCounts(code, 0);
    });

    it("in the host's transaction goes with it", async () => {
      const code = await h.newCode();
      const client = await h.client();
      await client.query('BEGIN');
      const { use } = redeemed(await repository.redeem(h.request(code), { client }));
      await client.query('ROLLBACK');
      expect(await hand.rowOf(use.id)).toBeUndefined();
      await h.expectCounts(code, 0);
    });

    it('whose answer was lost is made once, and answered', async () => {
      const code = await h.newCode({ perCustomerLimit: null });
      let isLost = false;
      const pool = intercepted(h.pool, async (text, values, send) => {
        const answer = await send(text, values);
        if (isLost || (await hand.tallies()).get(code.id)?.uses !== 1) return answer;
        isLost = true;
        throw Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' });
      });
      const { use, replayed } = redeemed(await new PromoCodeRepository(pool, h.where).redeem(h.request(code)));
      expect({ isLost, replayed }).toEqual({ isLost: true, replayed: false });
      expect(await hand.rowOf(use.id)).toBeDefined();
      await h.expectCounts(code, 1);
    });
  });

  describe('a key', () => {
    it('gives the same use, from any process, and to as many as ask at once', async () => {
      const code = await h.newCode();
      const request = h.request(code, { idempotencyKey: h.newName(), transactionId: h.newTransaction() });
      const other = new PromoCodeRepository(h.pool, h.where);
      const callers = Array.from({ length: 10 }, (_, index) => (index % 2 ? other : repository).redeem(request));
      const answers = (await Promise.all(callers)).map(redeemed);
      expect(new Set(answers.map(({ use }) => use.id)).size).toBe(1);
      expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
      expect(await other.redeem(request)).toEqual({ ok: true, use: answers[0]!.use, replayed: true });
      await h.expectCounts(code, 1);
    });

    it('refuses other parameters', async () => {
      const code = await h.newCode();
      const request = h.request(code, { idempotencyKey: h.newName() });
      await repository.redeem(request);
      const conflict = { code: 'IDEMPOTENCY_CONFLICT' };
      const others = [
        { customerAddress: h.newCustomer() },
        { baseReward: '11.00' },
        { code: (await h.newCode()).code },
      ];
      for (const other of others) {
        await expect(repository.redeem({ ...request, ...other })).rejects.toMatchObject(conflict);
      }
      await h.expectCounts(code, 1);
    });

    it('of a use that was rolled back says so', async () => {
      const code = await h.newCode({ perCustomerLimit: null });
      const request = h.request(code, { idempotencyKey: h.newName() });
      const { use } = redeemed(await repository.redeem(request));
      await repository.rollbackUse(use.id);
      expect(await repository.redeem(request)).toMatchObject({ ok: false, reason: 'rolled_back' });
      await h.expectCounts(code, 0);
    });

    it('of a use that the host took back by itself says so, until it is brought back', async () => {
      const code = await h.newCode();
      const request = h.request(code, { idempotencyKey: h.newName() });
      const { use } = redeemed(await repository.redeem(request));
      await (rolledBackOf(host) ? hand.takeBack : hand.deleteUse)(use.id);
      expect(await repository.redeem(request)).toMatchObject({ ok: false, reason: 'rolled_back' });
      await h.expectCounts(code, 0);
      if (!rolledBackOf(host)) return;
      await hand.bringBack(use.id);
      expect(await repository.redeem(request)).toEqual({ ok: true, use, replayed: true });
      await h.expectCounts(code, 1);
    });
  });

  describe('a use', () => {
    it('is rolled back once, and the counters follow', async () => {
      const code = await h.newCode({ totalUsageLimit: 1 });
      const { use } = await h.redeem(code);
      expect(await repository.rollbackUse(use.id)).toEqual({ rolledBack: true });
      await h.expectCounts(code, 0);
      expect(await repository.rollbackUse(use.id)).toEqual({ rolledBack: false });
      expect(await repository.rollbackUse(unknown)).toEqual({ rolledBack: false });
      await expect(repository.amendUse(use.id, {})).rejects.toMatchObject({ code: 'NOT_FOUND' });
      expect((await repository.usesByCode(code.id)).items).toEqual([]);
      expect((await repository.usesByCustomer(use.customerAddress)).items).toEqual([]);
      await expectTakenBack(use.id);
      await h.redeem(code, { customerAddress: use.customerAddress });
      await h.expectCounts(code, 1);
    });

    it.runIf(has.amounts)('is amended, and the counters follow', async () => {
      const code = await h.newCode();
      const { use } = await h.redeem(code);
      const transactionId = h.newTransaction() ?? null;
      const changes = { baseReward: '30.00', bonusAmount: '4.55', ...(has.transactions && { transactionId }) };
      const amended = await repository.amendUse(use.id, changes);
      expect(amended).toEqual({ ...use, ...changes, totalReward: '34.55' });
      await h.expectCounts(code, 1, '4.55');
      await expect(repository.amendUse(unknown, { bonusAmount: '1' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });
  });

  function stored(customer: unknown): string {
    return isExact ? String(customer) : String(customer).toLowerCase();
  }

  async function expectRefusal(request: HostRequest, reason: RefusalReason): Promise<void> {
    const before = await hand.tallies();
    expect(await repository.validate(previewOf(request))).toMatchObject({ valid: false, reason });
    expect(await repository.redeem(request)).toMatchObject({ ok: false, reason });
    expect(await hand.tallies()).toEqual(before);
  }

  /** The row is gone, or kept and marked. */
  async function expectTakenBack(id: string): Promise<void> {
    const row = await hand.rowOf(id);
    const kept = rolledBackOf(host);
    if (!kept) return expect(row).toBeUndefined();
    expect(row?.[kept.column]).toEqual(kept.counts ? kept.value : expect.stringMatching(/^\d{4}-/));
  }
}

/** A preview takes no purchase, no key and no columns. */
function previewOf({ transactionId: _tx, idempotencyKey: _key, columns: _columns, ...preview }: HostRequest) {
  return preview;
}

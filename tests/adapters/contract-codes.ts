import { expect, it } from 'vitest';
import { type Contract, undone } from './contract';

/** Codes and what is read of them, page by page. */
export function codesContract(contract: Contract): void {
  const { t, transaction } = contract;
  const { repository, newCode, request } = t;

  it('codes are created, found, changed and deleted', async () => {
    const startDate = new Date('2020-01-02T03:04:05.678Z');
    await undone(contract, async ({ client }) => {
      const options = { client };
      const fields = { shopId: 'shop of codes', bonusValue: '7.5', startDate, totalUsageLimit: 9_999 };
      const code = await repository.create({ ...fields, code: 'In Tx ?', name: 'what? $1' }, options);
      expect(code).toMatchObject({
        id: expect.stringMatching(/^\d+$/),
        bonusValue: '7.50',
        startDate,
        timesUsed: 0,
        totalBonusIssued: '0.00',
        totalUsageLimit: 9_999,
        perCustomerLimit: 1,
        isActive: true,
        name: 'what? $1',
        createdAt: expect.any(Date),
      });
      expect(await repository.findById(code.id)).toBeNull();
      expect(await repository.findById(code.id, options)).toEqual(code);
      expect(await repository.findByCode('in tx ?', 'shop of codes', options)).toEqual(code);
      expect(await repository.ensure({ ...fields, code: 'IN TX ?' }, options)).toMatchObject({ id: code.id });
      const patch = { name: null, endDate: new Date('2100-01-01T00:00:00Z'), perCustomerLimit: null };
      expect(await repository.update(code.id, patch, options)).toMatchObject(patch);
      expect(await repository.deactivate(code.id, options)).toMatchObject({ isActive: false });
      expect(await repository.activate(code.id, options)).toMatchObject({ isActive: true });
      const asked = request(code);
      expect(await repository.validate(asked, options)).toMatchObject({ valid: true, bonusAmount: '7.50' });
      expect(await repository.validate({ ...asked, code: 'NONE' }, options)).toMatchObject({ reason: 'not_found' });
      await repository.redeem(asked, options);
      expect(await repository.usageStats(code.id, { days: 2 }, options)).toMatchObject({
        totalUses: 1,
        totalBonus: '7.50',
        distinctCustomers: 1,
        perDay: [{ uses: 0 }, { uses: 1, bonus: '7.50' }],
      });
      expect(await repository.delete(code.id, options)).toMatchObject({ id: code.id });
      await expect(repository.delete(code.id, options)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });
  });

  it('a code that exists is a DuplicateCodeError, and the transaction goes on', async () => {
    const { code, shopId } = await newCode();
    await transaction(async ({ client, run }) => {
      await expect(repository.create({ code, shopId, bonusValue: 1 }, { client })).rejects.toMatchObject({
        code: 'DUPLICATE_CODE',
      });
      await run('SELECT 1');
    });
  });

  it('codes and uses come page by page', async () => {
    const shopId = 'shop of pages';
    await undone(contract, async ({ client }) => {
      const codes = await repository.generate(
        { shopId, count: 5, bonusValue: '1', perCustomerLimit: null },
        { client },
      );
      expect(new Set(codes.map(({ code }) => code)).size).toBe(5);
      const listed: string[] = [];
      for (let cursor: string | undefined | null; cursor !== null; ) {
        const page = await repository.list({ shopId, limit: 2, ...(cursor && { cursor }) }, { client });
        listed.push(...page.items.map(({ id }) => id));
        cursor = page.nextCursor;
      }
      expect(listed.toSorted()).toEqual(codes.map(({ id }) => id).toSorted());
      const customerAddress = 'customer of pages';
      const asked = { ...request(codes[0]!), customerAddress };
      await repository.redeemMany([asked, asked, asked], { client });
      for (const read of [
        (cursor?: string) =>
          repository.usesByCustomer(customerAddress, { limit: 2, ...(cursor && { cursor }) }, { client }),
        (cursor?: string) => repository.usesByCode(codes[0]!.id, { limit: 2, ...(cursor && { cursor }) }, { client }),
      ]) {
        const first = await read();
        const second = await read(first.nextCursor!);
        expect([first.items.length, second.items.length, second.nextCursor]).toEqual([2, 1, null]);
        expect(new Set([...first.items, ...second.items].map(({ id }) => id)).size).toBe(3);
        expect(first.items[0]).toMatchObject({ bonusAmount: '1.00', baseReward: '10.00', usedAt: expect.any(Date) });
      }
      for (const orderBy of ['timesUsed', 'totalBonusIssued', 'endDate'] as const) {
        const { items } = await repository.list(
          { shopId, orderBy, state: 'redeemable', search: codes[0]!.code },
          { client },
        );
        expect(items).toMatchObject([{ id: codes[0]!.id, timesUsed: 3, totalBonusIssued: '3.00' }]);
      }
    });
  });
}

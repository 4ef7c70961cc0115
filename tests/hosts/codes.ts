import { describe, expect, it } from 'vitest';
import type { Page } from '../../src/index';
import type { HostUnderTest } from './fixture';

/** All items of a list, page by page. */
export async function everyItem<Item>(next: (cursor: string | null) => Promise<Page<Item>>): Promise<Item[]> {
  const all: Item[] = [];
  let cursor: string | null = null;
  do {
    const page: Page<Item> = await next(cursor);
    all.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return all;
}

/** Codes are created, found, listed and changed. */
export function describeCodes(h: HostUnderTest): void {
  const { repository, hand, host, has } = h;
  const unknown = host.unknownIds?.code ?? '999999999';
  const ids = (items: { id: string }[]) => items.map(({ id }) => id).sort();
  const template = { ...h.shop, bonusValue: '5.00', ...(host.codeColumns && { columns: host.codeColumns }) };

  describe('codes', () => {
    it('are found as they were created, by id and by name', async () => {
      const fields = { bonusValue: '7.50', totalUsageLimit: 9, perCustomerLimit: null, isActive: true };
      const code = await h.newCode(fields);
      expect(code).toMatchObject({ ...fields, bonusType: 'fixed', ...h.shop });
      if (has.count) expect(code.timesUsed).toBe(0);
      if (has.sum) expect(code.totalBonusIssued).toBe('0.00');
      expect(await repository.findById(code.id)).toEqual(code);
      expect(await repository.findByCode(` ${code.code.toLowerCase()} `, h.shop.shopId)).toEqual(code);
      expect([...(await hand.tallies()).keys()]).toContain(code.id);
      await h.redeem(code);
      const used = await repository.findById(code.id);
      if (has.count) expect(used?.timesUsed).toBe(1);
      if (has.sum) expect(used?.totalBonusIssued).toBe('7.50');
    });

    it('that nobody has are null, or not found', async () => {
      expect(await repository.findById(unknown)).toBeNull();
      expect(await repository.findByCode('NO SUCH CODE', h.shop.shopId)).toBeNull();
      await expect(repository.update(unknown, { totalUsageLimit: 1 })).rejects.toMatchObject({ code: 'NOT_FOUND' });
      await expect(repository.delete(unknown)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    });

    it('are not created twice, and ensured once', async () => {
      const name = h.newName();
      const [one, other] = await Promise.all([0, 1].map(() => repository.ensure({ ...template, code: name })));
      expect(other).toEqual(one);
      const sameName = { ...template, code: name.toLowerCase() };
      expect(await repository.ensure(sameName)).toEqual(one);
      await expect(repository.create(sameName)).rejects.toMatchObject({ code: 'DUPLICATE_CODE' });
    });

    it('change in the fields of the patch, and in no other', async () => {
      const code = await h.newCode();
      const { updatedAt: _before, ...unchanged } = code;
      const { updatedAt, ...changed } = await repository.update(code.id, { bonusValue: '6.25', totalUsageLimit: 3 });
      expect(changed).toEqual({ ...unchanged, bonusValue: '6.25', totalUsageLimit: 3 });
      expect(await repository.deactivate(code.id)).toMatchObject({ isActive: false });
      expect(await repository.activate(code.id)).toMatchObject({ isActive: true });
      expect(await repository.delete(code.id)).toMatchObject({ id: code.id });
      expect(await repository.findById(code.id)).toBeNull();
    });

    it('are listed once each, over pages, in every order', async () => {
      const mark = `${h.newName()}LISTED`;
      const made = [];
      for (let index = 0; index < 5; index += 1) made.push(await h.newCode({ code: `${mark}${index}` }));
      await h.redeem(made[2]!);
      await repository.deactivate(made[4]!.id);
      const orders = [
        'newest',
        'endDate',
        ...(has.count ? ['timesUsed'] : []),
        ...(has.sum ? ['totalBonusIssued'] : []),
      ];
      for (const orderBy of orders as ('newest' | 'endDate')[]) {
        const filter = { search: mark.toLowerCase(), orderBy, limit: 2 };
        const all = await everyItem((cursor) => repository.list({ ...filter, cursor }));
        expect(ids(all)).toEqual(ids(made));
      }
      if (has.count) {
        const [most] = (await repository.list({ search: mark, orderBy: 'timesUsed', limit: 1 })).items;
        expect(most?.id).toBe(made[2]!.id);
      }
      const redeemable = await repository.list({ search: mark, state: 'redeemable', ...h.shop });
      expect(ids(redeemable.items)).toEqual(ids(made.slice(0, 4)));
      expect(ids((await repository.list({ search: mark, state: 'inactive' })).items)).toEqual([made[4]!.id]);
    });

    it('that are used up are listed as such', async () => {
      const code = await h.newCode({ totalUsageLimit: 1 });
      await h.redeem(code);
      const { items } = await repository.list({ search: code.code, state: 'used_up' });
      expect(ids(items)).toEqual([code.id]);
    });

    it('are generated, all different', async () => {
      const codes = await repository.generate({ ...template, count: 30, prefix: 'GEN-' });
      expect(new Set(codes.map(({ code }) => code)).size).toBe(30);
      expect(new Set(ids(codes)).size).toBe(30);
      const last = codes.at(-1)!;
      expect(await repository.findByCode(last.code, h.shop.shopId)).toEqual(last);
      await h.redeem(last);
      await h.expectCounts(last, 1);
    });

    it.runIf(host.codeColumns)('say which column of the host is missing', async () => {
      const { columns: _columns, ...without } = { columns: undefined, ...template };
      const created = repository.create({ ...without, code: h.newName() });
      await expect(created).rejects.toMatchObject({
        code: 'VALIDATION',
        issues: Object.keys(host.codeColumns!).map((name) => ({ path: `columns.${name}` })),
      });
    });
  });
}

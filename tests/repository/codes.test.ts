import { describe, expect, it } from 'vitest';
import { DuplicateCodeError, NotFoundError, type PromoCode } from '../../src/index';
import { useRepository } from '../support/repository';
import { isWhole } from '../support/scope';

const DAY = 86_400_000;

describe.each(['own', 'seed'] as const)('codes, on the tables of %s', (tables) => {
  const t = useRepository(`codes ${tables}`, { tables });
  const { repository, newCode, request } = t;

  it('are created with defaults, and found by id and by name', async () => {
    const startDate = new Date('2026-01-01T00:00:00Z');
    const endDate = new Date('2026-12-31T23:59:59.999Z');
    const created = await repository.create({ code: ' Summer ', shopId: 'shop', bonusValue: 5, startDate, endDate });
    expect(created).toEqual({
      id: expect.stringMatching(/^\d+$/),
      code: 'Summer',
      shopId: 'shop',
      name: null,
      description: null,
      bonusType: 'fixed',
      bonusValue: '5.00',
      maxBonus: null,
      startDate,
      endDate,
      totalUsageLimit: null,
      perCustomerLimit: 1,
      ...{ maxTotalBonus: null, budgetOverrun: 'refuse', minBaseReward: null, customerAddress: null, metadata: null },
      campaignId: null,
      timesUsed: 0,
      totalBonusIssued: '0.00',
      isActive: true,
      createdAt: expect.any(Date),
      updatedAt: expect.any(Date),
    });
    expect(await repository.findById(created.id)).toEqual(created);
    expect(await repository.findById(BigInt(created.id))).toEqual(created);
    expect(await repository.findByCode('sUMMER ', 'shop')).toEqual(created);
    expect(await repository.findByCode('summer', 'another shop')).toBeNull();
    expect(await repository.findById(999_999_999)).toBeNull();
  });

  it('without an end have the latest moment there is, and can be redeemed', async () => {
    const code = await repository.create({ code: 'FOREVER', shopId: 'shop', bonusValue: 1 });
    expect(code.endDate.getTime()).toBe(8.64e15);
    expect(await repository.redeem(request(code))).toMatchObject({ ok: true });
  });

  it('take the end that a code without an end has, and null, for no end', async () => {
    const code = await repository.create({ code: 'ENDLESS', shopId: 'shop', bonusValue: 1, endDate: null });
    expect(code.endDate.getTime()).toBe(8.64e15);
    const end = new Date(Date.now() + DAY);
    expect(await repository.update(code.id, { endDate: code.endDate, name: 'same' })).toMatchObject({ name: 'same' });
    expect(await repository.update(code.id, { endDate: end })).toMatchObject({ endDate: end });
    expect(await repository.update(code.id, { endDate: null })).toMatchObject({ endDate: code.endDate });
    const copy = { code: 'ENDLESS 2', shopId: 'shop', bonusValue: 1, endDate: code.endDate };
    expect(await repository.create(copy)).toMatchObject({ endDate: code.endDate });
    expect(await repository.redeem(request(code))).toMatchObject({ ok: true });
  });

  it('without a start do not end in the past', async () => {
    const over = { shopId: 'over', bonusValue: 1, endDate: new Date(Date.now() - DAY) };
    const refused = { issues: [{ path: 'endDate' }] };
    await expect(repository.create({ ...over, code: 'OVER' })).rejects.toMatchObject(refused);
    await expect(repository.generate({ ...over, count: 2 })).rejects.toMatchObject(refused);
    expect((await repository.list({ shopId: 'over' })).items).toEqual([]);
    const startDate = new Date(over.endDate.getTime() - DAY);
    expect(await repository.create({ ...over, code: 'OVER', startDate })).toMatchObject({ code: 'OVER' });
  });

  it('are unique in a shop without regard to case, also when 20 create one at once', async () => {
    await expect(repository.create({ code: 'summer', shopId: 'shop', bonusValue: 1 })).rejects.toBeInstanceOf(
      DuplicateCodeError,
    );
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) =>
        repository.create({ code: index % 2 ? 'Rush' : 'RUSH', shopId: 'shop', bonusValue: 1 }),
      ),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await repository.create({ code: 'RUSH', shopId: 'next door', bonusValue: 1 })).toMatchObject({
      code: 'RUSH',
    });
  });

  it('are listed page by page, each once, whatever comes in between', async () => {
    const made: string[] = [];
    for (let index = 0; index < 7; index += 1)
      made.push((await newCode({ shopId: 'listed', isActive: index % 2 === 0 })).id);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: { items: PromoCode[]; nextCursor: string | null } = await repository.list({
        shopId: 'listed',
        limit: 3,
        cursor,
      });
      seen.push(...page.items.map(({ id }) => id));
      cursor = page.nextCursor;
      if (seen.length === 3) await newCode({ shopId: 'listed' });
    } while (cursor !== null);
    expect(seen).toEqual([...made].reverse());
    const active = await repository.list({ shopId: 'listed', activeOnly: true });
    expect(active.items).toHaveLength(5);
    expect(active.nextCursor).toBeNull();
    await expect(repository.list({ cursor: 'nonsense' })).rejects.toMatchObject({ issues: [{ path: 'cursor' }] });
  });

  it('are changed as a whole', async () => {
    const code = await newCode({ bonusValue: 150, totalUsageLimit: 10 });
    await expect(repository.update(code.id, { bonusType: 'percentage' })).rejects.toMatchObject({
      issues: [{ path: 'bonusValue' }, { path: 'maxBonus' }],
    });
    await expect(repository.update(code.id, { endDate: new Date(Date.now() - 9 * DAY) })).rejects.toMatchObject({
      issues: [{ path: 'endDate' }],
    });
    const changed = await repository.update(code.id, {
      bonusType: 'percentage',
      bonusValue: '12.5',
      maxBonus: 3,
      name: 'x',
    });
    expect(changed).toMatchObject({ bonusType: 'percentage', bonusValue: '12.50', maxBonus: '3.00', name: 'x' });
    expect(changed.totalUsageLimit).toBe(10);
    expect(await repository.update(code.id, { totalUsageLimit: null })).toMatchObject({ totalUsageLimit: null });
    await expect(repository.update(code.id, { code: 'NEW' } as never)).rejects.toMatchObject({ code: 'VALIDATION' });
    await expect(repository.update(code.id, { timesUsed: 0 } as never)).rejects.toMatchObject({ code: 'VALIDATION' });
    expect(await repository.update(code.id, {})).toMatchObject({ name: 'x' });
    await expect(repository.update('999999999', { name: 'x' })).rejects.toBeInstanceOf(NotFoundError);
  });

  it('may have a limit below what is used: further uses are refused', async () => {
    const code = await newCode({ perCustomerLimit: null });
    for (let time = 0; time < 3; time += 1) await repository.redeem(request(code));
    expect(await repository.update(code.id, { totalUsageLimit: 2 })).toMatchObject({
      timesUsed: 3,
      totalUsageLimit: 2,
    });
    expect(await repository.redeem(request(code))).toMatchObject({ reason: 'usage_limit_reached' });
  });

  it('are updated while they are redeemed without losing either', async () => {
    const code = await newCode();
    await Promise.all([
      ...Array.from({ length: 30 }, () => repository.redeem(request(code))),
      ...Array.from({ length: 10 }, (_, index) => repository.update(code.id, { name: `name ${index}` })),
    ]);
    expect(await t.counts(code)).toMatchObject({ timesUsed: 30, uses: 30 });
  });

  it('are switched off and on, and deleted with their uses', async () => {
    const code = await newCode();
    await repository.redeem(request(code));
    expect(await repository.deactivate(code.id)).toMatchObject({ isActive: false, timesUsed: 1 });
    expect(await repository.activate(code.id)).toMatchObject({ isActive: true });
    expect(await repository.delete(code.id)).toMatchObject({ id: code.id, code: code.code });
    await expect(repository.delete(code.id)).rejects.toBeInstanceOf(NotFoundError);
    await expect(repository.deactivate(code.id)).rejects.toBeInstanceOf(NotFoundError);
    expect((await repository.usesByCode(code.id)).items).toEqual([]);
  });

  it('are generated by the thousand, without look-alikes and without collisions', async () => {
    const count = isWhole ? 10_000 : 2_000;
    const begun = performance.now();
    const codes = await repository.generate({ shopId: `many ${tables}`, count, prefix: 'X-', bonusValue: 1 });
    expect(performance.now() - begun).toBeLessThan(20_000);
    expect(codes).toHaveLength(count);
    expect(new Set(codes.map(({ code }) => code)).size).toBe(count);
    for (const { code } of codes) expect(code).toMatch(/^X(-[34679CDFGHJKMNPQRTWXY]{4}){3}$/);
    expect(await repository.redeem(request(codes[77]!))).toMatchObject({ ok: true });
  }, 60_000);

  it('are generated by a pattern that leaves room enough, or not at all', async () => {
    const [code] = await repository.generate({
      shopId: 'shop',
      count: 1,
      pattern: '@@@@-****',
      prefix: 'P',
      bonusValue: 1,
    });
    expect(code?.code).toMatch(/^P[C-Y]{4}-[3-9C-Y]{4}$/);
    await expect(
      repository.generate({ shopId: 'shop', count: 100, pattern: 'SALE-##', bonusValue: 1 }),
    ).rejects.toMatchObject({ issues: [{ path: 'pattern' }] });
  });

  it('list their uses, and customers theirs, page by page', async () => {
    const codes = [await newCode({ perCustomerLimit: null }), await newCode({ perCustomerLimit: null })];
    const customerAddress = `Reader ${tables}`;
    for (const code of codes) {
      for (let time = 0; time < 3; time += 1) await repository.redeem(request(code, { customerAddress }));
      await repository.redeem(request(code));
    }
    const first = await repository.usesByCustomer(` ${customerAddress.toUpperCase()}`, { limit: 4 });
    expect(first.items).toHaveLength(4);
    const rest = await repository.usesByCustomer(customerAddress, { limit: 4, cursor: first.nextCursor });
    expect(rest).toMatchObject({ nextCursor: null });
    expect(new Set([...first.items, ...rest.items].map(({ id }) => id)).size).toBe(6);
    expect((await repository.usesByCode(codes[0]!.id)).items).toHaveLength(4);
    expect((await repository.usesByCustomer('nobody')).items).toEqual([]);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CodeState, installTriggers, type ListInput, type PromoCode, PromoCodeRepository } from '../../src/index';
import { isWhole, useSchema } from '../support';
import { SEED_TABLES } from '../support/host-tables';
import { useRepository } from '../support/repository';

const DAY = 86_400_000;

async function all(repository: PromoCodeRepository, filter: ListInput): Promise<PromoCode[]> {
  const seen: PromoCode[] = [];
  for (let cursor: string | null = null; ; ) {
    const page: { items: PromoCode[]; nextCursor: string | null } = await repository.list({ ...filter, cursor });
    seen.push(...page.items);
    if (page.nextCursor === null) return seen;
    cursor = page.nextCursor;
  }
}

describe.each(['own', 'seed'] as const)('list, on the tables of %s', (tables) => {
  const t = useRepository(`list ${tables}`, { tables });
  const { repository, newCode, request } = t;
  const names = async (filter: ListInput) => (await all(repository, filter)).map(({ code }) => code);

  it('tells the states apart as a redemption does (S7)', async () => {
    const shopId = 'states';
    const past = { startDate: new Date(Date.now() - 2 * DAY), endDate: new Date(Date.now() - DAY) };
    const future = { startDate: new Date(Date.now() + DAY), endDate: new Date(Date.now() + 2 * DAY) };
    const made: Record<CodeState, PromoCode[]> = {
      redeemable: [
        await newCode({ shopId }),
        await newCode({ shopId, endDate: null }),
        await newCode({ shopId, totalUsageLimit: 2 }),
      ],
      scheduled: [await newCode({ shopId, ...future })],
      expired: [await newCode({ shopId, ...past })],
      used_up: [await newCode({ shopId, totalUsageLimit: 1 })],
      inactive: [await newCode({ shopId, isActive: false }), await newCode({ shopId, isActive: false, ...past })],
    };
    for (const code of [made.used_up[0]!, made.redeemable[2]!]) await repository.redeem(request(code));
    const reasons = {
      redeemable: undefined,
      scheduled: 'not_started',
      expired: 'expired',
      used_up: 'usage_limit_reached',
      inactive: 'inactive',
    };
    for (const [state, codes] of Object.entries(made) as [CodeState, PromoCode[]][]) {
      const listed = await all(repository, { shopId, state, limit: 1 });
      expect(listed.map(({ id }) => id)).toEqual(codes.map(({ id }) => id).reverse());
      for (const code of codes) {
        const preview = await repository.validate({ code: code.code, shopId, customerAddress: 'x' });
        expect(preview.valid ? undefined : preview.reason).toBe(reasons[state]);
      }
    }
    expect(await all(repository, { shopId })).toHaveLength(8);
    await expect(repository.list({ state: 'active' as never })).rejects.toMatchObject({ issues: [{ path: 'state' }] });
  });

  it('does not count holds whose time has run out as uses', async () => {
    const shopId = 'holds';
    const code = await newCode({ shopId, totalUsageLimit: 1 });
    const hold = await repository.reserve({ ...request(code), ttlSeconds: 60 });
    expect(hold).toMatchObject({ ok: true });
    expect(await names({ shopId, state: 'used_up' })).toEqual([code.code]);
    await t.sql(`UPDATE :"library".promo_code_holds SET expires_at = now() - interval '1 s' WHERE use_id = $1`, [
      hold.ok ? hold.use.id : '',
    ]);
    expect(await names({ shopId, state: 'redeemable' })).toEqual([code.code]);
    expect(await names({ shopId, state: 'used_up' })).toEqual([]);
  });

  it('finds a part of the code or the name, whatever the case, and takes no character for a pattern', async () => {
    const shopId = 'search';
    await newCode({ shopId, code: '50%_OFF' });
    await newCode({ shopId, code: '50 OFF', name: 'Äpfel' });
    await newCode({ shopId, code: 'back\\slash', name: '100% sure' });
    expect(await names({ shopId, search: '%' })).toEqual(['back\\slash', '50%_OFF']);
    expect(await names({ shopId, search: '_' })).toEqual(['50%_OFF']);
    expect(await names({ shopId, search: '\\' })).toEqual(['back\\slash']);
    expect(await names({ shopId, search: ' off ' })).toEqual(['50 OFF', '50%_OFF']);
    expect(await names({ shopId, search: 'äPF' })).toEqual(['50 OFF']);
    expect(await names({ shopId, search: "'; DROP TABLE promo_codes; --" })).toEqual([]);
    await expect(repository.list({ search: ' ' })).rejects.toMatchObject({ issues: [{ path: 'search' }] });
  });

  it('is in any order that is asked for, page by page, each code once', async () => {
    const shopId = 'ordered';
    const soon = new Date(Date.now() + 5 * DAY);
    const made: PromoCode[] = [];
    for (const [index, uses] of [2, 0, 2, 1, 0, 2, 1].entries()) {
      const code = await newCode({
        shopId,
        perCustomerLimit: null,
        bonusValue: index % 2 ? '0.10' : '123456.70',
        endDate: [soon, null, new Date(soon.getTime() + 1)][index % 3] ?? null,
      });
      for (let time = 0; time < uses; time += 1) await repository.redeem(request(code));
      made.push(code);
    }
    const stored = await all(repository, { shopId });
    const orders: Record<string, (one: PromoCode, other: PromoCode) => number> = {
      newest: (one, other) => Number(other.id) - Number(one.id),
      timesUsed: (one, other) => other.timesUsed - one.timesUsed || Number(other.id) - Number(one.id),
      totalBonusIssued: (one, other) =>
        Number(other.totalBonusIssued) - Number(one.totalBonusIssued) || Number(other.id) - Number(one.id),
      endDate: (one, other) => one.endDate.getTime() - other.endDate.getTime() || Number(one.id) - Number(other.id),
    };
    for (const [orderBy, compare] of Object.entries(orders)) {
      const expected = [...stored].sort(compare).map(({ id }) => id);
      for (const limit of [1, 2, 3, 50]) {
        const listed = await all(repository, { shopId, orderBy: orderBy as never, limit });
        expect(
          listed.map(({ id }) => id),
          `${orderBy} by ${limit}`,
        ).toEqual(expected);
      }
    }
    const { nextCursor } = await repository.list({ shopId, orderBy: 'timesUsed', limit: 1 });
    for (const orderBy of ['newest', 'endDate'] as const) {
      await expect(repository.list({ shopId, orderBy, cursor: nextCursor })).rejects.toMatchObject({
        issues: [{ path: 'cursor' }],
      });
    }
    await repository.delete(made[0]!.id);
    expect((await repository.list({ shopId, orderBy: 'timesUsed', cursor: nextCursor })).items.length).toBeGreaterThan(
      4,
    );
  });

  it('reads any cursor without harm', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => Buffer.from(text).toString('base64url')),
          fc
            .constantFrom('timesUsed', 'endDate', 'id')
            .map((order) => Buffer.from(`${order}:${'9'.repeat(500)}:1`).toString('base64url')),
        ),
        async (cursor) => {
          await expect(repository.list({ cursor })).rejects.toMatchObject({ issues: [{ path: 'cursor' }] });
        },
      ),
      { numRuns: isWhole ? 50 : 20 },
    );
  });
});

describe('a shop', () => {
  const t = useRepository('shops');
  const { repository, newCode, request } = t;

  it('keeps the uses of a customer apart', async () => {
    const [one, other] = [await newCode({ shopId: 'one' }), await newCode({ shopId: 'other' })];
    for (const code of [one, other]) await repository.redeem(request(code, { customerAddress: 'Ann' }));
    expect((await repository.usesByCustomer('ann')).items).toHaveLength(2);
    expect((await repository.usesByCustomer('ann', { shopId: 'one' })).items).toMatchObject([{ promoCodeId: one.id }]);
    expect((await repository.usesByCustomer('ann', { shopId: 'none' })).items).toEqual([]);
  });

  it('may be left out where a code is looked for', async () => {
    const [old, live, dead] = [
      await newCode({ code: 'TWICE', shopId: 'a' }),
      await newCode({ code: 'Twice', shopId: 'b' }),
      await newCode({ code: 'TWICE', shopId: 'c', isActive: false }),
    ];
    expect(await repository.findByCode('TWICE')).toMatchObject({ id: old.id });
    expect(await repository.findByCode('twice')).toMatchObject({ id: live.id });
    expect(await repository.findByCode('TWICE', 'c')).toMatchObject({ id: dead.id });
    await repository.deactivate(old.id);
    expect(await repository.findByCode('TWICE')).toMatchObject({ id: live.id });
    expect(await repository.findByCode('TWICE', undefined)).toMatchObject({ id: live.id });
    expect(await repository.findByCode('TRICE')).toBeNull();
  });
});

describe('several codes of one name, and a bonus type of its own, on tables of a host', () => {
  const t = useSchema('names twice');
  const repository = new PromoCodeRepository(t.pool, { schema: t.schema });

  it('are found: the one that can be redeemed, then the newest; the type as it stands', async () => {
    await t.sql(SEED_TABLES);
    await t.sql(`INSERT INTO :"schema".promo_codes (code, shop_id, bonus_type, start_date, end_date)
      SELECT 'X', 's', 'points', (now() AT TIME ZONE 'UTC') - i * interval '9 days', (now() AT TIME ZONE 'UTC') - i * interval '9 days' + interval '10 days'
        FROM unnest(ARRAY[3, 0, 2, 1]) AS i`);
    await installTriggers(t.pool, { schema: t.schema });
    const found = await repository.findByCode('x', 's');
    expect(found).toMatchObject({ bonusType: 'points' });
    const redeemable = (await repository.list({ state: 'redeemable' })).items;
    expect(redeemable.map(({ id }) => id)).toContain(found?.id);
    await t.sql('UPDATE :"schema".promo_codes SET is_active = false');
    const newest = (await repository.list({ limit: 1 })).items[0];
    expect(await repository.findByCode('x', 's')).toEqual(newest);
  });
});

describe('a date column', () => {
  const t = useSchema('whole days');
  const repository = new PromoCodeRepository(t.pool, { schema: t.schema });

  it('means the whole day', async () => {
    await t.sql(SEED_TABLES);
    await t.sql(`ALTER TABLE :"schema".promo_codes ALTER start_date DROP DEFAULT, ALTER end_date DROP DEFAULT,
      ALTER start_date TYPE date, ALTER end_date TYPE date`);
    await installTriggers(t.pool, { schema: t.schema });
    await t.sql(`INSERT INTO :"schema".promo_codes (code, shop_id, start_date, end_date)
      SELECT 'D' || i, 's', d + least(i, 0), d + i FROM unnest(ARRAY[-1, 0, 1]) AS i, CAST(now() AT TIME ZONE 'UTC' AS date) AS d`);
    await t.sql(`INSERT INTO :"schema".promo_codes (code, shop_id, start_date, end_date)
      SELECT 'LATER', 's', d + 1, d + 1 FROM CAST(now() AT TIME ZONE 'UTC' AS date) AS d`);
    const codes = async (state: CodeState) => (await repository.list({ state })).items.map(({ code }) => code);
    expect(await codes('redeemable')).toEqual(['D1', 'D0']);
    expect(await codes('expired')).toEqual(['D-1']);
    expect(await codes('scheduled')).toEqual(['LATER']);
    expect((await repository.list({ orderBy: 'endDate' })).items.map(({ code }) => code)).toEqual([
      'D-1',
      'D0',
      'D1',
      'LATER',
    ]);
  });
});

import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type Campaign, checkDrift, NotFoundError, type PromoCode, ValidationError } from '../../src/index';
import { waitUntilBlocked } from '../support';
import { useRepository } from '../support/repository';

const DAY = 86_400_000;
const THEIRS = { shopId: 'theirs' };
const NONE = '987654321';

async function issuesOf(call: Promise<unknown>) {
  const error: unknown = await call.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ValidationError);
  return (error as ValidationError).issues;
}

describe.each(['own', 'seed'] as const)('campaigns, on the tables of %s', (tables) => {
  const t = useRepository(`campaigns ${tables}`, { tables });
  const { repository, newCode } = t;
  const { campaigns } = repository;
  const newCampaign = (fields = {}) => campaigns.create({ shopId: 'shop', name: 'Summer', ...fields });
  const members = async ({ id }: Campaign) => {
    const { rows } = await t.sql<{ id: string }>(
      'SELECT promo_code_id::text AS id FROM :"library".promo_code_campaign_codes WHERE campaign_id = $1 ORDER BY promo_code_id',
      [id],
    );
    return rows.map((row) => row.id);
  };
  const idsOf = (...codes: PromoCode[]) => codes.map(({ id }) => id);

  it('are created as given, found, changed and deleted', async () => {
    const startDate = new Date('2026-06-01T00:00:00Z');
    const endDate = new Date('2099-08-31T22:00:00.250Z');
    const campaign = await newCampaign({
      name: ' Summer 2026 ',
      startDate,
      endDate: '2099-09-01T00:00:00.250+02:00',
      totalUsageLimit: 5_000,
      perCustomerLimit: 2,
      maxTotalBonus: '10000.5',
      budgetOverrun: 'cap',
      metadata: { channels: ['mail', null] },
    });
    expect(campaign).toEqual({
      id: expect.stringMatching(/^\d+$/),
      shopId: 'shop',
      name: 'Summer 2026',
      isActive: true,
      startDate,
      endDate,
      totalUsageLimit: 5_000,
      perCustomerLimit: 2,
      maxTotalBonus: '10000.50',
      budgetOverrun: 'cap',
      metadata: { channels: ['mail', null] },
      timesUsed: 0,
      totalBonusIssued: '0.00',
      createdAt: expect.any(Date),
      updatedAt: campaign.createdAt,
    });
    expect(await campaigns.findById(campaign.id)).toEqual(campaign);
    expect(await campaigns.findById(BigInt(campaign.id), { shopId: 'shop' })).toEqual(campaign);
    const changes = { startDate: null, endDate: null, maxTotalBonus: null, totalUsageLimit: null, metadata: null };
    const changed = await campaigns.update(campaign.id, { ...changes, isActive: false, name: 'Autumn' });
    expect(changed).toEqual({
      ...campaign,
      ...changes,
      isActive: false,
      name: 'Autumn',
      updatedAt: expect.any(Date),
    });
    expect(changed.updatedAt.getTime()).toBeGreaterThanOrEqual(campaign.updatedAt.getTime());
    expect(await campaigns.update(campaign.id, {})).toEqual(changed);
    expect(await campaigns.delete(campaign.id)).toEqual(changed);
    expect(await campaigns.findById(campaign.id)).toBeNull();
  });

  it('have no limit, no dates and no budget where nothing is said', async () => {
    const { id: _, createdAt, updatedAt, ...rest } = await newCampaign();
    expect(rest).toEqual({
      ...{ shopId: 'shop', name: 'Summer', isActive: true, startDate: null, endDate: null, metadata: null },
      ...{ totalUsageLimit: null, perCustomerLimit: null, maxTotalBonus: null, budgetOverrun: 'refuse' },
      ...{ timesUsed: 0, totalBonusIssued: '0.00' },
    });
    // What a code without an end has as its end.
    const code = await newCode({ endDate: null });
    expect(await newCampaign({ endDate: code.endDate })).toMatchObject({ endDate: null });
  });

  it('refuse what is wrong by itself, before anything is written', async () => {
    const before = await t.sql('SELECT count(*) FROM :"library".promo_code_campaigns');
    const wrong: [object, string][] = [
      [{ name: ' ' }, 'name'],
      [{ name: 'x'.repeat(501) }, 'name'],
      [{ maxTotalBonus: '-1' }, 'maxTotalBonus'],
      [{ maxTotalBonus: '0.001' }, 'maxTotalBonus'],
      [{ maxTotalBonus: 'NaN' }, 'maxTotalBonus'],
      [{ startDate: '2026-02-01T00:00:00Z', endDate: '2026-01-01T00:00:00Z' }, 'endDate'],
      [{ startDate: '2026-02-01' }, 'startDate'],
      [{ totalUsageLimit: 0 }, 'totalUsageLimit'],
      [{ perCustomerLimit: 1.5 }, 'perCustomerLimit'],
      [{ budgetOverrun: 'pay' }, 'budgetOverrun'],
      [{ metadata: Number.NaN }, 'metadata'],
      [{ shopId: '' }, 'shopId'],
      [{ timesUsed: 1 }, 'timesUsed'],
    ];
    const campaign = await newCampaign();
    for (const [fields, path] of wrong) {
      expect(await issuesOf(newCampaign(fields)), path).toMatchObject([{ path }]);
      if (path === 'shopId') continue;
      expect(await issuesOf(campaigns.update(campaign.id, fields)), path).toMatchObject([{ path }]);
    }
    expect(await issuesOf(campaigns.update(campaign.id, { shopId: 'other' } as object))).toMatchObject([
      { path: 'shopId', message: expect.stringContaining('is not a field of campaigns.update()') },
    ]);
    expect(await issuesOf(campaigns.findById('x'))).toMatchObject([{ path: 'id' }]);
    expect(await issuesOf(campaigns.list({ state: 'open' as never, cursor: 'x' }))).toMatchObject([
      { path: 'state' },
      { path: 'cursor' },
    ]);
    expect(await campaigns.findById(campaign.id)).toEqual(campaign);
    const { rows } = await t.sql('SELECT count(*)::int AS count FROM :"library".promo_code_campaigns');
    expect(rows[0]!.count).toBe(Number(before.rows[0]!.count) + 1);
    // A budget may be larger than any bonus.
    expect(await newCampaign({ maxTotalBonus: `${'9'.repeat(30)}.99` })).toMatchObject({
      maxTotalBonus: `${'9'.repeat(30)}.99`,
    });
  });

  it('refuse dates in reverse where only one of them is changed, also while the other one is', async () => {
    const campaign = await newCampaign({ startDate: '2026-02-01T00:00:00Z', endDate: '2026-03-01T00:00:00Z' });
    expect(await issuesOf(campaigns.update(campaign.id, { endDate: '2026-01-31T00:00:00Z' }))).toEqual([
      { path: 'endDate', message: 'must not be before startDate', received: '2026-01-31T00:00:00.000Z' },
    ]);
    expect(await issuesOf(campaigns.update(campaign.id, { startDate: '2026-03-02T00:00:00Z' }))).toMatchObject([
      { path: 'startDate', message: 'must not be after endDate' },
    ]);
    const holder = await t.client();
    await holder.query('BEGIN');
    await campaigns.update(campaign.id, { endDate: '2026-02-15T00:00:00Z' }, { client: holder });
    const updater = await t.client();
    await updater.query('BEGIN');
    const updating = issuesOf(
      campaigns.update(campaign.id, { startDate: '2026-02-20T00:00:00Z' }, { client: updater }),
    );
    await waitUntilBlocked(t.pool, updater);
    await holder.query('COMMIT');
    expect(await updating).toMatchObject([{ path: 'startDate' }]);
    // The transaction of the host goes on.
    expect(await campaigns.findById(campaign.id, { client: updater })).toMatchObject({
      startDate: campaign.startDate,
      endDate: new Date('2026-02-15T00:00:00Z'),
    });
    await updater.query('COMMIT');
  });

  it('are listed the newest first, page by page, by shop, state and name', async () => {
    const shopId = `list-${randomUUID()}`;
    const make = (name: string, fields = {}) => newCampaign({ shopId, name, ...fields });
    const made = [
      await make('100%'),
      await make('Past', { endDate: new Date(Date.now() - DAY) }),
      await make('Off', { isActive: false }),
      await make('To come', { startDate: new Date(Date.now() + DAY) }),
      await make('Größe', { startDate: new Date(Date.now() - DAY), endDate: new Date(Date.now() + DAY) }),
      await make('Without budget', { maxTotalBonus: 0 }),
    ];
    const names = made.map(({ name }) => name).reverse();
    for (const limit of [1, 4, 50]) {
      const seen: string[] = [];
      for (let cursor: string | null = null, first = true; first || cursor !== null; first = false) {
        const page: { items: Campaign[]; nextCursor: string | null } = await campaigns.list({ shopId, limit, cursor });
        seen.push(...page.items.map(({ name }) => name));
        cursor = page.nextCursor;
      }
      expect(seen).toEqual(names);
    }
    const listed = async (filter: object) =>
      (await campaigns.list({ shopId, ...filter })).items.map(({ name }) => name);
    expect(await listed({ state: 'redeemable' })).toEqual(['Größe', '100%']);
    expect(await listed({ state: 'expired' })).toEqual(['Past']);
    expect(await listed({ state: 'scheduled' })).toEqual(['To come']);
    expect(await listed({ state: 'inactive' })).toEqual(['Off']);
    expect(await listed({ state: 'used_up' })).toEqual(['Without budget']);
    expect(await listed({ search: 'grÖ' })).toEqual(['Größe']);
    expect(await listed({ search: '%' })).toEqual(['100%']);
    expect(await campaigns.list({ shopId: 'nobody' })).toEqual({ items: [], nextCursor: null });
    const { nextCursor } = await repository.list({ limit: 1 });
    expect(await issuesOf(campaigns.list({ cursor: nextCursor ?? 'x' }))).toMatchObject([{ path: 'cursor' }]);
  });

  it('take codes in and let them go; what is in already is not counted', async () => {
    const campaign = await newCampaign();
    const codes = [await newCode(), await newCode(), await newCode()];
    const [first, second, third] = codes as [PromoCode, PromoCode, PromoCode];
    expect(await campaigns.addCodes(campaign.id, idsOf(second, first, first))).toEqual({ added: 2, moved: 0 });
    expect(await campaigns.addCodes(campaign.id, idsOf(...codes))).toEqual({ added: 1, moved: 0 });
    expect(await campaigns.addCodes(campaign.id, [])).toEqual({ added: 0, moved: 0 });
    expect(await members(campaign)).toEqual(idsOf(...codes));
    expect(await repository.findById(first.id)).toEqual({
      ...first,
      campaignId: campaign.id,
      updatedAt: expect.any(Date),
    });
    const inCampaign = await repository.list({ campaignId: campaign.id, orderBy: 'endDate', limit: 2 });
    expect(idsOf(...inCampaign.items)).toEqual(idsOf(first, second));
    expect(await repository.list({ campaignId: NONE })).toEqual({ items: [], nextCursor: null });
    expect(await campaigns.removeCodes(campaign.id, [first.id, NONE])).toEqual({ removed: 1 });
    expect(await campaigns.removeCodes(campaign.id, [first.id])).toEqual({ removed: 0 });
    await repository.delete(second.id);
    await campaigns.delete(campaign.id);
    expect(await repository.findById(third.id)).toMatchObject({ campaignId: null });
  });

  it('a code is moved from another campaign only where that is said, and nothing is written where it is not', async () => {
    const [from, to] = [await newCampaign(), await newCampaign()];
    const [free, taken] = [await newCode(), await newCode()];
    await campaigns.addCodes(from.id, [taken.id]);
    expect(await issuesOf(campaigns.addCodes(to.id, idsOf(free, taken)))).toEqual([
      {
        path: 'codeIds[1]',
        message: `must be a code of no other campaign, and it is in the campaign ${from.id}: { move: true } moves it from there`,
        received: `'${taken.id}'`,
      },
    ]);
    expect(await members(to)).toEqual([]);
    expect(await campaigns.addCodes(to.id, idsOf(free, taken), { move: true })).toEqual({ added: 1, moved: 1 });
    expect([await members(from), await members(to)]).toEqual([[], idsOf(free, taken)]);
    // Somebody else's campaign is left as it is.
    expect(await campaigns.removeCodes(from.id, [taken.id])).toEqual({ removed: 0 });
  });

  it('a code takes along what it has counted, and nothing drifts', async () => {
    const [one, other] = [await newCampaign(), await newCampaign()];
    const [first, second] = [await newCode({ perCustomerLimit: null }), await newCode({ campaignId: one.id })];
    for (const code of [first, first, second]) await repository.redeem(t.request(code));
    const counted = async ({ id }: Campaign) => {
      const { timesUsed, totalBonusIssued } = (await campaigns.findById(id))!;
      return [timesUsed, totalBonusIssued];
    };
    expect(await counted(one)).toEqual([1, '5.00']);
    await campaigns.addCodes(one.id, [first.id]);
    expect(await counted(one)).toEqual([3, '15.00']);
    await campaigns.addCodes(other.id, [first.id], { move: true });
    await repository.update(second.id, { campaignId: other.id });
    expect([await counted(one), await counted(other)]).toEqual([
      [0, '0.00'],
      [3, '15.00'],
    ]);
    await repository.delete(second.id);
    await campaigns.removeCodes(other.id, [first.id]);
    expect(await counted(other)).toEqual([0, '0.00']);
    await repository.update(first.id, { campaignId: other.id });
    expect(await campaigns.delete(other.id)).toMatchObject({ timesUsed: 2, totalBonusIssued: '10.00' });
    expect(await checkDrift(t.pool, { schema: t.schema })).toEqual([]);
  });

  it('are used up by their uses, but not by holds whose time has run out', async () => {
    const campaign = await newCampaign({ totalUsageLimit: 1, shopId: 'holds' });
    const code = await newCode({ campaignId: campaign.id, shopId: 'holds' });
    const hold = await repository.reserve({ ...t.request(code), ttlSeconds: 60 });
    const state = async (state: 'redeemable' | 'used_up') =>
      (await campaigns.list({ shopId: 'holds', state })).items.length;
    expect([await state('redeemable'), await state('used_up')]).toEqual([0, 1]);
    await t.sql(`UPDATE :"library".promo_code_holds SET expires_at = now() - interval '1 s' WHERE use_id = $1`, [
      hold.ok ? hold.use.id : '',
    ]);
    expect([await state('redeemable'), await state('used_up')]).toEqual([1, 0]);
    await campaigns.update(campaign.id, { totalUsageLimit: null, maxTotalBonus: 5 });
    expect([await state('redeemable'), await state('used_up')]).toEqual([1, 0]);
    await repository.releaseExpired();
    await repository.redeem(t.request(code));
    expect([await state('redeemable'), await state('used_up')]).toEqual([0, 1]);
  });

  it('and their codes are used up where the host has deleted a use whose hold has run out', async () => {
    const campaign = await newCampaign({ totalUsageLimit: 1 });
    const inside = await newCode({ campaignId: campaign.id });
    const alone = await newCode({ totalUsageLimit: 1 });
    for (const code of [inside, alone]) {
      const hold = await repository.reserve({ ...t.request(code), ttlSeconds: 60 });
      await t.sql('DELETE FROM :"schema".promo_code_uses WHERE id = $1', [hold.ok ? hold.use.id : '']);
      expect(await repository.redeem(t.request(code))).toMatchObject({ ok: true });
    }
    await t.sql(`UPDATE :"library".promo_code_holds SET expires_at = now() - interval '1 s'`);
    const usedUp = await repository.list({ state: 'used_up' });
    expect(idsOf(...usedUp.items)).toEqual(expect.arrayContaining([inside.id, alone.id]));
    const { items } = await campaigns.list({ state: 'used_up' });
    expect(items.map(({ id }) => id)).toContain(campaign.id);
    await repository.releaseExpired();
  });

  it('say what the state of their codes is', async () => {
    const shopId = `states-${randomUUID()}`;
    const [past, future] = [new Date(Date.now() - DAY), new Date(Date.now() + DAY)];
    const states: [object, string][] = [
      [{}, 'redeemable'],
      [{ isActive: false }, 'inactive'],
      [{ endDate: past }, 'inactive'],
      [{ startDate: future }, 'inactive'],
      [{ maxTotalBonus: 0 }, 'used_up'],
    ];
    for (const [fields, state] of states) {
      const campaign = await newCampaign({ shopId, ...fields });
      const code = await newCode({ shopId, campaignId: campaign.id });
      const off = await newCode({ shopId, campaignId: campaign.id, isActive: false });
      const { items } = await repository.list({ shopId, campaignId: campaign.id, state: state as never });
      expect(idsOf(...items), JSON.stringify(fields)).toEqual(state === 'inactive' ? idsOf(off, code) : [code.id]);
    }
  });

  it('refuse codes that are not there or of another shop, which look the same', async () => {
    const campaign = await newCampaign();
    const [mine, other] = [await newCode(), await newCode(THEIRS)];
    await campaigns.addCodes((await newCampaign(THEIRS)).id, [other.id]);
    const message = 'must be the id of a code of the shop shop';
    for (const move of [false, true]) {
      expect(await issuesOf(campaigns.addCodes(campaign.id, [mine.id, other.id, NONE], { move }))).toEqual([
        { path: 'codeIds[1]', message, received: `'${other.id}'` },
        { path: 'codeIds[2]', message, received: `'${NONE}'` },
      ]);
    }
    expect(await members(campaign)).toEqual([]);
    expect(await issuesOf(campaigns.addCodes(campaign.id, [mine.id, 'x', {} as never]))).toMatchObject([
      { path: 'codeIds[1]' },
      { path: 'codeIds[2]' },
    ]);
    for (const codeIds of ['1', undefined, Array.from({ length: 100_001 }, () => 1)] as never[]) {
      expect(await issuesOf(campaigns.addCodes(campaign.id, codeIds))).toMatchObject([{ path: 'codeIds' }]);
    }
    expect(await issuesOf(campaigns.addCodes(campaign.id, [mine.id], { force: true } as object))).toMatchObject([
      { path: 'force' },
    ]);
  });

  it('of another shop than the guard are as if they were not there, and nothing is written', async () => {
    const campaign = await newCampaign();
    const code = await newCode();
    await campaigns.addCodes(campaign.id, [code.id], { shopId: 'shop' });
    const calls: ((id: string) => Promise<unknown>)[] = [
      (id) => campaigns.update(id, { name: 'x' }, THEIRS),
      (id) => campaigns.update(id, {}, THEIRS),
      (id) => campaigns.update(id, { endDate: null }, THEIRS),
      (id) => campaigns.addCodes(id, [code.id], THEIRS),
      (id) => campaigns.addCodes(id, [code.id], { move: true }, THEIRS),
      (id) => campaigns.removeCodes(id, [code.id], THEIRS),
      (id) => campaigns.delete(id, THEIRS),
    ];
    for (const call of calls) {
      const refusal = async (id: string) => {
        const error: unknown = await call(id).catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(NotFoundError);
        return (error as Error).message.replace(id, 'id');
      };
      expect(await refusal(campaign.id)).toBe('There is no campaign with the id id in the shop theirs.');
      expect(await refusal(NONE)).toBe('There is no campaign with the id id in the shop theirs.');
    }
    expect(await campaigns.findById(campaign.id, THEIRS)).toBeNull();
    expect(await campaigns.findById(campaign.id, { shopId: 'shop' })).toEqual(campaign);
    expect(await members(campaign)).toEqual([code.id]);
  });

  it('two that take the same code at the same time do not both get it', async () => {
    const [one, other] = [await newCampaign(), await newCampaign()];
    const codes = [await newCode(), await newCode()];
    const ids = idsOf(...codes);
    const client = await t.client();
    await client.query('BEGIN');
    await campaigns.addCodes(one.id, ids, { client });
    const late = await t.client();
    const adding = issuesOf(campaigns.addCodes(other.id, [...ids].reverse(), { client: late }));
    await waitUntilBlocked(t.pool, late);
    await client.query('COMMIT');
    expect(await adding).toHaveLength(2);
    expect([await members(one), await members(other)]).toEqual([ids, []]);
  });

  it('are part of the transaction of the host', async () => {
    const client = await t.client();
    await client.query('BEGIN');
    const campaign = await campaigns.create({ shopId: 'shop', name: 'Summer' }, { client });
    const code = await newCode();
    await campaigns.addCodes(campaign.id, [code.id], { client });
    expect(await repository.findById(code.id, { client })).toMatchObject({ campaignId: campaign.id });
    expect(await campaigns.list({ shopId: 'shop', limit: 1 }, { client })).toMatchObject({ items: [campaign] });
    // A refusal by the library does not end it.
    await issuesOf(campaigns.addCodes(campaign.id, [NONE], { client }));
    await client.query('ROLLBACK');
    expect(await campaigns.findById(campaign.id)).toBeNull();
    expect(await repository.findById(code.id)).toMatchObject({ campaignId: null });
  });
});

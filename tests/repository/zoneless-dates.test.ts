import { beforeAll, describe, expect, it } from 'vitest';
import { assertNoDrift, installTriggers, PromoCodeRepository } from '../../src/index';
import { useSchema } from '../support';
import { SEED_TABLES } from '../support/host-tables';

/** An hour that is there twice, at 05:30 and at 06:30 UTC: summer time ends at 06:00. */
const ZONE = 'America/New_York';
const TWICE = ['2026-11-01T05:30:00Z', '2026-11-01T06:30:00Z'] as const;
const DAY = 86_400_000;
const inDays = (days: number) => new Date(Date.now() + days * DAY);

describe.each(['timestamp', 'timestamp(0)', 'date'])('dates in columns of type %s', (type) => {
  const t = useSchema(`zoneless ${type}`);
  const { schema } = t;
  // The session is elsewhere: whatever is left to it is hours off.
  const elsewhere = t.poolWith({ options: '-c timezone=Asia/Tokyo' });
  const repository = new PromoCodeRepository(elsewhere, { schema });
  let serial = 0;

  beforeAll(async () => {
    await t.sql(SEED_TABLES);
    await t.sql(`ALTER TABLE :"schema".promo_codes ALTER start_date TYPE ${type}, ALTER end_date TYPE ${type},
      ALTER end_date DROP NOT NULL, ADD CONSTRAINT in_order CHECK (end_date >= start_date)`);
    await installTriggers(t.pool, { schema, timeZone: ZONE });
  });

  const newCode = (fields: { startDate?: Date | string; endDate?: Date | string | null } = {}) => {
    serial += 1;
    return repository.create({
      code: `CODE${serial}`,
      shopId: 'shop',
      bonusValue: 5,
      perCustomerLimit: null,
      ...fields,
    });
  };
  const stored = async (id: string) => {
    const { rows } = await t.sql<{ start: string; end: string }>(
      'SELECT start_date::text AS start, end_date::text AS "end" FROM :"schema".promo_codes WHERE id = $1',
      [id],
    );
    return rows[0];
  };
  const isDay = type === 'date';

  it('are written by the clock of the place, and read by it', async () => {
    const code = await newCode({ startDate: '2026-01-02T02:00:00Z', endDate: '2096-07-02T02:00:00Z' });
    const [day, last] = ['2026-01-01', '2096-07-01'];
    const expected = isDay ? { start: day, end: last } : { start: `${day} 21:00:00`, end: `${last} 22:00:00` };
    expect(await stored(code.id)).toEqual(expected);
    const dates = {
      startDate: new Date(isDay ? '2026-01-01T05:00:00Z' : '2026-01-02T02:00:00Z'),
      endDate: new Date(isDay ? '2096-07-01T04:00:00Z' : '2096-07-02T02:00:00Z'),
    };
    expect(code).toMatchObject(dates);
    expect(await repository.findById(code.id)).toMatchObject(dates);
    expect((await repository.list({ search: code.code })).items).toMatchObject([dates]);
    expect(await repository.update(code.id, dates)).toMatchObject(dates);
    expect(await stored(code.id)).toEqual(expected);
    await repository.update(code.id, { endDate: null });
    expect(await stored(code.id)).toMatchObject({ end: 'infinity' });
  });

  it('that were read are those that were stored, also in an hour that is there twice', async () => {
    for (const moment of TWICE) {
      const code = await newCode({ startDate: moment, endDate: null });
      const before = await stored(code.id);
      const ended = await repository.update(code.id, { endDate: code.startDate });
      expect(ended.endDate).toEqual(code.startDate);
      expect(await stored(code.id)).toEqual({ ...before, end: before?.start });
      await repository.update(code.id, { startDate: ended.startDate });
      expect(await stored(code.id)).toEqual({ ...before, end: before?.start });
    }
  });

  it('without a start begin now, and can end as soon as they have begun', async () => {
    const code = await newCode();
    expect(code.startDate.getTime()).toBeLessThanOrEqual(Date.now());
    expect(await repository.update(code.id, { endDate: code.startDate })).toMatchObject({ endDate: code.startDate });
    await expect(newCode({ endDate: inDays(-2) })).rejects.toMatchObject({ issues: [{ path: 'endDate' }] });
    await newCode({ endDate: inDays(0.1) });
  });

  it('decide the state of a code, and its place in a list', async () => {
    const [scheduled, expired, soon, late] = [
      await newCode({ startDate: inDays(2) }),
      await newCode({ startDate: inDays(-9), endDate: inDays(-2) }),
      await newCode({ startDate: inDays(-2), endDate: inDays(2) }),
      await newCode({ startDate: inDays(-2), endDate: inDays(20) }),
    ];
    const made = [scheduled, expired, soon, late].map(({ id }) => id);
    const listed = async (state: 'scheduled' | 'expired' | 'redeemable') => {
      const ids: string[] = [];
      let cursor: string | null = null;
      do {
        const page = await repository.list({ state, orderBy: 'endDate', limit: 1, cursor });
        ids.push(...page.items.map(({ id }) => id));
        cursor = page.nextCursor;
      } while (cursor !== null);
      return ids.filter((id) => made.includes(id));
    };
    expect(await listed('scheduled')).toEqual([scheduled.id]);
    expect(await listed('expired')).toEqual([expired.id]);
    expect(await listed('redeemable')).toEqual([soon.id, late.id]);
    const asked = { shopId: 'shop', customerAddress: 'ann', baseReward: 1 };
    expect(await repository.redeem({ ...asked, code: scheduled.code })).toMatchObject({ reason: 'not_started' });
    expect(await repository.redeem({ ...asked, code: expired.code })).toMatchObject({ reason: 'expired' });
    expect(await repository.redeem({ ...asked, code: soon.code })).toMatchObject({ ok: true });
  });

  it('uses are on the days of whoever asks', async () => {
    const { id, code } = await newCode();
    const result = await repository.redeem({ code, shopId: 'shop', customerAddress: 'ann', baseReward: 1 });
    if (!result.ok) throw new Error(result.message);
    // A wrong time zone is off by hours, a slow machine is not.
    expect(Math.abs(result.use.usedAt.getTime() - Date.now())).toBeLessThan(600_000);
    const { rows } = await t.sql<{ day: string; before: string }>(
      `UPDATE :"schema".promo_code_uses SET used_at = (now() AT TIME ZONE $2)::date + time '00:30' WHERE id = $1
       RETURNING used_at::date::text AS day, (used_at AT TIME ZONE $2 AT TIME ZONE 'America/Los_Angeles')::date::text AS before`,
      [result.use.id, ZONE],
    );
    const daysOf = async (timeZone: string) =>
      (await repository.usageStats(id, { days: 3, timeZone })).perDay.flatMap(({ date, uses }) =>
        uses > 0 ? [date] : [],
      );
    expect(await daysOf(ZONE)).toEqual([rows[0]?.day]);
    expect(await daysOf('America/Los_Angeles')).toEqual([rows[0]?.before]);
    expect(rows[0]?.before).not.toBe(rows[0]?.day);
    await assertNoDrift(t.pool, { schema });
  });
});

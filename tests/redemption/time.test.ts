import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PromoCodeRepository } from '../../src/index';
import { useRepository } from '../support/repository';

const zoneBefore = process.env.TZ;
beforeAll(() => {
  process.env.TZ = 'America/Los_Angeles';
});
afterAll(() => {
  if (zoneBefore === undefined) delete process.env.TZ;
  else process.env.TZ = zoneBefore;
});

describe.each(['own', 'seed'] as const)('time, on the tables of %s', (tables) => {
  const t = useRepository(`time ${tables}`, { tables });
  const { newCode, request, schema } = t;
  const pool = t.poolWith({ options: '-c TimeZone=Asia/Kathmandu -c DateStyle=German', max: 3 });
  const repository = new PromoCodeRepository(pool, { schema });

  it('the process is in Los Angeles, the session in Kathmandu', async () => {
    expect(new Date(0).getHours()).toBe(16);
    const { rows } = await pool.query(`SELECT current_setting('timezone') AS zone`);
    expect(rows).toEqual([{ zone: 'Asia/Kathmandu' }]);
  });

  it('dates come back as they were given, across changes of daylight saving', async () => {
    for (const [startDate, endDate] of [
      ['2026-03-08T09:59:59.999Z', '2026-03-08T10:00:00.001Z'],
      ['2026-11-01T08:30:00.123Z', '2026-11-01T09:30:00.456Z'],
      ['0001-01-02T00:00:00.000Z', '9999-12-31T00:00:00.000Z'],
    ] as const) {
      const code = await repository.create({
        code: `D${startDate}`.slice(0, 20),
        shopId: 'dates',
        bonusValue: 1,
        startDate: new Date(startDate),
        endDate: new Date(endDate),
      });
      expect(await repository.findById(code.id)).toMatchObject({
        startDate: new Date(startDate),
        endDate: new Date(endDate),
      });
      const moved = await repository.update(code.id, { endDate: new Date('9999-01-01T00:00:00.007Z') });
      expect(moved.endDate).toEqual(new Date('9999-01-01T00:00:00.007Z'));
      expect(Math.abs(moved.updatedAt.getTime() - Date.now())).toBeLessThan(60_000);
      expect(Math.abs((await repository.deactivate(code.id)).updatedAt.getTime() - Date.now())).toBeLessThan(60_000);
    }
  });

  it('used_at is the present, written as UTC where the column has no zone', async () => {
    const result = await repository.redeem(request(await newCode()));
    if (!result.ok) throw new Error(result.reason);
    expect(Math.abs(result.use.usedAt.getTime() - Date.now())).toBeLessThan(60_000);
    const { rows } = await t.sql<{ apart: string }>(
      `SELECT extract(epoch FROM used_at::timestamp - (now() AT TIME ZONE 'UTC')) AS apart
         FROM :"schema".promo_code_uses WHERE id = $1`,
      [result.use.id],
    );
    expect(Math.abs(Number(rows[0]?.apart))).toBeLessThan(60);
  });

  it('the first and the last instant are inside', async () => {
    const code = await newCode();
    const utc = tables === 'seed' ? `now() AT TIME ZONE 'UTC'` : 'now()';
    const client = await pool.connect();
    try {
      for (const [start, end, outcome] of [
        [utc, utc, undefined],
        [`${utc} + interval '1 microsecond'`, `${utc} + interval '1 day'`, 'not_started'],
        [`${utc} - interval '1 day'`, `${utc} - interval '1 microsecond'`, 'expired'],
      ] as const) {
        await client.query('BEGIN');
        await client.query(
          t.expand(`UPDATE :"schema".promo_codes SET start_date = ${start}, end_date = ${end} WHERE id = $1`),
          [code.id],
        );
        const valid = await repository.validate(request(code), { client });
        const result = await repository.redeem(request(code), { client });
        expect([valid.valid ? undefined : valid.reason, result.ok ? undefined : result.reason]).toEqual([
          outcome,
          outcome,
        ]);
        await client.query('ROLLBACK');
      }
    } finally {
      client.release();
    }
  });

  it('a day of the statistics is one of the zone that was asked for, gaps filled', async () => {
    const code = await newCode({ perCustomerLimit: null });
    const results = await repository.redeemMany([1, 2, 3].map(() => request(code)));
    const ids = results.map((result) => (result.ok ? result.use.id : ''));
    // One minute before and after midnight of yesterday in Vienna.
    const at = (minutes: number) =>
      `((now() AT TIME ZONE 'Europe/Vienna')::date - 1 + interval '${minutes} minutes') AT TIME ZONE 'Europe/Vienna'${tables === 'seed' ? ` AT TIME ZONE 'UTC'` : ''}`;
    await t.sql(`UPDATE :"schema".promo_code_uses SET used_at = ${at(-1)} WHERE id = $1`, [ids[0]]);
    await t.sql(`UPDATE :"schema".promo_code_uses SET used_at = ${at(1)} WHERE id = $1`, [ids[1]]);
    const stats = await repository.usageStats(code.id, { days: 5, timeZone: 'Europe/Vienna' });
    expect(stats).toMatchObject({ totalUses: 3, distinctCustomers: 3, totalBonus: '15.00', averageBonus: '5.00' });
    expect(stats.perDay.map(({ uses }) => uses)).toEqual([0, 0, 1, 1, 1]);
    expect(stats.perDay.map(({ bonus }) => bonus)).toEqual(['0.00', '0.00', '5.00', '5.00', '5.00']);
    const none = await repository.usageStats((await newCode()).id, { days: 2 });
    expect(none).toMatchObject({ totalUses: 0, totalBonus: '0.00', averageBonus: '0.00', distinctCustomers: 0 });
    expect(none.perDay).toHaveLength(2);
  });
});

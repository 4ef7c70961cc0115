import { describe, expect, it } from 'vitest';
import { describeContract } from './contract';
import { useHost } from './fixture';
import { manila } from './hosts';

describeContract(manila);

describe('days and times of Manila', () => {
  const h = useHost(manila);
  const today = `(now() AT TIME ZONE 'Asia/Manila')::date`;
  const dates = async (id: string) => {
    const column = (role: 'startDate' | 'endDate') => `${h.hand.code(role)}::text AS "${role}"`;
    const { rows } = await h.sql(
      `SELECT ${column('startDate')}, ${column('endDate')} FROM ${h.hand.codes} WHERE ${h.hand.code('id')}::text = $1`,
      [id],
    );
    return rows[0];
  };

  it('a moment is stored as the day that it is there', async () => {
    const code = await h.newCode({ startDate: '2026-01-01T20:00:00Z', endDate: '2096-03-04T15:59:59Z' });
    expect(await dates(code.id)).toEqual({ startDate: '2026-01-02', endDate: '2096-03-04' });
    expect(code.startDate).toEqual(new Date('2026-01-01T16:00:00Z'));
    await h.repository.update(code.id, { endDate: '2096-03-04T16:00:00Z' });
    expect(await dates(code.id)).toMatchObject({ endDate: '2096-03-05' });
  });

  it('a use is stored by the clock there, and read by it, whatever the zone of the session', async () => {
    const code = await h.newCode({ perCustomerLimit: null });
    const { use } = await h.redeem(code);
    const { rows } = await h.sql(
      `SELECT abs(extract(epoch FROM ${h.hand.use('usedAt')} - (now() AT TIME ZONE 'Asia/Manila'))) < 600 AS "isNow"
         FROM ${h.hand.uses} WHERE ${h.hand.use('id')}::text = $1`,
      [use.id],
    );
    expect(rows).toEqual([{ isNow: true }]);
    await h.hand.setUse(use.id, 'usedAt', `'2026-05-01 00:30'`);
    const client = await h.client();
    await client.query(`SET timezone = 'America/Lima'`);
    const { items } = await h.repository.usesByCode(code.id, { limit: 1 }, { client });
    expect(items[0]?.usedAt).toEqual(new Date('2026-04-30T16:30:00Z'));
  });

  it('statistics know the days there and elsewhere', async () => {
    const code = await h.newCode();
    const { rows } = await h.sql<{ there: string; utc: string }>(
      `SELECT ${today}::text AS there, (${today} - 1)::text AS utc`,
    );
    const [{ there, utc }] = rows as [(typeof rows)[0]];
    const [use] = await h.hand.insertUses({ code: code.id, customer: h.newCustomer() });
    // Half past midnight there is the day before in UTC.
    await h.hand.setUse(use!, 'usedAt', `'${there} 00:30'`);
    const days = async (timeZone: string) => {
      const { perDay } = await h.repository.usageStats(code.id, { days: 3, timeZone });
      return perDay.filter(({ uses }) => uses > 0).map(({ date }) => date);
    };
    expect(await days('Asia/Manila')).toEqual([there]);
    expect(await days('UTC')).toEqual([utc]);
  });
});

describe('days of a place where it is not the day of UTC now', () => {
  const zone = new Date().getUTCHours() < 12 ? 'Etc/GMT+12' : 'Pacific/Kiritimati';
  const h = useHost({ ...manila, ddl: manila.ddl!.replaceAll('Asia/Manila', zone), options: { timeZone: zone } });
  const day = `(now() AT TIME ZONE '${zone}')::date`;

  it('a code is good on its last day and on its first, all day there', async () => {
    const code = await h.newCode();
    await h.hand.setCode(code.id, 'startDate', day);
    await h.hand.setCode(code.id, 'endDate', day);
    await h.redeem(code);
    await h.hand.setCode(code.id, 'startDate', `${day} + 1`);
    await h.hand.setCode(code.id, 'endDate', `${day} + 1`);
    expect(await h.repository.redeem(h.request(code))).toMatchObject({ ok: false, reason: 'not_started' });
    await h.hand.setCode(code.id, 'startDate', `${day} - 9`);
    await h.hand.setCode(code.id, 'endDate', `${day} - 1`);
    expect(await h.repository.redeem(h.request(code))).toMatchObject({ ok: false, reason: 'expired' });
  });
});

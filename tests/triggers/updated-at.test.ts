import { describe, expect, it } from 'vitest';
import { repairDrift } from '../../src/index';
import { cases, useSchema } from '../support';
import { createHost, expectCounters, insert, USUAL_GRANULARITIES, unguarded, use } from './host';
import { type Session, session } from './session';

const t = useSchema('updated at');

const LONG_AGO = '2001-02-03 04:05:06';

/** Seconds between updated_at and the server's clock, for code 1; null while updated_at is what it was long ago. */
async function age(withTimeZone: boolean): Promise<number | null> {
  const stamp = withTimeZone ? 'updated_at' : `updated_at AT TIME ZONE 'UTC'`;
  const { rows } = await t.sql<{ untouched: boolean; age: number }>(
    `SELECT ${stamp} = timestamptz '${LONG_AGO}+00' AS untouched,
            extract(epoch FROM clock_timestamp() - ${stamp})::float8 AS age
       FROM :"schema".promo_codes WHERE id = 1`,
  );
  return rows[0]!.untouched ? null : rows[0]!.age;
}

const reset = (withTimeZone: boolean) =>
  t.sql(`UPDATE :"schema".promo_codes SET updated_at = '${LONG_AGO}${withTimeZone ? '+00' : ''}'`);

const COLUMNS = [
  { type: 'timestamptz', withTimeZone: true },
  { type: 'timestamp without time zone', withTimeZone: false },
  { type: 'timestamptz(0)', withTimeZone: true },
];
const SETTINGS = [
  { zone: 'UTC', dateStyle: 'ISO, MDY' },
  { zone: 'Asia/Kathmandu', dateStyle: 'German, DMY' },
  { zone: 'America/St_Johns', dateStyle: 'Postgres, MDY' },
  { zone: '-11', dateStyle: 'SQL, DMY' },
];

describe.each(cases('types of updated_at', COLUMNS, ({ type }) => type === 'timestamp without time zone'))(
  'updated_at of type $type',
  ({ type, withTimeZone }) => {
    describe.each(USUAL_GRANULARITIES)('with %s triggers', (granularity) => {
      const host = async (): Promise<Session> => {
        await createHost(t, {
          granularity,
          alter: `ALTER TABLE :"schema".promo_codes ALTER updated_at TYPE ${type} USING updated_at AT TIME ZONE 'UTC'`,
        });
        await t.sql(insert(use(1, 1), use(2, 2)));
        return session(t);
      };

      it.each(SETTINGS)(
        'moves with every way of counting, in UTC, under TimeZone $zone and DateStyle $dateStyle',
        async (settings) => {
          const { sql } = await host();
          await sql(`SELECT set_config('timezone', $1, false), set_config('datestyle', $2, false)`, [
            settings.zone,
            settings.dateStyle,
          ]);
          for (const statement of [
            insert(use(1, 10)),
            'UPDATE :"schema".promo_code_uses SET bonus_amount = 11 WHERE bonus_amount = 10',
            'UPDATE :"schema".promo_code_uses SET promo_code_id = 2 WHERE bonus_amount = 1',
            'DELETE FROM :"schema".promo_code_uses WHERE bonus_amount = 11',
            insert(use(1, 3)),
            'TRUNCATE :"schema".promo_code_uses',
          ]) {
            await reset(withTimeZone);
            await sql(statement);
            const seconds = await age(withTimeZone);
            expect(seconds, statement).not.toBeNull();
            // A second more for rounding, and some for a slow machine; a wrong zone would be half an hour off at least.
            expect(Math.abs(seconds!), statement).toBeLessThan(60);
          }
          await expectCounters(t, {});
        },
      );

      it('is the time of the transaction, for all codes of it', async () => {
        const { sql } = await host();
        await sql('BEGIN');
        await sql(insert(use(1, 10)));
        await sql(insert(use(2, 10)));
        const stamp = withTimeZone ? 'updated_at' : `updated_at AT TIME ZONE 'UTC'`;
        const { rows } = await sql(
          `SELECT id, ${stamp} = now()::${type.replace('timestamp without time zone', 'timestamptz')} AS now
           FROM :"schema".promo_codes WHERE id < 3 ORDER BY id`,
        );
        await sql('COMMIT');
        expect(rows).toEqual([
          { id: 1, now: true },
          { id: 2, now: true },
        ]);
      });

      it('stays where no counter moves', async () => {
        const { sql } = await host();
        await reset(withTimeZone);
        await sql(`UPDATE :"schema".promo_code_uses SET transaction_id = 'tx', bonus_amount = bonus_amount`);
        await sql(insert(use(2, 5)));
        await sql('DELETE FROM :"schema".promo_code_uses WHERE promo_code_id = 2');
        await repairDrift(t.pool, { schema: t.schema });
        expect(await age(withTimeZone)).toBeNull();
        await expectCounters(t, { 1: [1, '1.00'] });
      });

      it('moves when a drifted counter is recounted, by a trigger or by repairDrift', async () => {
        const { sql } = await host();
        await sql(`SET timezone = 'Asia/Kathmandu'`);
        await sql(unguarded('UPDATE :"schema".promo_codes SET times_used = 0 WHERE id = 1'));
        await reset(withTimeZone);
        await sql('DELETE FROM :"schema".promo_code_uses WHERE promo_code_id = 1');
        expect(Math.abs((await age(withTimeZone))!)).toBeLessThan(60);

        await sql(unguarded('UPDATE :"schema".promo_codes SET times_used = 3 WHERE id = 1'));
        await reset(withTimeZone);
        await repairDrift((await clientIn('Asia/Kathmandu')).client, { schema: t.schema });
        expect(Math.abs((await age(withTimeZone))!)).toBeLessThan(60);
        await expectCounters(t, { 2: [1, '2.00'] });
      });
    });
  },
);

async function clientIn(zone: string): Promise<Session> {
  const opened = await session(t);
  await opened.sql(`SELECT set_config('timezone', $1, false)`, [zone]);
  return opened;
}

describe.each(USUAL_GRANULARITIES)('updated_at of a domain that is NOT NULL, with %s triggers', (granularity) => {
  it('is no obstacle', async () => {
    await createHost(t, {
      granularity,
      alter: `CREATE DOMAIN :"schema".moment AS timestamptz NOT NULL;
              ALTER TABLE :"schema".promo_codes ALTER updated_at TYPE :"schema".moment`,
    });
    await t.sql(insert(use(1, 5), use(2, 3)));
    await t.sql('DELETE FROM :"schema".promo_code_uses WHERE bonus_amount = 3');
    await expectCounters(t, { 1: [1, '5.00'] });
  });
});

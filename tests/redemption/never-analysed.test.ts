import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import { installTriggers, type PromoCode } from '../../src/index';
import { insertUses } from '../support/host-tables';
import { useRepository } from '../support/repository';
import { cases } from '../support/scope';

/** What one call may read of a table: what is of the customer, its own, and their neighbours. */
const MOST_ROWS = 10;
const USES = 100_000;

describe.each(cases('tables', ['own', 'seed'] as const, (tables) => tables === 'own'))(
  'tables that were never analysed, of %s',
  (tables) => {
    const t = useRepository(`never analysed ${tables}`, { tables });
    const { repository, newCode, request, counts } = t;

    // By table; what the session has read and not reported yet, so that only differences mean something.
    const rowsRead = async (session: pg.Client): Promise<Map<string, number>> => {
      const { rows } = await session.query<{ table: string; rows: string }>(
        t.expand(`SELECT relname AS table, idx_tup_fetch + seq_tup_read AS rows FROM pg_stat_xact_user_tables
                   WHERE schemaname IN (:'schema', :'library')`),
      );
      return new Map(rows.map(({ table, rows: read }) => [table, Number(read)]));
    };
    const expectFewRows = async (session: pg.Client, call: () => Promise<unknown>): Promise<void> => {
      const before = await rowsRead(session);
      await call();
      for (const [table, read] of await rowsRead(session)) {
        expect(read - (before.get(table) ?? 0), table).toBeLessThan(MOST_ROWS);
      }
    };
    const addUses = (code: PromoCode, uses: number) =>
      t.sql(
        `INSERT INTO :"schema".promo_code_uses (promo_code_id, customer_address, shop_id, base_reward, bonus_amount, total_reward)
       SELECT $1, 'filler-' || n, 'shop', 10, 5, 15 FROM generate_series(1, $2::int) AS n`,
        [code.id, uses],
      );

    it.each([20, 150, 400, 1_000, 2_500])('read little by plans that are made when there are %i uses', async (uses) => {
      await t.sql(
        'ALTER TABLE :"schema".promo_code_uses SET (autovacuum_enabled = off); TRUNCATE :"schema".promo_code_uses',
      );
      const code = await newCode({ perCustomerLimit: 1 });
      await repository.generate({ count: uses, shopId: 'shop', bonusValue: '5.00' });
      await addUses(code, uses);
      const session = await t.client();
      await session.query('BEGIN');
      try {
        for (const call of [
          () => repository.redeem(request(code), { client: session }),
          () => repository.validate(request(code), { client: session }),
          () => repository.redeem(request(code, { customerAddress: 'FILLER-7' }), { client: session }),
          () => repository.validate(request(code, { customerAddress: 'FILLER-7' }), { client: session }),
          () => repository.redeemMany([request(code), request(code)], { client: session }),
        ]) {
          await expectFewRows(session, call);
        }
      } finally {
        await session.query('ROLLBACK');
      }
    });

    it('read little where limits are enforced', async () => {
      const code = await newCode({ perCustomerLimit: 1 });
      await addUses(code, 1_000);
      await installTriggers(t.pool, { schema: t.schema, enforceLimits: true });
      const session = await t.client();
      await session.query('BEGIN');
      try {
        await expectFewRows(session, () => session.query(t.expand(insertUses(Number(code.id)))));
      } finally {
        await session.query('ROLLBACK');
        await installTriggers(t.pool, { schema: t.schema, enforceLimits: false });
      }
    });

    it('count the uses of a customer of a hot code without reading those of all others', async () => {
      await t.sql(`ALTER TABLE :"schema".promo_code_uses SET (autovacuum_enabled = off);
                 ALTER TABLE :"schema".promo_codes SET (autovacuum_enabled = off)`);
      const code = await newCode({ perCustomerLimit: 2 });
      const client = await t.client();
      // The plans of this session are made, and kept, while the table is as good as empty.
      for (let time = 0; time < 12; time += 1) await repository.redeem(request(code), { client });
      await addUses(code, USES);
      const { rows } = await t.sql(
        `SELECT FROM pg_stats WHERE schemaname = :'schema' AND tablename = 'promo_code_uses'`,
      );
      expect(rows).toEqual([]);

      const again = await t.client();
      for (const session of [client, again]) {
        for (let time = 0; time < 12; time += 1) {
          await session.query('BEGIN');
          await expectFewRows(session, async () => {
            expect(await repository.redeem(request(code), { client: session })).toMatchObject({ ok: true });
          });
          await session.query('COMMIT');
        }
      }
      const greedy = request(code, { customerAddress: 'FILLER-77777' });
      expect(await repository.redeem(greedy, { client })).toMatchObject({ ok: true });
      expect(await repository.redeem(greedy, { client })).toMatchObject({ reason: 'customer_limit_reached' });
      expect((await counts(code)).uses).toBe(USES + 37);
    }, 60_000);
  },
);

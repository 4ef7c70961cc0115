import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import { useRepository } from '../support/repository';
import { cases } from '../support/scope';

/** What one redemption may read of the table of uses: those of the customer, its own, and their neighbours. */
const MOST_ROWS = 10;
const USES = 100_000;

describe.each(cases('tables', ['own', 'seed'] as const, (tables) => tables === 'own'))(
  'tables that were never analysed, of %s',
  (tables) => {
    const t = useRepository(`never analysed ${tables}`, { tables });
    const { repository, newCode, request, counts } = t;

    it('count the uses of a customer of a hot code without reading those of all others', async () => {
      await t.sql(`ALTER TABLE :"schema".promo_code_uses SET (autovacuum_enabled = off);
                 ALTER TABLE :"schema".promo_codes SET (autovacuum_enabled = off)`);
      const code = await newCode({ perCustomerLimit: 2 });
      const client = await t.client();
      // The plans of this session are made, and kept, while the table is as good as empty.
      for (let time = 0; time < 12; time += 1) await repository.redeem(request(code), { client });
      await t.sql(
        `INSERT INTO :"schema".promo_code_uses (promo_code_id, customer_address, shop_id, base_reward, bonus_amount, total_reward)
       SELECT $1, 'filler-' || n, 'shop', 10, 5, 15 FROM generate_series(1, $2::int) AS n`,
        [code.id, USES],
      );
      const { rows } = await t.sql(
        `SELECT FROM pg_stats WHERE schemaname = :'schema' AND tablename = 'promo_code_uses'`,
      );
      expect(rows).toEqual([]);

      const again = await t.client();
      const rowsRead = async (session: pg.Client): Promise<number> => {
        // What the session has read and not reported yet, so that only differences mean something.
        const { rows: found } = await session.query<{ rows: string }>(
          t.expand(`SELECT idx_tup_fetch + seq_tup_read AS rows FROM pg_stat_xact_user_tables
                   WHERE schemaname = :'schema' AND relname = 'promo_code_uses'`),
        );
        return Number(found[0]?.rows);
      };
      for (const session of [client, again]) {
        for (let time = 0; time < 12; time += 1) {
          await session.query('BEGIN');
          const before = await rowsRead(session);
          expect(await repository.redeem(request(code), { client: session })).toMatchObject({ ok: true });
          expect((await rowsRead(session)) - before).toBeLessThan(MOST_ROWS);
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

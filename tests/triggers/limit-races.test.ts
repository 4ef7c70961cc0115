import { beforeEach, describe, expect, it } from 'vitest';
import { barrier, useSchema, waitUntilBlocked } from '../support';
import { createHost, expectCounters, expectNoDrift, insert, USUAL_GRANULARITIES, use } from './host';
import { session, sessions } from './session';

const t = useSchema('limit races');

const LIMITS = [
  { limit: 'total_usage_limit', beyond: 'PC002', customers: ['ann', 'ben'] },
  { limit: 'per_customer_limit', beyond: 'PC003', customers: ['ann', ' ANN '] },
] as const;
const ISOLATION = [
  { level: 'READ COMMITTED', retry: false },
  { level: 'REPEATABLE READ', retry: true },
  { level: 'SERIALIZABLE', retry: true },
] as const;

describe.each(USUAL_GRANULARITIES)('races for the last use of a code (%s triggers)', (granularity) => {
  beforeEach(() => createHost(t, { granularity, enforceLimits: true }));

  describe.each(LIMITS)('$limit', ({ limit, beyond, customers: [one, other] }) => {
    const setLimit = (value: number) => t.sql(`UPDATE :"schema".promo_codes SET ${limit} = ${value}`);

    it.each(ISOLATION)('under $level, the second waits, and fails when the first commits', async ({ level, retry }) => {
      await setLimit(1);
      const [first, second] = await sessions(t, 2);
      await first!.sql('BEGIN');
      await first!.sql(insert(use(1, 1, one)));
      await second!.sql(`BEGIN ISOLATION LEVEL ${level}`);
      await second!.sql('SELECT 1');
      const refused = expect(second!.sql(insert(use(1, 2, other)))).rejects.toMatchObject({
        code: retry ? '40001' : beyond,
      });
      await waitUntilBlocked(t.pool, second!.client);
      await first!.sql('COMMIT');
      await refused;
      await second!.sql('ROLLBACK');
      // Run again, as 40001 asks for, it is told the limit.
      await second!.sql(`BEGIN ISOLATION LEVEL ${level}`);
      await expect(second!.sql(insert(use(1, 2, other)))).rejects.toMatchObject({ code: beyond });
      await second!.sql('ROLLBACK');
      await expectCounters(t, { 1: [1, '1.00'] });
    });

    it.each(ISOLATION)('under $level, the second waits, and gets it when the first rolls back', async ({ level }) => {
      await setLimit(1);
      const [first, second] = await sessions(t, 2);
      await first!.sql('BEGIN');
      await first!.sql(insert(use(1, 1, one)));
      await second!.sql(`BEGIN ISOLATION LEVEL ${level}`);
      const inserted = second!.sql(insert(use(1, 2, other)));
      await waitUntilBlocked(t.pool, second!.client);
      await first!.sql('ROLLBACK');
      await inserted;
      await second!.sql('COMMIT');
      await expectCounters(t, { 1: [1, '2.00'] });
    });

    it.each(ISOLATION)(
      'under $level, a delete that is not committed yet frees nothing until it is',
      async ({ level, retry }) => {
        await setLimit(1);
        await t.sql(insert(use(1, 1, one)));
        const [first, second] = await sessions(t, 2);
        await first!.sql('BEGIN');
        await first!.sql('DELETE FROM :"schema".promo_code_uses');
        await second!.sql(`BEGIN ISOLATION LEVEL ${level}`);
        const inserted = second!.sql(insert(use(1, 2, other))).then(
          () => 'inserted',
          ({ code }) => code,
        );
        await waitUntilBlocked(t.pool, second!.client);
        await first!.sql('COMMIT');
        expect(await inserted).toBe(retry ? '40001' : 'inserted');
        await second!.sql(retry ? 'ROLLBACK' : 'COMMIT');
        await expectCounters(t, retry ? {} : { 1: [1, '2.00'] });
      },
    );

    it('a use that is moved in races with one that is inserted', async () => {
      await setLimit(1);
      await t.sql(insert(use(2, 1, one)));
      const [moving, inserting] = await sessions(t, 2);
      await moving!.sql('BEGIN');
      await moving!.sql('UPDATE :"schema".promo_code_uses SET promo_code_id = 1');
      const refused = expect(inserting!.sql(insert(use(1, 2, other)))).rejects.toMatchObject({ code: beyond });
      await waitUntilBlocked(t.pool, inserting!.client);
      await moving!.sql('COMMIT');
      await refused;
      await expectCounters(t, { 1: [1, '1.00'] });
    });

    it('a limit that is lowered while a use waits counts for it', async () => {
      await setLimit(2);
      await t.sql(insert(use(1, 1, one)));
      const [lowering, inserting] = await sessions(t, 2);
      await lowering!.sql('BEGIN');
      await lowering!.sql(`UPDATE :"schema".promo_codes SET ${limit} = 1`);
      const refused = expect(inserting!.sql(insert(use(1, 2, other)))).rejects.toMatchObject({ code: beyond });
      await waitUntilBlocked(t.pool, inserting!.client);
      await lowering!.sql('COMMIT');
      await refused;
      await expectCounters(t, { 1: [1, '1.00'] });
    });

    it('twenty clients at once get exactly ten uses', async () => {
      await setLimit(10);
      const clients = await sessions(t, 20);
      const start = barrier(clients.length);
      const outcomes = await Promise.all(
        clients.map(async ({ sql }, index) => {
          await start.arrive();
          const customer = beyond === 'PC003' ? one : `customer-${index}`;
          return sql(insert(use(1, 1, customer))).then(
            () => 'inserted',
            ({ code }) => code,
          );
        }),
      );
      expect(outcomes.filter((outcome) => outcome === 'inserted')).toHaveLength(10);
      expect(outcomes.filter((outcome) => outcome === beyond)).toHaveLength(10);
      await expectCounters(t, { 1: [10, '10.00'] });
    });
  });

  it('twenty clients with statements over several codes get no more than the limits allow, without a deadlock', async () => {
    await t.sql('UPDATE :"schema".promo_codes SET total_usage_limit = 10 WHERE id < 4');
    const clients = await sessions(t, 20);
    const start = barrier(clients.length);
    const outcomes = await Promise.all(
      clients.map(async ({ sql }, index) => {
        // Row triggers lock in the order of the rows, so there the rows are in order.
        const codes = granularity === 'row' || index % 2 === 0 ? [1, 2, 3] : [3, 2, 1];
        await start.arrive();
        return sql(insert(...codes.map((code) => use(code, 1, `customer-${index}`)))).then(
          () => 'inserted',
          ({ code }) => code,
        );
      }),
    );
    expect([...new Set(outcomes)].sort()).toEqual(['PC002', 'inserted']);
    expect(outcomes.filter((outcome) => outcome === 'inserted')).toHaveLength(10);
    await expectCounters(t, { 1: [10, '10.00'], 2: [10, '10.00'], 3: [10, '10.00'] });
  });

  it.each(ISOLATION)(
    'under $level, two uses that change hands do not both get to one customer',
    async ({ level, retry }) => {
      await t.sql('UPDATE :"schema".promo_codes SET per_customer_limit = 1');
      await t.sql(insert(use(1, 1, 'ann'), use(1, 2, 'ben')));
      const [first, second] = [await session(t), await session(t)];
      const give = (amount: number) =>
        `UPDATE :"schema".promo_code_uses SET customer_address = 'cem' WHERE bonus_amount = ${amount}`;
      for (const { sql } of [first, second]) {
        await sql(`BEGIN ISOLATION LEVEL ${level}`);
        await sql('SELECT FROM :"schema".promo_code_uses');
      }
      await first.sql(give(1));
      const given = second.sql(give(2)).then(() => second.sql('COMMIT'));
      const outcome = given.then(
        () => 'given',
        ({ code }) => code,
      );
      await waitUntilBlocked(t.pool, second.client);
      await first.sql('COMMIT');
      expect(await outcome).toBe(retry ? '40001' : 'PC003');
      await second.sql('ROLLBACK');
      await expectNoDrift(t);
    },
  );
});

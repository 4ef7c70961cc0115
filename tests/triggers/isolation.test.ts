import { beforeEach, describe, expect, it } from 'vitest';
import { useSchema, waitUntilBlocked } from '../support';
import { createHost, expectCounters, expectNoDrift, insert, USUAL_GRANULARITIES, unguarded, use } from './host';
import { type Session, session, sessions } from './session';

const t = useSchema('isolation');

const LEVELS = ['REPEATABLE READ', 'SERIALIZABLE'] as const;
const WRITES: [name: string, statement: string][] = [
  ['insert', insert(use(1, 10))],
  ['amend', 'UPDATE :"schema".promo_code_uses SET bonus_amount = 3 WHERE bonus_amount = 1'],
  ['move away', 'UPDATE :"schema".promo_code_uses SET promo_code_id = 2 WHERE bonus_amount = 1'],
  ['move here', 'UPDATE :"schema".promo_code_uses SET promo_code_id = 1 WHERE bonus_amount = 2'],
  ['delete', 'DELETE FROM :"schema".promo_code_uses WHERE bonus_amount = 1'],
  ['delete the code', 'DELETE FROM :"schema".promo_codes WHERE id = 1'],
];

const outcomeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    ({ code }) => String(code),
  );

/** A transaction whose snapshot is taken, so that it does not see what comes. */
async function withSnapshot(level: string): Promise<Session> {
  const opened = await session(t);
  await opened.sql(`BEGIN ISOLATION LEVEL ${level}`);
  await opened.sql('SELECT FROM :"schema".promo_codes, :"schema".promo_code_uses');
  return opened;
}

describe.each(USUAL_GRANULARITIES)('no isolation level loses an update (%s triggers)', (granularity) => {
  beforeEach(async () => {
    await createHost(t, { granularity });
    await t.sql(insert(use(1, 1), use(2, 2)));
  });

  describe.each(LEVELS)('under %s', (level) => {
    it.each(WRITES)(
      'to %s fails with 40001 when the code was used since the snapshot, and succeeds when run again',
      async (_, statement) => {
        const { sql } = await withSnapshot(level);
        await t.sql(insert(use(1, 20)));
        expect(await outcomeOf(sql(statement))).toBe('40001');
        await sql('ROLLBACK');
        await expectCounters(t, { 1: [2, '21.00'], 2: [1, '2.00'] });
        await sql(`BEGIN ISOLATION LEVEL ${level}`);
        await sql(statement);
        await sql('COMMIT');
        await expectNoDrift(t);
      },
    );

    it.each(WRITES)(
      'to %s fails with 40001 after waiting for a use of the code, and does not when that is rolled back',
      async (_, statement) => {
        for (const end of ['COMMIT', 'ROLLBACK']) {
          const [first, second] = [await session(t), await withSnapshot(level)];
          await first.sql('BEGIN');
          await first.sql(insert(use(1, 20)));
          const written = outcomeOf(second.sql(statement));
          await waitUntilBlocked(t.pool, second.client);
          await first.sql(end);
          expect(await written).toBe(end === 'COMMIT' ? '40001' : 'done');
          await second.sql(end === 'COMMIT' ? 'ROLLBACK' : 'COMMIT');
          await expectNoDrift(t);
        }
      },
    );

    it('codes that nobody else uses do not disturb each other', async () => {
      const [first, second] = [await withSnapshot(level), await withSnapshot(level)];
      await first.sql(insert(use(1, 10)));
      await first.sql('COMMIT');
      // Reading everything, as it did for its snapshot, SERIALIZABLE has a reason of its own to refuse.
      const outcome = await outcomeOf(second.sql(insert(use(2, 20))).then(() => second.sql('COMMIT')));
      if (level === 'REPEATABLE READ') expect(outcome).toBe('done');
      await second.sql('ROLLBACK');
      await expectNoDrift(t);
    });

    it('TRUNCATE, which removes uses that its snapshot does not show, leaves no counter behind', async () => {
      const { sql } = await withSnapshot(level);
      await t.sql(insert(use(3, 20)));
      const truncated = await outcomeOf(sql('TRUNCATE :"schema".promo_code_uses').then(() => sql('COMMIT')));
      await sql('ROLLBACK');
      await expectNoDrift(t);
      if (truncated === 'done') await expectCounters(t, {});
    });

    it('TRUNCATE, which removes uses of a code that its snapshot does not show, leaves no counter behind', async () => {
      const { sql } = await withSnapshot(level);
      await t.sql(`INSERT INTO :"schema".promo_codes (id, code, shop_id) VALUES (100, 'N', 'shop')`);
      await t.sql(insert(use(100, 20)));
      const truncated = await outcomeOf(sql('TRUNCATE :"schema".promo_code_uses').then(() => sql('COMMIT')));
      await sql('ROLLBACK');
      await expectNoDrift(t);
      if (truncated === 'done') await expectCounters(t, {});
    });
  });

  it('under READ COMMITTED every write waits for its turn', async () => {
    for (const [name, statement] of WRITES) {
      await createHost(t, { granularity });
      await t.sql(insert(use(1, 1), use(2, 2)));
      const [first, second] = await sessions(t, 2);
      await first!.sql('BEGIN');
      await first!.sql(insert(use(1, 20)));
      const written = outcomeOf(second!.sql(statement));
      await waitUntilBlocked(t.pool, second!.client);
      await first!.sql('COMMIT');
      expect(await written, name).toBe('done');
      await expectNoDrift(t);
    }
  });

  it('under READ COMMITTED a recount of a counter that had drifted low waits too, and then sees what it waited for', async () => {
    await t.sql(unguarded('UPDATE :"schema".promo_codes SET times_used = -1 WHERE id = 1'));
    const [first, second] = await sessions(t, 2);
    await first!.sql('BEGIN');
    await first!.sql(insert(use(1, 20)));
    const deleted = second!.sql('DELETE FROM :"schema".promo_code_uses WHERE bonus_amount = 1');
    await waitUntilBlocked(t.pool, second!.client);
    await first!.sql('COMMIT');
    await deleted;
    await expectCounters(t, { 1: [1, '20.00'], 2: [1, '2.00'] });
  });
});

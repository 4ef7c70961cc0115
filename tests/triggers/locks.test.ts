import { beforeEach, describe, expect, it } from 'vitest';
import { backendPid, barrier, eventually, useSchema, waitUntilBlocked } from '../support';
import { createHost, expectCounters, insert, USUAL_GRANULARITIES, use } from './host';
import { type Session, session, sessions } from './session';

const t = useSchema('locks');

const outcomeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    ({ code }) => String(code),
  );

/**
 * A gate: statements of sessions that ask for it stop at a trigger of the host, until the gate is opened. It is an advisory
 * lock of the transaction that closed it.
 */
async function closeGate(): Promise<Session> {
  const gate = await session(t);
  await gate.sql('BEGIN');
  await gate.sql(`SELECT pg_advisory_xact_lock(hashtext(:'schema'))`);
  return gate;
}

const STOP_AT_GATE = `
  CREATE FUNCTION :"schema".stop_at_gate() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    IF current_setting('test.stop', true) = 'yes' THEN
      PERFORM pg_advisory_xact_lock_shared(hashtext(TG_TABLE_SCHEMA));
    END IF;
    RETURN NEW;
  END $$`;

const stopping = async (count: number): Promise<Session[]> => {
  const opened = await sessions(t, count);
  for (const { sql } of opened) await sql(`SET test.stop = 'yes'`);
  return opened;
};

describe.each(USUAL_GRANULARITIES)('locks (%s triggers)', (granularity) => {
  beforeEach(() => createHost(t, { granularity, enforceLimits: true, alter: STOP_AT_GATE }));

  it('inserts of one code do not deadlock, although each has locked the code for its foreign key before', async () => {
    // Its name sorts after those of the foreign key's triggers and before those of the counting ones.
    await t.sql(
      `CREATE TRIGGER "Stop" AFTER INSERT ON :"schema".promo_code_uses FOR EACH ROW EXECUTE FUNCTION :"schema".stop_at_gate()`,
    );
    const gate = await closeGate();
    const clients = await stopping(4);
    const inserted = clients.map(({ sql }) => outcomeOf(sql(insert(use(1, 1)))));
    for (const { client } of clients) {
      expect((await waitUntilBlocked(t.pool, client)).lock).toBe('advisory');
    }
    await gate.sql('COMMIT');
    expect(await Promise.all(inserted)).toEqual(['done', 'done', 'done', 'done']);
    await expectCounters(t, { 1: [4, '4.00'] });
  });

  it('a second insert of the same transaction does not deadlock with one that waits for the first', async () => {
    const [first, second] = await sessions(t, 2);
    await first!.sql('BEGIN');
    await first!.sql(insert(use(1, 1)));
    const waiting = outcomeOf(second!.sql(insert(use(1, 2))));
    await waitUntilBlocked(t.pool, second!.client);
    await first!.sql(insert(use(1, 4)));
    await first!.sql('DELETE FROM :"schema".promo_code_uses WHERE bonus_amount = 1');
    await first!.sql('COMMIT');
    expect(await waiting).toBe('done');
    await expectCounters(t, { 1: [2, '6.00'] });
  });

  /** Two statements over codes 1 and 2 that name them in opposite order; the first stops when it has locked one of them. */
  const STATEMENTS: [name: string, first: string, second: string][] = [
    ['inserts', insert(use(1, 1), use(2, 1)), insert(use(2, 1), use(1, 1))],
    [
      'deletes',
      `DELETE FROM :"schema".promo_code_uses WHERE bonus_amount IN (101, 102)`,
      `DELETE FROM :"schema".promo_code_uses WHERE bonus_amount IN (103, 104)`,
    ],
    [
      'updates of amounts',
      `UPDATE :"schema".promo_code_uses SET bonus_amount = 7 WHERE bonus_amount IN (101, 102)`,
      `UPDATE :"schema".promo_code_uses SET bonus_amount = 7 WHERE bonus_amount IN (103, 104)`,
    ],
    [
      'changes of hands',
      `UPDATE :"schema".promo_code_uses SET customer_address = 'x' WHERE bonus_amount IN (101, 102)`,
      `UPDATE :"schema".promo_code_uses SET customer_address = 'y' WHERE bonus_amount IN (103, 104)`,
    ],
    [
      'moves in opposite directions',
      `UPDATE :"schema".promo_code_uses SET promo_code_id = 2 WHERE bonus_amount = 101`,
      `UPDATE :"schema".promo_code_uses SET promo_code_id = 1 WHERE bonus_amount = 103`,
    ],
  ];

  it.each(STATEMENTS)('%s over the same codes in opposite order', async (name, first, second) => {
    await t.sql(insert(use(1, 101), use(2, 102), use(2, 103), use(1, 104)));
    await t.sql(
      `CREATE TRIGGER stop AFTER UPDATE ON :"schema".promo_codes FOR EACH ROW EXECUTE FUNCTION :"schema".stop_at_gate()`,
    );
    const gate = await closeGate();
    const [stopped] = await stopping(1);
    const other = await session(t);
    const results = [outcomeOf(stopped!.sql(first))];
    // It may have to wait for something of the server's own before.
    await eventually(async () => expect((await waitUntilBlocked(t.pool, stopped!.client)).lock).toBe('advisory'));
    results.push(outcomeOf(other.sql(second)));
    expect((await waitUntilBlocked(t.pool, other.client)).blockers).toEqual([backendPid(stopped!.client)]);
    await gate.sql('COMMIT');
    const outcomes = (await Promise.all(results)).sort();

    const { rows } = await t.sql<{ id: string; n: number; sum: string }>(
      'SELECT promo_code_id AS id, count(*)::int AS n, sum(bonus_amount)::text AS sum FROM :"schema".promo_code_uses GROUP BY 1',
    );
    await expectCounters(t, Object.fromEntries(rows.map(({ id, n, sum }) => [id, [n, sum] as [number, string]])));
    // A row trigger cannot know which rows are still to come, and locks in their order: PostgreSQL ends one of the two.
    // A move is one row, of which both codes are known.
    const ordered = granularity === 'statement' || name.startsWith('moves');
    expect(outcomes).toEqual(ordered ? ['done', 'done'] : ['40P01', 'done']);
  });

  it('a code that is being deleted: an insert waits, and fails or goes through with the outcome', async () => {
    for (const outcome of ['COMMIT', 'ROLLBACK']) {
      const [deleting, inserting] = await sessions(t, 2);
      await deleting!.sql('BEGIN');
      await deleting!.sql('DELETE FROM :"schema".promo_codes WHERE id = 1');
      const inserted = outcomeOf(inserting!.sql(insert(use(1, 1))));
      await waitUntilBlocked(t.pool, inserting!.client);
      await deleting!.sql(outcome);
      expect(await inserted).toBe(outcome === 'COMMIT' ? '23503' : 'done');
      await t.sql(
        `INSERT INTO :"schema".promo_codes (id, code, shop_id) VALUES (1, 'C1', 'shop') ON CONFLICT DO NOTHING`,
      );
    }
    await expectCounters(t, { 1: [1, '1.00'] });
  });

  it('a code that has just been used: a delete waits, and takes the new use along', async () => {
    const [inserting, deleting] = await sessions(t, 2);
    await inserting!.sql('BEGIN');
    await inserting!.sql(insert(use(1, 1), use(2, 2)));
    const deleted = outcomeOf(deleting!.sql('DELETE FROM :"schema".promo_codes WHERE id = 1'));
    await waitUntilBlocked(t.pool, deleting!.client);
    await inserting!.sql('COMMIT');
    expect(await deleted).toBe('done');
    await expectCounters(t, { 2: [1, '2.00'] });
  });

  it('TRUNCATE waits for uses in flight, and they for it', async () => {
    await t.sql(insert(use(3, 8)));
    const [writing, truncating] = await sessions(t, 2);
    await writing!.sql('BEGIN');
    await writing!.sql(insert(use(1, 1)));
    await writing!.sql('DELETE FROM :"schema".promo_code_uses WHERE promo_code_id = 3');
    await truncating!.sql('BEGIN');
    const truncated = truncating!.sql('TRUNCATE :"schema".promo_code_uses');
    await waitUntilBlocked(t.pool, truncating!.client);
    await writing!.sql('COMMIT');
    await truncated;
    const inserted = writing!.sql(insert(use(2, 2)));
    await waitUntilBlocked(t.pool, writing!.client);
    await truncating!.sql('COMMIT');
    await inserted;
    await expectCounters(t, { 2: [1, '2.00'] });
  });

  it('twenty clients that insert, amend, move and delete at once leave exact counters, and nothing deadlocks', async () => {
    const clients = await sessions(t, 20);
    const start = barrier(clients.length);
    const outcomes = await Promise.all(
      clients.map(async ({ sql }, index) => {
        await start.arrive();
        const done: string[] = [];
        for (let round = 0; round < 5; round += 1) {
          const mine = `customer_address = 'client ${index}'`;
          const code = 1 + ((index + round) % 3);
          for (const statement of [
            insert(use(code, 3, `client ${index}`), use(code, 4, `client ${index}`)),
            `UPDATE :"schema".promo_code_uses SET bonus_amount = bonus_amount + 1 WHERE ${mine} AND promo_code_id = ${code}`,
            `DELETE FROM :"schema".promo_code_uses WHERE ${mine} AND promo_code_id = ${code} AND bonus_amount < 5`,
          ]) {
            done.push(await outcomeOf(sql(statement)));
          }
        }
        return done;
      }),
    );
    expect(new Set(outcomes.flat())).toEqual(new Set(['done']));
    const { rows } = await t.sql<{ id: string; n: number; sum: string }>(
      'SELECT promo_code_id AS id, count(*)::int AS n, sum(bonus_amount)::text AS sum FROM :"schema".promo_code_uses GROUP BY 1',
    );
    expect(rows).toHaveLength(3);
    await expectCounters(t, Object.fromEntries(rows.map(({ id, n, sum }) => [id, [n, sum] as [number, string]])));
  });
});

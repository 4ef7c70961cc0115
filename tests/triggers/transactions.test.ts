import { beforeEach, describe, expect, it } from 'vitest';
import { backendPid, eventually, useSchema, waitUntilBlocked } from '../support';
import { createHost, expectCounters, insert, use, VARIANTS } from './host';
import { session, sessions } from './session';

const t = useSchema('transactions');

describe.each(VARIANTS)('counters and rows share their fate ($tables tables, $granularity triggers)', (variant) => {
  beforeEach(() => createHost(t, variant));

  it('ROLLBACK takes both back', async () => {
    await t.sql(insert(use(1, 10)));
    const { sql } = await session(t);
    await sql('BEGIN');
    await sql(insert(use(1), use(2)));
    await sql('UPDATE :"schema".promo_code_uses SET bonus_amount = 1');
    await sql('TRUNCATE :"schema".promo_code_uses');
    await sql('ROLLBACK');
    await expectCounters(t, { 1: [1, '10.00'] });
  });

  it('nobody sees one without the other before the commit', async () => {
    const { sql } = await session(t);
    await sql('BEGIN');
    await sql(insert(use(1), use(2)));
    await expectCounters(t, {});
    await sql('COMMIT');
    await expectCounters(t, { 1: [1, '5.00'], 2: [1, '5.00'] });
  });

  it('savepoints take back what came after them', async () => {
    const { sql } = await session(t);
    await sql('BEGIN');
    await sql(insert(use(1, 1)));
    await sql('SAVEPOINT one');
    await sql(insert(use(1, 2), use(2, 2)));
    await sql('SAVEPOINT two');
    await sql('DELETE FROM :"schema".promo_code_uses');
    await sql('ROLLBACK TO two');
    await sql(insert(use(1, 4)));
    await sql('RELEASE two');
    await sql('ROLLBACK TO one');
    await sql(insert(use(3, 8)));
    await sql('COMMIT');
    await expectCounters(t, { 1: [1, '1.00'], 3: [1, '8.00'] });
  });

  it('a transaction goes on after a statement that failed within a savepoint', async () => {
    const { sql } = await session(t);
    await sql('BEGIN');
    await sql(insert(use(1, 1)));
    await sql('SAVEPOINT attempt');
    await expect(sql(insert(use(1, 2), use(77, 2)))).rejects.toMatchObject({ code: '23503' });
    await sql('ROLLBACK TO attempt');
    await sql(insert(use(1, 4)));
    await sql('COMMIT');
    await expectCounters(t, { 1: [2, '5.00'] });
  });

  it('several statements sent as one text fail together', async () => {
    const text = `${insert(use(1))}; ${insert(use(2))}; ${insert(use(77))}`;
    await expect(t.sql(text)).rejects.toMatchObject({ code: '23503' });
    await expectCounters(t, {});
  });

  it('a prepared transaction counts when it is committed, and not when it is rolled back', async ({ skip }) => {
    const { rows } = await t.sql(`SELECT current_setting('max_prepared_transactions')::int AS most`);
    if (rows[0]?.most === 0) skip('the server allows no prepared transactions');
    const name = (n: number) => `'${t.schema.replaceAll("'", "''")} ${n}'`;
    const { sql } = await session(t);
    for (const n of [1, 2]) {
      await sql('BEGIN');
      await sql(insert(use(n, n), use(n + 2, n)));
      await sql(`PREPARE TRANSACTION ${name(n)}`);
    }
    await expectCounters(t, {});
    await t.sql(`COMMIT PREPARED ${name(1)}`);
    await t.sql(`ROLLBACK PREPARED ${name(2)}`);
    await expectCounters(t, { 1: [1, '1.00'], 3: [1, '1.00'] });
  });

  it('a session that is terminated in the middle leaves nothing, and frees who waited for it', async () => {
    const [dying, waiting] = await sessions(t, 2);
    await dying!.sql('BEGIN');
    await dying!.sql(insert(use(1, 1), use(2, 1)));
    const blocked = waiting!.sql(insert(use(2, 4)));
    await waitUntilBlocked(t.pool, waiting!.client);
    await t.sql('SELECT pg_terminate_backend($1)', [backendPid(dying!.client)]);
    await blocked;
    await expect(dying!.sql('COMMIT')).rejects.toThrow();
    await expectCounters(t, { 2: [1, '4.00'] });
  });

  it('a session that is terminated while its counting trigger waits leaves nothing', async () => {
    const [holding, dying] = await sessions(t, 2);
    await holding!.sql('BEGIN');
    await holding!.sql(insert(use(2, 4)));
    const blocked = expect(dying!.sql(insert(use(1, 1), use(2, 1)))).rejects.toMatchObject({ code: '57P01' });
    await waitUntilBlocked(t.pool, dying!.client);
    await t.sql('SELECT pg_terminate_backend($1)', [backendPid(dying!.client)]);
    await blocked;
    await holding!.sql('COMMIT');
    await expectCounters(t, { 2: [1, '4.00'] });
  });

  it('a connection that breaks in the middle leaves nothing', async () => {
    const broken = await session(t);
    await broken.sql('BEGIN');
    await broken.sql(insert(use(1)));
    const { stream } = (broken.client as unknown as { connection: { stream: { destroy(): void } } }).connection;
    stream.destroy();
    await eventually(async () => {
      const { rowCount } = await t.sql('SELECT FROM pg_stat_activity WHERE pid = $1', [backendPid(broken.client)]);
      expect(rowCount).toBe(0);
    });
    await expectCounters(t, {});
  });

  it('a query that is cancelled leaves nothing', async () => {
    const [holding, cancelled] = await sessions(t, 2);
    await holding!.sql('BEGIN');
    await holding!.sql(insert(use(1, 1)));
    const blocked = expect(cancelled!.sql(insert(use(1, 2)))).rejects.toMatchObject({ code: '57014' });
    await waitUntilBlocked(t.pool, cancelled!.client);
    await t.sql('SELECT pg_cancel_backend($1)', [backendPid(cancelled!.client)]);
    await blocked;
    await holding!.sql('COMMIT');
    await cancelled!.sql(insert(use(1, 4)));
    await expectCounters(t, { 1: [2, '5.00'] });
  });
});

import { expect, it } from 'vitest';
import { fateOf, OWN_TRANSACTION, type OwnTransaction, toOwnTransaction } from '../../src/postgres/commits';
import { useSchema } from '../support';

const { pool, client } = useSchema('commits');

async function begun() {
  const connection = await client();
  await connection.query('BEGIN');
  const { rows } = await connection.query(`SELECT ${OWN_TRANSACTION}`);
  return { connection, transaction: toOwnTransaction(rows[0]) };
}

it('a transaction is in progress, then committed or aborted', async () => {
  const [kept, undone] = [await begun(), await begun()];
  expect(await fateOf(pool, kept.transaction)).toBe('in progress');
  await kept.connection.query('COMMIT');
  await undone.connection.query('ROLLBACK');
  expect(await fateOf(pool, kept.transaction)).toBe('committed');
  expect(await fateOf(pool, undone.transaction)).toBe('aborted');
});

it('where its number may be that of another transaction by now, nothing is known', async () => {
  const { connection, transaction } = await begun();
  await connection.query('COMMIT');
  const { rows } = await pool.query('SELECT extract(epoch FROM stats_reset)::text AS at FROM pg_stat_wal');
  const changes: [string, Partial<OwnTransaction>][] = [
    ['another server, or a restart', { serverStart: '1.000000' }],
    // It began before the statistics of the log were reset, as a crash resets them.
    ['a crash', { began: String(Number(rows[0].at) - 1) }],
    ['a server that only reads', { xid: null }],
  ];
  for (const [what, change] of changes) expect(await fateOf(pool, { ...transaction, ...change }), what).toBe('unknown');
});

import { once } from 'node:events';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { PromoCodeRepository } from '../../src/index';
import { intercepted } from '../support/intercepted';
import { useRepository } from '../support/repository';
import { isIncluded } from '../support/scope';

const t = useRepository('use ids');
const { newCode, request, counts, schema } = t;

/** A pool on which reservations of ids wait for `gate`, and whether one was made. */
function gated(gate: () => Promise<unknown>) {
  const made: string[] = [];
  const pool = intercepted(t.pool, async (text, values, send) => {
    if (text.includes('reserve_promo_code_use_ids')) {
      made.push(text);
      await gate();
    }
    return send(text, values);
  });
  return { made, repository: new PromoCodeRepository(pool, { schema, retry: { attempts: 1 } }) };
}

it('are fetched ahead: nobody waits for them while some are left', async () => {
  const code = await newCode({ perCustomerLimit: null });
  let open = true;
  let openGate = () => {};
  const opened = new Promise<void>((resolve) => {
    openGate = resolve;
  });
  const { made, repository } = gated(async () => open || opened);
  await repository.redeem(request(code));
  open = false;
  for (let time = 1; time < 100; time += 1) await repository.redeem(request(code));
  expect(made).toHaveLength(2);
  const beyond = repository.redeem(request(code));
  openGate();
  expect(await beyond).toMatchObject({ ok: true });
  expect(await counts(code)).toMatchObject({ timesUsed: 101, uses: 101 });
});

it('that could not be fetched ahead are asked for by who needs them', async () => {
  const code = await newCode({ perCustomerLimit: null });
  let broken = false;
  const { made, repository } = gated(async () => {
    if (broken) throw new Error('no ids today');
  });
  await repository.redeem(request(code));
  broken = true;
  for (let time = 1; time < 100; time += 1) await repository.redeem(request(code));
  expect(made.length).toBeGreaterThan(1);
  await expect(repository.redeem(request(code))).rejects.toThrow('no ids today');
  broken = false;
  expect(await repository.redeem(request(code))).toMatchObject({ ok: true });
});

it('are given to one call each, however many come at once', async () => {
  const code = await newCode({ perCustomerLimit: null });
  const repository = new PromoCodeRepository(t.pool, { schema, batching: false });
  const results = await Promise.all([
    repository.redeemMany(Array.from({ length: 700 }, () => request(code))),
    ...Array.from({ length: 300 }, () => repository.redeem(request(code))),
  ]);
  expect(new Set(results.flat().map((result) => result.ok && result.use.id)).size).toBe(1_000);
});

describe('count from the commit of the transaction that took them', () => {
  const reset = () => Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' });
  const isReservation = (text: string) => text.includes('reserve_promo_code_use_ids');
  const idsIn = (rows: { ids?: string }[]) => String(rows[0]?.ids).split(',');

  it('in a session whose default isolation is another one', async () => {
    const pool = t.poolWith({ options: '-c default_transaction_isolation=serializable', max: 5 });
    let taken: string[] | undefined;
    let lost: string[] | undefined;
    const losing = intercepted(pool, async (text, values, send) => {
      // The commit never comes: as after a crash, the sequence may give these ids to others.
      if (text === 'COMMIT' && taken && !lost) {
        lost = taken;
        await send('ROLLBACK');
        throw reset();
      }
      const answer = await send(text, values);
      if (isReservation(text)) taken = idsIn(answer.rows);
      return answer;
    });
    const code = await newCode({ perCustomerLimit: null });
    const repository = new PromoCodeRepository(losing, { schema });
    const used: string[] = [];
    for (let time = 0; time < 5; time += 1) {
      const result = await repository.redeem(request(code));
      if (result.ok) used.push(result.use.id);
    }
    expect(lost!.length).toBeGreaterThan(0);
    expect(used).toHaveLength(5);
    expect(used.filter((id) => lost!.includes(id))).toEqual([]);
  });

  it('and a block is dropped when a connection breaks, also one that is on its way', async () => {
    const blocks: string[][] = [];
    let breakNext = false;
    const pool = intercepted(t.pool, async (text, values, send) => {
      if (breakNext && text.includes('.redeem_promo_code')) {
        breakNext = false;
        throw reset();
      }
      const answer = await send(text, values);
      if (isReservation(text)) blocks.push(idsIn(answer.rows));
      return answer;
    });
    const code = await newCode({ perCustomerLimit: null });
    const repository = new PromoCodeRepository(pool, { schema });
    await repository.redeem(request(code));
    breakNext = true;
    await repository.redeem(request(code));
    const after = await repository.redeem(request(code));
    expect(blocks.length).toBeGreaterThan(1);
    expect(after.ok && blocks[0]!.includes(after.use.id)).toBe(false);
  });

  it('so those of a transaction of the host are for its client alone, and few at first', async () => {
    const reserved: number[] = [];
    const code = await newCode({ perCustomerLimit: null });
    const repository = new PromoCodeRepository(t.pool, { schema });
    const client = await t.client();
    const watched = {
      query: async (text: string, values?: unknown[]) => {
        if (isReservation(text)) reserved.push(Number(values![0]));
        return client.query(text, values);
      },
    };
    const used: string[] = [];
    for (let time = 0; time < 12; time += 1) {
      await client.query('BEGIN');
      const result = await repository.redeem(request(code), { client: watched });
      if (result.ok) used.push(result.use.id);
      await client.query(time === 0 ? 'ROLLBACK' : 'COMMIT');
    }
    expect(new Set(used).size).toBe(12);
    expect(reserved).toEqual([1, 3, 7, 15]);
    const other = await repository.redeem(request(code));
    expect(other.ok && Number(other.use.id)).toBeGreaterThan(Number(used.at(-1)) + 10);
  });
});

it.runIf(isIncluded('ids over a connection that broke while nobody used it'))(
  'that were fetched before a connection broke while nobody used it are not used',
  async () => {
    const code = await newCode({ perCustomerLimit: null });
    const pool = new pg.Pool({ connectionString: t.url, max: 2, application_name: `idle ids ${process.pid}` });
    pool.on('error', () => {});
    try {
      const repository = new PromoCodeRepository(pool, { schema });
      const idOf = async () => {
        const result = await repository.redeem(request(code));
        return result.ok ? Number(result.use.id) : Number.NaN;
      };
      const first = await idOf();
      expect(await idOf()).toBe(first + 1);
      const gone = once(pool, 'remove');
      await t.sql('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [
        `idle ids ${process.pid}`,
      ]);
      await gone;
      expect(await idOf()).toBeGreaterThanOrEqual(first + 100);
    } finally {
      await pool.end();
    }
  },
);

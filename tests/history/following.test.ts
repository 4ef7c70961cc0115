import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import { boundOf } from '../../src/history/follow-history';
import { type FollowHistoryInput, type HistoryRecord, installTriggers, PromoCodeRepository } from '../../src/index';
import { endBackend, eventually } from '../support';
import { startProgram } from '../support/programs';
import { isIncluded, isWhole } from '../support/scope';
import { useHistory } from './fixture';
import type { FollowerSettings } from './follower-process';

const t = useHistory();
const { repository, redeem, request, newCode } = t;

/** Follows until it is stopped, and keeps what came. */
function follower(input: FollowHistoryInput = {}, through = repository) {
  const stop = new AbortController();
  const records: HistoryRecord[] = [];
  const done = (async () => {
    for await (const record of through.followHistory({ ...input, signal: stop.signal })) records.push(record);
  })();
  const uses = () => records.map(({ useId }) => useId);
  return {
    records,
    uses,
    async end() {
      stop.abort();
      await done;
    },
    done,
    saw: (...ids: string[]) => eventually(() => expect(uses()).toEqual(ids)),
  };
}

async function newest(): Promise<string> {
  const { rows } = await t.sql<{ id: string }>('SELECT coalesce(max(id), 0) AS id FROM :"library".promo_code_history');
  return String(rows[0]!.id);
}

describe('a transaction that is still open', () => {
  it('is waited for by what was recorded after it, and comes in its place', async () => {
    const code = await newCode();
    const after = await newest();
    const [first, second] = [await t.client(), await t.client()];
    await first.query('BEGIN');
    const early = await repository.redeem(request(await newCode()), { client: first });
    await second.query('BEGIN');
    const undone = await repository.redeem(request(await newCode()), { client: second });
    const late = await redeem(code);
    const f = follower({ after });
    const [id] = [early, undone].map((result) => (result.ok ? result.use.id : ''));
    // It has looked often by the time that another one has seen what is committed since.
    const seen = await repository.history({ promoCodeId: code.id });
    expect(seen.items).toMatchObject([{ useId: late }]);
    await sleepUntilPolled(f);
    expect(f.uses()).toEqual([]);
    await second.query('ROLLBACK');
    await sleepUntilPolled(f);
    expect(f.uses()).toEqual([]);
    await first.query('COMMIT');
    await f.saw(id!, late);
    const more = await redeem(code);
    await f.saw(id!, late, more);
    await f.end();
  });

  it('is waited for also when its number is above all that have ended', async () => {
    const after = await newest();
    const [low, high] = [await t.client(), await t.client()];
    await low.query('BEGIN');
    await low.query('SELECT pg_current_xact_id()');
    const [code, other] = [await newCode(), await newCode()];
    await high.query('BEGIN');
    const first = await repository.redeem(request(code), { client: high });
    // Nothing with a higher number has ended, as long as nobody else writes.
    const second = await repository.redeem(request(other), { client: low });
    await low.query('COMMIT');
    const f = follower({ after });
    await sleepUntilPolled(f);
    expect(f.uses()).toEqual([]);
    await high.query('COMMIT');
    await f.saw(...[first, second].map((result) => (result.ok ? result.use.id : '')));
    await f.end();
  });

  it('is waited for also behind a cursor that a page gave', async () => {
    const client = await t.client();
    await client.query('BEGIN');
    const early = await repository.redeem(request(await newCode()), { client });
    const late = await redeem(await newCode());
    const { items } = await repository.history({ useId: late });
    const f = follower({ after: items[0]!.id });
    await sleepUntilPolled(f);
    await client.query('COMMIT');
    await f.saw(early.ok ? early.use.id : '');
    await f.end();
  });

  it('is waited for also where one statement has written many records since', async () => {
    const client = await t.client();
    await client.query('BEGIN');
    const early = await repository.redeem(request(await newCode()), { client });
    const { id } = await newCode();
    await t.sql(`INSERT INTO :"schema".promo_code_uses (promo_code_id, customer_address, shop_id)
                 SELECT ${id}, 'bulk-' || n, 'shop' FROM generate_series(1, 1500) AS n`);
    const f = follower({ after: await newest() });
    await sleepUntilPolled(f);
    await client.query('COMMIT');
    await f.saw(early.ok ? early.use.id : '');
    await f.end();
  });

  it('does not hold up what has no gap before it, whoever else writes', async () => {
    const after = await newest();
    const other = await t.client();
    await other.query('BEGIN');
    await other.query('SELECT pg_current_xact_id()');
    const f = follower({ after });
    const id = await redeem(await newCode());
    await f.saw(id);
    await other.query('ROLLBACK');
    await f.end();
  });

  it('a use comes before what was done to it by a transaction that began before', async () => {
    const code = await newCode();
    const after = await newest();
    const client = await t.client();
    await client.query('BEGIN');
    await client.query('SELECT pg_current_xact_id()');
    const id = await redeem(code);
    await repository.rollbackUse(id, { client });
    const f = follower({ after });
    await client.query('COMMIT');
    await eventually(() => expect(f.records.map(({ kind }) => kind)).toEqual(['redeemed', 'rolled_back']));
    await f.end();
  });
});

/** Long enough for several looks; what must not come is not waited for otherwise. */
async function sleepUntilPolled(f: { records: HistoryRecord[] }) {
  const before = f.records.length;
  await sleep(150);
  expect(f.records.length).toBe(before);
}

it('ends with its signal, with break, and with close()', async () => {
  const f = follower();
  await eventually(() => expect(f.records.length).toBeGreaterThan(0));
  await f.end();
  for await (const record of repository.followHistory()) {
    expect(record.kind).toBe('redeemed');
    break;
  }
  const aborted = AbortSignal.abort();
  for await (const record of repository.followHistory({ signal: aborted })) expect(record).toBeUndefined();
  const other = new PromoCodeRepository(t.pool, { schema: t.schema });
  const last = follower({ after: await newest() }, other);
  await other.validate({ code: 'NONE', shopId: 'shop', customerAddress: 'a' });
  await other.close();
  await last.done;
  await expect(other.followHistory()[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'CLOSED' });
});

it('goes on when connections break, and gives up after its patience', async () => {
  const pool = t.poolWith({ max: 2 });
  const through = new PromoCodeRepository(pool, { schema: t.schema });
  const f = follower({ after: await newest() }, through);
  await through.validate({ code: 'NONE', shopId: 'shop', customerAddress: 'a' });
  for (let round = 0; round < 3; round += 1) {
    const { rows } = await pool.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    await endBackend(t.pool, rows[0]!.pid);
    const id = await redeem(await newCode());
    await eventually(() => expect(f.uses().at(-1)).toBe(id));
  }
  await f.end();
  const nowhere = t.poolWith({ max: 1, host: '127.0.0.1', port: 1 }, {});
  nowhere.options.connectionString = undefined as never;
  const lost = new PromoCodeRepository(nowhere, { schema: t.schema, deadlineMs: 200 });
  await expect(lost.followHistory({ patienceMs: 100 })[Symbol.asyncIterator]().next()).rejects.toMatchObject({
    code: expect.stringMatching(/CONNECTION|TIMEOUT/),
  });
});

it('refuses what it cannot follow', async () => {
  const next = (input: object, through = repository) => through.followHistory(input)[Symbol.asyncIterator]().next();
  await expect(next({ after: 'x' })).rejects.toMatchObject({ code: 'VALIDATION', issues: [{ path: 'after' }] });
  await expect(next({ signal: {} })).rejects.toMatchObject({ issues: [{ path: 'signal' }] });
  await expect(next({ patienceMs: 0, wait: 1 })).rejects.toMatchObject({
    issues: [{ path: 'patienceMs' }, { path: 'wait' }].map((issue) => expect.objectContaining(issue)),
  });
  await expect(next({ after: '999999999999' })).rejects.toThrow(
    /after: must be the id of a record.*restored to an earlier/s,
  );
  const single = new PromoCodeRepository(await t.client(), { schema: t.schema });
  await expect(next({}, single)).rejects.toThrow(/pool: must be a pool/);
});

it('the bound is above all numbers that were given, also where they begin anew', () => {
  expect(boundOf(747n, 750n)).toBe(750n);
  expect(boundOf(760n, 750n)).toBe(763n);
  // Numbers of 32 bits: the difference is signed, and the upper ones come from the snapshot.
  const epoch = 5n << 32n;
  expect(boundOf(-3n, epoch - 1n)).toBe(epoch);
  expect(boundOf(7n, epoch - 5n)).toBe(epoch + 10n);
  expect(boundOf(-2_147_483_648n, epoch + 2_147_483_650n)).toBe(epoch + 2_147_483_651n);
});

/** Writers of all sorts, until they are ended: transactions that commit late, roll back, or end in two phases. */
async function load(isPrepared = false) {
  const codes = await Promise.all(Array.from({ length: 4 }, () => newCode()));
  let isOver = false;
  let written = 0;
  const end = async (client: pg.PoolClient, serial: number) => {
    if (serial % 5 === 0) return client.query('ROLLBACK');
    if (serial % 7 !== 0) return client.query('COMMIT');
    if (!isPrepared) {
      await sleep(20);
      return client.query('COMMIT');
    }
    const name = `'${t.schema.replaceAll("'", "''")} ${serial}'`;
    await client.query(`PREPARE TRANSACTION ${name}`);
    await sleep(20);
    return client.query(`${serial % 2 === 0 ? 'COMMIT' : 'ROLLBACK'} PREPARED ${name}`);
  };
  const writer = async () => {
    while (!isOver) {
      written += 1;
      const serial = written;
      const client = await t.pool.connect();
      try {
        await client.query('BEGIN');
        const result = await repository.redeem(request(codes[serial % codes.length]!), { client });
        if (serial % 3 === 0 && result.ok) await repository.rollbackUse(result.use.id, { client });
        await end(client, serial);
      } finally {
        client.release();
      }
      // A follower that starts anew each time has to keep up with it.
      await sleep(20);
    }
  };
  const writers = [0, 1, 2].map(writer);
  return async () => {
    isOver = true;
    await Promise.all(writers);
  };
}

/** What came has all records behind a beginning, in order where it came first, and few of them twice. */
async function expectAll(begin: string, came: readonly string[], mostRepeated: number) {
  const { rows } = await t.sql<{ id: string }>(
    'SELECT id::text FROM :"library".promo_code_history AS h WHERE h.id > $1 ORDER BY h.id',
    [begin],
  );
  const all = rows.map(({ id }) => id);
  expect([...new Set(came)]).toEqual(all);
  expect(came.length - all.length).toBeLessThanOrEqual(mostRepeated);
}

// A hundred ends in the matrix, and a few every day.
it('ended and begun anew under load it misses nothing and repeats little', async () => {
  const rounds = isWhole ? 100 : 8;
  if (!isWhole)
    console.log(
      `SKIPPED: ${100 - rounds} of 100 ends of a follower, which npm run test:matrix runs (TEST_SCOPE=whole)`,
    );
  const begin = await newest();
  const stop = await load();
  const came: string[] = [];
  let after = begin;
  for (let round = 0; round < rounds; round += 1) {
    let left = 5 + (round % 7);
    for await (const { id } of repository.followHistory({ after })) {
      came.push(id);
      // What was dealt with is noted after it, so its last may come again.
      if (left === 0) break;
      after = id;
      left -= 1;
    }
  }
  await stop();
  const last = await newest();
  for await (const { id } of repository.followHistory({ after })) {
    came.push(id);
    if (id === last) break;
  }
  await expectAll(begin, came, rounds);
}, 120_000);

it.runIf(isIncluded('a follower that is killed and started a hundred times'))(
  'killed and started a hundred times under load it misses nothing and repeats little',
  async () => {
    const kills = 100;
    const { rows } = await t.sql<{ most: string }>(`SELECT current_setting('max_prepared_transactions') AS most`);
    const begin = await newest();
    const folder = mkdtempSync(path.join(tmpdir(), 'pg-promo-codes-follower-'));
    const [came, place] = [path.join(folder, 'came'), path.join(folder, 'place')];
    const settings = { url: t.url, schema: t.schema, after: begin, came, place } satisfies FollowerSettings;
    const ids = () => (existsSync(came) ? readFileSync(came, 'utf8').trim().split('\n') : []);
    const stop = await load(Number(rows[0]!.most) >= 3);
    try {
      for (let kill = 0; kill <= kills; kill += 1) {
        const before = ids().length;
        const child = await startProgram('tests/history/follower-process.ts', settings);
        const ended = once(child, 'exit');
        if (kill === kills) await stop();
        const last = kill === kills ? await newest() : undefined;
        // At some record or other, and sometimes in the middle of one.
        await eventually(
          () => {
            if (last) expect(ids().at(-1)).toBe(last);
            else expect(ids().length).toBeGreaterThan(before + (kill % 9));
          },
          { timeoutMs: last ? 120_000 : 20_000, intervalMs: 1 + (kill % 5) },
        );
        child.kill('SIGKILL');
        await ended;
      }
      await expectAll(begin, ids(), kills);
    } finally {
      await stop();
      rmSync(folder, { recursive: true });
    }
  },
  600_000,
);

it('is told that there is no history', async () => {
  const { repository: other } = t;
  await t.sql('ALTER TABLE :"library".promo_code_history RENAME TO aside');
  try {
    await expect(other.history()).rejects.toMatchObject({ code: 'NOT_INSTALLED', missing: ['promo_code_history'] });
    await expect(other.followHistory()[Symbol.asyncIterator]().next()).rejects.toThrow(/history: true/);
  } finally {
    await t.sql('ALTER TABLE :"library".aside RENAME TO promo_code_history');
  }
  expect((await installTriggers(t.pool, { schema: t.schema })).changed).toBe(false);
});

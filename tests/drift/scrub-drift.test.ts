import fc from 'fast-check';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readCompared } from '../../src/drift/layout-of';
import { spreadPace, steadyPace } from '../../src/drift/scrub-pace';
import { checkNextPiece } from '../../src/drift/scrub-piece';
import {
  archiveUses,
  checkDrift,
  type DriftRecord,
  installTriggers,
  oldestDriftCheck,
  type Progress,
  PromoCodeRepository,
  type Queryable,
  repairDrift,
  type ScrubDriftOptions,
  scrubDrift,
  ValidationError,
} from '../../src/index';
import { now } from '../../src/postgres/timers';
import { backendPid, cases, endBackend, eventually, isWhole, useRole, useSchema } from '../support';
import { insertUses, SEED_TABLES } from '../support/host-tables';
import { intercepted } from '../support/intercepted';

const { schema, pool, sql, client } = useSchema('scrub');
/** Pieces of fifty rows, of which the first goes at once. */
const SLOWLY = { schema, rowsPerSecond: 50 };
const FAST = { schema, rowsPerSecond: 10_000_000 };

const setTimes = (code: number, times: number) =>
  sql('UPDATE :"schema".promo_codes SET times_used = $2 WHERE id = $1', [code, times]);
const marks = async () =>
  (await sql('SELECT walk, place, kind, last_id, drifted FROM :"library".promo_code_drift_checks ORDER BY walk, place'))
    .rows;
const idsOf = (records: readonly DriftRecord[]) =>
  records.map(({ promoCodeId, campaignId }) => promoCodeId ?? campaignId);

/** Ends a scrub behind its first piece. */
function afterOnePiece(): Pick<ScrubDriftOptions, 'signal' | 'onProgress'> {
  const ending = new AbortController();
  return { signal: ending.signal, onProgress: () => ending.abort() };
}

beforeAll(async () => {
  await sql(SEED_TABLES);
  await installTriggers(pool, { schema, counterWrites: 'allow' });
});

beforeEach(async () => {
  await sql(`TRUNCATE :"schema".promo_codes, :"library".promo_code_drift_checks RESTART IDENTITY CASCADE;
             DELETE FROM :"library".promo_code_campaigns`);
  await sql(
    `INSERT INTO :"schema".promo_codes (code, shop_id) SELECT 'C' || n, 'shop' FROM generate_series(1, 100) AS n`,
  );
  await sql(insertUses(1, 1, 2, 40, 90, 90, 90));
});

describe('a scrub', () => {
  it('finds what checkDrift finds, of codes, of campaigns and of uses without a code, and repairs nothing', async () => {
    const { campaigns } = new PromoCodeRepository(pool, { schema });
    const { id: campaign } = await campaigns.create({ shopId: 'shop', name: 'Spring' });
    await campaigns.addCodes(campaign, ['1', '2']);
    await sql(`UPDATE :"schema".promo_codes SET times_used = 7, total_bonus_issued = NULL WHERE id IN (2, 100);
               SET session_replication_role = replica;
               UPDATE :"library".promo_code_campaigns SET times_used = 5;
               DELETE FROM :"schema".promo_codes WHERE id = 40;
               RESET session_replication_role`);
    const expected = await checkDrift(pool, { schema });
    expect(expected).toHaveLength(4);
    const before = Date.now() - 1_000;
    const report = await scrubDrift(pool, FAST);
    expect(report).toEqual({ checked: 99, drifted: expected, oldestCheck: expect.any(Date) });
    expect(report.oldestCheck!.getTime()).toBeGreaterThan(before);
    expect(await oldestDriftCheck(pool, { schema })).toEqual(report.oldestCheck);
    expect(await checkDrift(pool, { schema })).toEqual(expected);
    await repairDrift(pool, { schema });
    expect((await scrubDrift(pool, FAST)).drifted).toMatchObject([{ promoCodeId: '40', code: null }]);
  });

  it('counts what was archived as well, also where the first uses are archived between two pieces', async () => {
    const { campaigns } = new PromoCodeRepository(pool, { schema });
    const { id: campaign } = await campaigns.create({ shopId: 'shop', name: 'Spring' });
    await campaigns.addCodes(campaign, ['1', '90']);
    const first = await scrubDrift(pool, { ...SLOWLY, ...afterOnePiece() });
    expect(first.drifted).toEqual([]);
    await archiveUses(pool, { schema, before: new Date(Date.now() + 60_000), batchSize: 5 });
    expect((await scrubDrift(pool, FAST)).drifted).toEqual([]);
    await setTimes(90, 0);
    expect((await scrubDrift(pool, FAST)).drifted).toMatchObject([{ promoCodeId: '90', timesUsed: 0, actualUses: 3 }]);
  });

  it('with no code at all has compared everything', async () => {
    await sql('TRUNCATE :"schema".promo_codes CASCADE');
    expect(await oldestDriftCheck(pool, { schema })).toBeNull();
    expect(await scrubDrift(pool, FAST)).toEqual({ checked: 0, drifted: [], oldestCheck: expect.any(Date) });
  });

  it('that was ended goes on where it was, and still reports what was found before', async () => {
    await setTimes(1, 9);
    await setTimes(2, 9);
    await setTimes(99, 9);
    const first = await scrubDrift(pool, { ...SLOWLY, ...afterOnePiece() });
    expect(first.oldestCheck).toBeNull();
    expect(idsOf(first.drifted)).toEqual(['1', '2']);
    await repairDrift(pool, { schema, promoCodeIds: [2] });
    const progress: Progress[] = [];
    const second = await scrubDrift(pool, { ...FAST, onProgress: (step) => progress.push(step) });
    expect(first.checked + second.checked).toBe(100);
    expect(first.checked).toBeLessThan(60);
    // Progress is that of the walk.
    expect(progress[0]).toEqual({ phase: 'scrub', done: 100, total: 100 });
    expect(idsOf(second.drifted).toSorted()).toEqual(['1', '99']);
    expect(second.oldestCheck).not.toBeNull();
    // A walk that is over is followed by another one, which knows nothing of it.
    await repairDrift(pool, { schema });
    expect(await scrubDrift(pool, FAST)).toMatchObject({ checked: 100, drifted: [] });
  });

  it('that is killed in a piece has not done it', async () => {
    await setTimes(100, 9);
    await scrubDrift(pool, { ...SLOWLY, ...afterOnePiece() });
    const before = await marks();
    const victim = await client();
    const killed: Queryable = {
      async query(text, values) {
        const result = await victim.query(text, values);
        if (/(INSERT INTO|UPDATE) .*promo_code_drift_checks/.test(text)) await endBackend(pool, backendPid(victim));
        return result;
      },
    };
    await expect(scrubDrift(killed, FAST)).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
    expect(await marks()).toEqual(before);
    const { checked, drifted } = await scrubDrift(pool, FAST);
    expect(idsOf(drifted)).toEqual(['100']);
    expect(checked).toBeGreaterThan(40);
  });

  it.each(['COMMIT', 'ROLLBACK'])('waits for another one, and does not repeat what that has done (%s)', async (end) => {
    const other = await client();
    await other.query('BEGIN');
    await scrubDrift(other, FAST);
    let turns = 0;
    const watched = intercepted(pool, (text, values, send) => {
      if (text.includes('pg_try_advisory_xact_lock')) turns += 1;
      return send(text, values);
    });
    const waiting = scrubDrift(watched, FAST);
    await eventually(async () => expect(turns).toBeGreaterThan(1), { timeoutMs: 10_000 });
    await other.query(end);
    expect((await waiting).checked).toBe(end === 'COMMIT' ? 0 : 100);
    expect((await waiting).oldestCheck).not.toBeNull();
  });

  it('shares a walk with another one', async () => {
    await setTimes(50, 9);
    const reports = await Promise.all([scrubDrift(pool, SLOWLY), scrubDrift(pool, SLOWLY)]);
    expect(reports[0].checked + reports[1].checked).toBe(100);
    for (const { drifted } of reports) expect(idsOf(drifted)).toEqual(['50']);
    expect((await marks()).every(({ walk }) => walk === '1')).toBe(true);
  });

  it('passes codes that came and went meanwhile', async () => {
    await scrubDrift(pool, { ...SLOWLY, ...afterOnePiece() });
    const { last_id: last } = (await marks()).at(-1)!;
    await sql('DELETE FROM :"schema".promo_codes WHERE id BETWEEN $1::int - 1 AND $1::int + 1', [last]);
    await sql(`INSERT INTO :"schema".promo_codes (id, code, shop_id, times_used) VALUES (-5, 'OLD', 'shop', 3), (200, 'NEW', 'shop', 3);
               UPDATE :"schema".promo_codes SET times_used = 3 WHERE id IN (-5, 200)`);
    expect(idsOf((await scrubDrift(pool, FAST)).drifted)).toEqual(['200']);
    expect(idsOf((await scrubDrift(pool, FAST)).drifted)).toEqual(['-5', '200']);
    // It can go on behind a negative id as well.
    await scrubDrift(pool, { ...SLOWLY, ...afterOnePiece() });
    expect((await scrubDrift(pool, FAST)).checked).toBeLessThan(100);
  });

  it('knows the oldest comparison: that of the walk before, until the new one has passed it', async () => {
    await scrubDrift(pool, FAST);
    await sql(`UPDATE :"library".promo_code_drift_checks SET checked_at = '2020-01-01Z'`);
    await scrubDrift(pool, { ...SLOWLY, ...afterOnePiece() });
    expect(await oldestDriftCheck(pool, { schema })).toEqual(new Date('2020-01-01Z'));
    const { oldestCheck } = await scrubDrift(pool, FAST);
    expect(oldestCheck!.getTime()).toBeGreaterThan(Date.now() - 60_000);
    expect(new Set((await marks()).map(({ walk }) => walk))).toEqual(new Set(['2']));
  });

  it('begins anew where what it remembers is of ids of another type', async () => {
    await scrubDrift(pool, { ...SLOWLY, ...afterOnePiece() });
    await sql(`UPDATE :"library".promo_code_drift_checks SET last_id = 'abc'`);
    expect((await scrubDrift(pool, FAST)).checked).toBe(100);
  });

  it('has no false alarm beside writers', async () => {
    const repository = new PromoCodeRepository(pool, { schema });
    const { layout } = await readCompared(pool, { schema });
    let isOver = false;
    const writers = Array.from({ length: 4 }, async (_, writer) => {
      for (let use = 0; !isOver; use += 1) {
        const code = `C${1 + ((use * 7 + writer) % 100)}`;
        const result = await repository.redeem({
          ...{ code, shopId: 'shop', customerAddress: `w${writer}-${use}`, baseReward: '10' },
        });
        if (result.ok && use % 3 === 0) await repository.rollbackUse(result.use.id);
      }
    });
    const found: DriftRecord[] = [];
    for (let piece = await checkNextPiece(pool, layout, 3n, 20); piece !== 'over'; ) {
      found.push(...(piece?.records ?? []));
      piece = await checkNextPiece(pool, layout, 3n, 20);
    }
    isOver = true;
    await Promise.all(writers);
    expect(found).toEqual([]);
  });

  it('refuses what is not in order', async () => {
    for (const wrong of [
      { rowsPerSecond: 0 },
      { duration: 0.5 },
      { rowsPerSecond: 5, duration: 5 },
      { signal: {} },
      { batch: 1 },
    ]) {
      await expect(scrubDrift(pool, { schema, ...wrong } as ScrubDriftOptions)).rejects.toThrow(ValidationError);
    }
    expect(await marks()).toEqual([]);
  });
});

const ids = [
  ['whole numbers', 'bigint', 'n - 20'],
  ['UUIDs', 'uuid', 'gen_random_uuid()'],
  ['texts', 'text', `chr(40 + (n * 37) % 80) || repeat('"\\', n % 3) || n`],
] as const;

describe.each(cases('types of ids', ids, ([, type]) => type === 'bigint'))(
  'pieces of any size, where ids are %s',
  (_, type, id) => {
    const own = useSchema(`scrub ${type}`);
    const used = fc.array(fc.nat({ max: 69 }), { maxLength: 40 });
    const some = fc.array(fc.nat({ max: 59 }), { maxLength: 3 });

    it('compare each code once, with the records of checkDrift', async () => {
      await own.sql(SEED_TABLES);
      await own.sql(`ALTER TABLE :"schema".promo_code_uses DROP CONSTRAINT promo_code_uses_promo_code_id_fkey;
                   ALTER TABLE :"schema".promo_codes ALTER id DROP DEFAULT, ALTER id TYPE ${type} USING NULL;
                   ALTER TABLE :"schema".promo_code_uses ALTER promo_code_id TYPE ${type} USING NULL`);
      await installTriggers(own.pool, { schema: own.schema, counterWrites: 'allow' });
      const { rows } = await own.sql(`SELECT n, ${id} AS id FROM generate_series(1, 70) AS n`);
      // The last ten are those of uses without a code.
      await own.sql(
        `INSERT INTO :"schema".promo_codes (id, code, shop_id)
       SELECT id::${type}, 'C' || n, 'shop' FROM unnest($1::text[]) WITH ORDINALITY AS q(id, n)`,
        [rows.slice(0, 60).map((row) => String(row.id))],
      );
      const { layout } = await readCompared(own.pool, { schema: own.schema });
      const idsAt = (places: number[]) => places.map((place) => String(rows[place]!.id));
      const compare = async (of: number[], drifted: number[], size: number): Promise<void> => {
        await own.sql(`TRUNCATE :"schema".promo_code_uses, :"library".promo_code_drift_checks;
                     UPDATE :"schema".promo_codes SET times_used = 0, total_bonus_issued = 0`);
        await own.sql(
          `INSERT INTO :"schema".promo_code_uses (promo_code_id, customer_address, shop_id, base_reward, bonus_amount, total_reward)
         SELECT id::${type}, 'ann', 'shop', 10, 5, 15 FROM unnest($1::text[]) AS id`,
          [idsAt(of)],
        );
        await own.sql('UPDATE :"schema".promo_codes SET times_used = 99 WHERE id::text = ANY ($1)', [idsAt(drifted)]);
        const found: DriftRecord[] = [];
        let compared = 0;
        for (let turn = 0; turn < 200; turn += 1) {
          const piece = await checkNextPiece(own.pool, layout, 1n, size);
          if (piece === 'over' || piece === undefined) break;
          found.push(...piece.records);
          compared += piece.codes;
        }
        expect(found).toEqual(await checkDrift(own.pool, { schema: own.schema }));
        expect(compared).toBe(60);
      };
      await fc.assert(fc.asyncProperty(used, some, fc.integer({ min: 1, max: 30 }), compare), {
        numRuns: isWhole ? 10 : 4,
        examples: [[Array(40).fill(7), [7, 8], 1]],
      });
    }, 120_000);
  },
);

describe('the pace', () => {
  it('is so many rows each second', () => {
    const pace = steadyPace(1_000);
    expect(pace.pieceRows()).toBe(1_000);
    expect(pace.pauseAfter(500, now())).toBeCloseTo(500, -2);
    expect(pace.pauseAfter(500, now() - 2_000)).toBe(0);
    expect(steadyPace(1).pieceRows()).toBe(10);
    expect(steadyPace(1_000_000_000).pieceRows()).toBe(50_000);
  });

  it('is what spreads the rows over a time, and makes up for what was estimated wrongly within bounds', () => {
    const pace = spreadPace(100_000, 100_000);
    expect(pace.pieceRows()).toBeCloseTo(1_000, -2);
    expect(pace.pauseAfter(1_000, now())).toBeCloseTo(1_000, -2);
    // Far fewer rows than were estimated are left of it.
    pace.pauseAfter(98_000, now());
    expect(pace.pieceRows()).toBeCloseTo(500, -2);
    expect(spreadPace(1, 100_000).pieceRows()).toBe(50_000);
  });
});

describe('who may scrub', () => {
  const [owner, app] = [useRole({ label: 'owner' }), useRole({ label: 'app' })];
  const own = useSchema('scrub rights');

  beforeAll(async () => {
    await own.sql(SEED_TABLES);
    await own.sql(`ALTER TABLE :"schema".promo_codes OWNER TO ${owner.quoted};
                   ALTER TABLE :"schema".promo_code_uses OWNER TO ${owner.quoted};
                   GRANT USAGE ON SCHEMA :"schema" TO ${owner.quoted}, ${app.quoted};
                   GRANT SELECT ON :"schema".promo_codes, :"schema".promo_code_uses TO ${app.quoted}`);
    await installTriggers(own.pool, { schema: own.schema, grantTo: [app.role] });
  });

  it('is the owner of the tables, and who has installed; who redeems may know how old the checks are', async () => {
    const where = { schema: own.schema };
    const refused = { code: 'INSUFFICIENT_PRIVILEGE' };
    await expect(scrubDrift(own.poolWith({ max: 2 }, app.login), where)).rejects.toMatchObject(refused);
    expect(await oldestDriftCheck(own.poolWith({ max: 2 }, app.login), where)).toBeNull();
    const { oldestCheck } = await scrubDrift(own.poolWith({ max: 2 }, owner.login), where);
    expect(oldestCheck).not.toBeNull();
    expect(await oldestDriftCheck(own.poolWith({ max: 2 }, app.login), where)).toEqual(oldestCheck);
    expect((await scrubDrift(own.pool, where)).oldestCheck!.getTime()).toBeGreaterThan(oldestCheck!.getTime());
    const writer = await own.client(app.login);
    const wipe = own.expand(`UPDATE :"library".promo_code_drift_checks SET checked_at = now()`);
    expect((await writer.query(wipe)).rowCount).toBe(0);
    // What row-level security hides is not taken for drift.
    await own.sql(`ALTER TABLE :"schema".promo_code_uses ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY`);
    await expect(scrubDrift(own.poolWith({ max: 2 }, owner.login), where)).rejects.toMatchObject(refused);
  });
});

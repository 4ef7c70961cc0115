import type pg from 'pg';
import { checkDrift, type DriftRecord } from 'pg-promo-codes';
import { SEED_TABLES } from '../../tests/support/host-tables';
import { VERIFICATION_QUERY } from './bug-report';
import { expect } from './expect';
import type { Demo } from './lifecycle';
import { CODE_WITHOUT_COUNTERS, MISHAPS } from './mishaps';
import { randomBonus, redeem } from './old-application';
import { formatNumber, plural, printHeading, printLine, printTable } from './print';

const CODES = 36;
const REDEMPTIONS = 400;
const CLIENTS = 6;

/** Step 1: the tables of the bug report, some hundred redemptions by its application, and what became of the counters. */
export async function showDriftBefore(demo: Demo): Promise<DriftRecord[]> {
  const codeIds = await createCodes(demo.pool);
  await redeemWithoutTrouble(demo.pool, codeIds);
  for (const [index, mishap] of MISHAPS.entries()) await mishap.happen(demo, codeIds[index]!);
  const drift = await checkDrift(demo.pool);
  const { rows: seen } = await demo.pool.query<{ code: string }>(VERIFICATION_QUERY);
  const unseen = drift.map(({ code }) => code).filter((code) => !seen.some((row) => row.code === code));

  printHeading('1. Before: the application inserts a use, then updates the counters by a statement of its own');
  const done = `${plural(CODES, 'code')}, ${formatNumber(REDEMPTIONS)} redemptions without trouble`;
  printLine(`${done}, then what happens in production. checkDrift() finds:`);
  printDrift(drift);
  printLine(
    `The verification query of the bug report finds ${seen.length} of them: != overlooks the NULL of ${unseen}.`,
  );

  const expected = MISHAPS.map(({ code }) => code).join();
  const found = drift.map(({ code }) => code).join();
  expect(found === expected, `checkDrift should have found ${expected}, and found ${found || 'nothing'}`);
  expect(unseen.join() === CODE_WITHOUT_COUNTERS, `the verification query should have missed one code, not ${unseen}`);
  return drift;
}

async function createCodes(pool: pg.Pool): Promise<number[]> {
  await pool.query(SEED_TABLES.replaceAll(':"schema"', 'public'));
  const codes = Array.from({ length: CODES }, (_, index) => MISHAPS[index]?.code ?? `PROMO${index + 1}`);
  const { rows } = await pool.query<{ id: number }>(
    `INSERT INTO promo_codes (code, shop_id, times_used, total_bonus_issued)
     SELECT code, 'shop-1', counter, counter
       FROM unnest($1::text[], $2::int[]) WITH ORDINALITY AS new (code, counter, place)
      ORDER BY place
     RETURNING id`,
    [codes, codes.map((code) => (code === CODE_WITHOUT_COUNTERS ? null : 0))],
  );
  return rows.map(({ id }) => id);
}

async function redeemWithoutTrouble(pool: pg.Pool, codeIds: readonly number[]): Promise<void> {
  const queue = Array.from({ length: REDEMPTIONS }, (_, index) => codeIds[index % codeIds.length]!);
  const serve = async () => {
    for (let id = queue.pop(); id !== undefined; id = queue.pop()) await redeem(pool, id, randomBonus());
  };
  await Promise.all(Array.from({ length: CLIENTS }, serve));
}

function printDrift(drift: readonly DriftRecord[]): void {
  printTable(
    [
      { title: 'code', kind: 'text' },
      { title: 'times_used', kind: 'figure' },
      { title: 'uses', kind: 'figure' },
      { title: 'total_bonus_issued', kind: 'figure' },
      { title: 'sum', kind: 'figure' },
      { title: 'what happened', kind: 'text' },
    ],
    drift.map(({ code, timesUsed, actualUses, totalBonusIssued, actualBonus }) => [
      `${code}`,
      `${timesUsed ?? 'NULL'}`,
      `${actualUses}`,
      totalBonusIssued ?? 'NULL',
      actualBonus,
      MISHAPS.find((mishap) => mishap.code === code)?.story ?? '',
    ]),
  );
}

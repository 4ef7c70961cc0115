import type pg from 'pg';
import { cut } from '../connection';
import { randomBonus, redeem } from '../old-application';
import type { Codes } from './codes';
import {
  amendUses,
  deleteUses,
  exchangeCode,
  exchangeMember,
  insertUses,
  moveUses,
  overwriteCounters,
  upsertUses,
} from './writes';

/** One kind of thing that happens to the tables. */
export interface Operation {
  readonly name: string;
  /** How often it comes, compared with the others. Inserts and deletes are in balance, so the tables stay small. */
  readonly weight: number;
  /** The connection is gone afterwards. */
  readonly endsConnection?: boolean;
  /** Gives back how many uses it wrote. */
  run(client: pg.Client, codes: Codes): Promise<number>;
}

export const OPERATIONS: readonly Operation[] = [
  { name: 'insert of one use', weight: 30, run: (client, codes) => insertUses(client, [codes.pick()]) },
  { name: 'insert of many, in 3 codes', weight: 8, run: (client, codes) => insertUses(client, pickUpTo(40, codes)) },
  { name: 'delete of one use', weight: 12, run: (client, codes) => deleteUses(client, codes.pick(), 1) },
  { name: 'delete of many', weight: 8, run: (client, codes) => deleteUses(client, codes.pick(), 25) },
  { name: 'amounts amended', weight: 10, run: (client, codes) => amendUses(client, codes.pick(), upTo(10)) },
  { name: 'moved to another code', weight: 8, run: (client, codes) => moveUses(client, codes.pick(), codes.pick(), 3) },
  { name: 'upsert (ON CONFLICT)', weight: 6, run: (client, codes) => upsertUses(client, codes.pick(), codes.pick()) },
  { name: 'code deleted with its uses', weight: 2, run: exchangeCode },
  { name: 'code into or out of the campaign', weight: 3, run: exchangeMember },
  { name: 'transaction with a savepoint', weight: 6, run: (client, codes) => runTransaction(client, codes, 'COMMIT') },
  { name: 'transaction rolled back', weight: 6, run: (client, codes) => runTransaction(client, codes, 'ROLLBACK') },
  { name: 'connection lost in mid-transaction', weight: 1, endsConnection: true, run: breakOff },
  { name: 'old code: INSERT, then + 1', weight: 8, run: redeemTheOldWay },
  { name: 'counters overwritten by hand', weight: 2, run: (client, codes) => overwriteCounters(client, codes.pick()) },
];

const totalWeight = OPERATIONS.reduce((sum, { weight }) => sum + weight, 0);

export function pickOperation(): Operation {
  let rest = Math.random() * totalWeight;
  for (const operation of OPERATIONS) {
    rest -= operation.weight;
    if (rest < 0) return operation;
  }
  return OPERATIONS[0]!;
}

/** The codes in id order: an application that took them in any order would make deadlocks of its own. */
async function runTransaction(client: pg.Client, codes: Codes, end: 'COMMIT' | 'ROLLBACK'): Promise<number> {
  const written = await writeInTransaction(client, codes);
  await client.query(end);
  return end === 'COMMIT' ? written : 0;
}

async function writeInTransaction(client: pg.Client, codes: Codes): Promise<number> {
  const [first, second] = [codes.pick(), codes.pick()].sort((one, other) => one - other) as [number, number];
  await client.query('BEGIN');
  let written = await insertUses(client, [first, first, first]);
  written += await amendUses(client, first, 2);
  await client.query('SAVEPOINT here');
  await insertUses(client, [first, second]);
  await client.query('ROLLBACK TO SAVEPOINT here');
  written += await moveUses(client, first, second, 1);
  return written;
}

/** Either before COMMIT or with COMMIT under way: then only the server knows which it was. */
async function breakOff(client: pg.Client, codes: Codes): Promise<number> {
  await writeInTransaction(client, codes);
  if (Math.random() < 0.5) client.query('COMMIT').catch(() => {});
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 4));
  cut(client);
  return 0;
}

async function redeemTheOldWay(client: pg.Client, codes: Codes): Promise<number> {
  await redeem(client, codes.pick(), randomBonus());
  return 1;
}

function pickUpTo(count: number, codes: Codes): number[] {
  const three = [codes.pick(), codes.pick(), codes.pick()];
  return Array.from({ length: upTo(count) }, (_, index) => three[index % three.length]!);
}

function upTo(count: number): number {
  return 1 + Math.floor(Math.random() * count);
}

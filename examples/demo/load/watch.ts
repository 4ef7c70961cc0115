import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { checkDrift, streamDrift } from 'pg-promo-codes';
import { VERIFICATION_QUERY } from '../bug-report';
import { isConnectionLoss } from '../connection';
import { BrokenPromise } from '../expect';
import type { Tally } from './tally';

/** Every way to look for drift. Each gives what it found, in words. */
const CHECKS: Readonly<Record<string, (pool: pg.Pool) => Promise<string[]>>> = {
  'checkDrift()': async (pool) => (await checkDrift(pool)).map((record) => JSON.stringify(record)),
  'streamDrift()': async (pool) => {
    const found: string[] = [];
    for await (const record of streamDrift(pool, { batchSize: 10 })) found.push(JSON.stringify(record));
    return found;
  },
  'verification query of the bug report': async (pool) =>
    (await pool.query(VERIFICATION_QUERY)).rows.map((row) => JSON.stringify(row)),
};

export const CHECK_NAMES = Object.keys(CHECKS);

const PAUSE_MS = 10;
/** Of what a check found, so much is shown. */
const SHOWN = 3;

/** Checks over and over, while everything else goes on. The first code that differs ends the demo. */
export async function watchForDrift(pool: pg.Pool, tally: Tally, isOver: () => boolean): Promise<void> {
  await Promise.all(Object.entries(CHECKS).map(([name, check]) => repeat(name, () => check(pool), tally, isOver)));
}

async function repeat(name: string, check: () => Promise<string[]>, tally: Tally, isOver: () => boolean) {
  while (!isOver()) {
    try {
      const found = await check();
      if (found.length > 0) throw new BrokenPromise(describe(name, found));
      tally.recordCheck(name);
    } catch (error) {
      // A check whose connection was broken by the crash has found nothing either way; it is made again.
      if (!isConnectionLoss(error)) throw error;
    }
    await sleep(PAUSE_MS);
  }
}

function describe(name: string, found: readonly string[]): string {
  const more = found.length > SHOWN ? [`and ${found.length - SHOWN} more`] : [];
  return [`${name} found drift under load:`, ...found.slice(0, SHOWN), ...more].join('\n        ');
}

import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { checkDrift, type DriftRecord, inspectTriggers, installTriggers } from 'pg-promo-codes';
import { type BackgroundApplication, runOldApplication } from './background-application';
import { expect } from './expect';
import type { Demo } from './lifecycle';
import { addToCounters } from './old-application';
import { formatNumber, milliseconds, plural, printFacts, printHeading } from './print';

const CLIENTS = 6;
/** So long the application is watched before and after the installation. */
const WATCHED_MS = 800;

/** Step 2: the triggers go into the running application, whose code stays as it is. */
export async function showInstallation(demo: Demo, drifted: readonly DriftRecord[]): Promise<void> {
  const { pool } = demo;
  printHeading(
    `2. installTriggers(pool, { counterWrites: 'ignore' }), while ${CLIENTS} clients of the application go on`,
  );
  const application = runOldApplication(demo, CLIENTS, await codeIdsWithout(drifted, pool));
  const requests = [`before: ${await watch(application, sleep(WATCHED_MS))}`];

  const start = performance.now();
  const installing = installTriggers(pool, { counterWrites: 'ignore' });
  requests.push(`meanwhile: ${await watch(application, installing)}`);
  const duration = milliseconds(performance.now() - start);
  const { created, repaired } = await installing;
  const atOnce = await application.during(checkDrift(pool));

  requests.push(`after: ${await watch(application, sleep(WATCHED_MS))}`);
  await application.stop();
  const later = await checkDrift(pool);
  const again = await installAgain(pool);
  const [counted, ignored] = await addByHand(pool, drifted[0]!);
  const { ok, objects } = await inspectTriggers(pool);

  const triggers = objects.filter(({ kind }) => kind === 'trigger').map(({ name }) => name);
  const made = objects.filter(({ kind, name }) => kind === 'function' && created.includes(name));
  const functions = plural(made.length, 'function');
  const { changed, statements } = again;
  printFacts([
    ['done in', `${duration}: ${functions} and ${plural(triggers.length, 'trigger')} (${triggers.join(', ')})`],
    ['corrected', describeRepairs(repaired, drifted)],
    ['requests', requests.join('; ')],
    [
      'the old UPDATE',
      `times_used + 1 is ignored: ${drifted[0]?.code} has ${counted} uses before it and ${ignored} after`,
    ],
    [
      'checkDrift()',
      `${plural(atOnce.length, 'code')} right after, ${formatNumber(later.length)} when the clients have ended`,
    ],
    ['second call', `changed: ${changed}, in ${again.duration}, ${plural(statements, 'statement')}`],
  ]);

  expect(atOnce.length + later.length === 0, 'the counters should be true after the installation');
  const isCorrected = ({ promoCodeId, actualUses }: DriftRecord) =>
    repaired.some((record) => record.promoCodeId === promoCodeId && record.actualUses === actualUses);
  expect(drifted.every(isCorrected), 'every code that had drifted should be reported as corrected');
  expect(ok, 'inspectTriggers should find every object in order');
  expect(counted === ignored, 'the old UPDATE should have been ignored');
  expect(!changed && statements === 1, 'a second call should have had nothing to do');
}

/** The codes of step 1 one by one, then how many had drifted since: the application made drift until the last moment. */
function describeRepairs(repaired: readonly DriftRecord[], drifted: readonly DriftRecord[]): string {
  const known = repaired.filter(({ promoCodeId }) => drifted.some((record) => record.promoCodeId === promoCodeId));
  const changes = known.map(({ code, timesUsed, actualUses }) => `${code} ${timesUsed ?? 'NULL'} → ${actualUses}`);
  const others = repaired.length - known.length;
  return `${changes.join(', ')}, and ${plural(others, 'code')} that drifted since`;
}

/** The application goes on with the other codes, so that the corrections can be compared with the table above. */
async function codeIdsWithout(drifted: readonly DriftRecord[], pool: pg.Pool): Promise<number[]> {
  const { rows } = await pool.query<{ id: number }>('SELECT id FROM promo_codes WHERE id <> ALL ($1)', [
    drifted.map(({ promoCodeId }) => promoCodeId),
  ]);
  return rows.map(({ id }) => id);
}

/** What the application did while something else went on, in words. */
async function watch(application: BackgroundApplication, work: Promise<unknown>): Promise<string> {
  application.takeRequests();
  await application.during(work);
  const requests = application.takeRequests();
  return `${formatNumber(requests.length)}, slowest ${milliseconds(Math.max(0, ...requests))}`;
}

/** As the next start of the service will do; the wrapper counts the statements. */
async function installAgain(pool: pg.Pool): Promise<{ changed: boolean; statements: number; duration: string }> {
  let statements = 0;
  const counting = {
    query(text: string, values?: unknown[]) {
      statements += 1;
      return pool.query(text, values);
    },
  };
  const start = performance.now();
  const { changed } = await installTriggers(counting, { counterWrites: 'ignore' });
  return { changed, statements, duration: milliseconds(performance.now() - start) };
}

/** The counter before and after an UPDATE by hand. */
async function addByHand(pool: pg.Pool, { promoCodeId }: DriftRecord): Promise<number[]> {
  const timesUsed = async () => {
    const { rows } = await pool.query<{ times_used: number }>('SELECT times_used FROM promo_codes WHERE id = $1', [
      promoCodeId,
    ]);
    return rows[0]!.times_used;
  };
  const before = await timesUsed();
  await addToCounters(pool, Number(promoCodeId), '5.00');
  return [before, await timesUsed()];
}

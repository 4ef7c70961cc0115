import type { Campaign } from 'pg-promo-codes';
import { expect } from './expect';
import type { Demo } from './lifecycle';
import { Clock } from './load/clock';
import { Codes } from './load/codes';
import { crashServer, reasonNotToCrash, switchOffTrigger, terminateBackends } from './load/disasters';
import { OPERATIONS } from './load/operations';
import { Tally } from './load/tally';
import { CHECK_NAMES, watchForDrift } from './load/watch';
import { Worker } from './load/worker';
import { formatNumber, milliseconds, plural, printFacts, printHeading, printLine, printTable } from './print';

const CONNECTIONS = 24;
const SECONDS = 10;
const REPORT_EVERY_SECONDS = 2.5;
const CRASH_AFTER_SECONDS = 4.5;
const SABOTAGE_AFTER_SECONDS = 2;
const PATIENCE_MS = 30_000;
const FEWEST_CHECKS = 10;

/** Step 4: everything at once, with somebody looking for drift all the time. */
export async function showLoad(demo: Demo, campaign: Campaign, { sabotage }: { sabotage: boolean }): Promise<Tally> {
  printHeading(`4. ${CONNECTIONS} connections write for ${SECONDS} s, backends are killed, drift checks never stop`);
  const { rows } = await demo.pool.query<{ id: number }>('SELECT id FROM promo_codes ORDER BY id');
  const codes = new Codes(
    rows.map(({ id }) => id),
    campaign.id,
  );
  const tally = new Tally();
  const workers = Array.from({ length: CONNECTIONS }, (_, index) => new Worker(OPERATIONS[index % OPERATIONS.length]!));
  const clock = new Clock(SECONDS, demo.signal);
  await clock.runTogether([
    ...workers.map((worker) => worker.run(demo.url, codes, tally, clock.isOver)),
    watchForDrift(demo.pool, tally, clock.isOver),
    terminateBackends(demo.url, tally, clock.isOver),
    clock.hold(crashInBetween(demo, clock, tally, workers)),
    clock.hold(awaitChecks(clock, tally)),
    sabotage ? sabotageAfterAWhile(demo, clock) : undefined,
    reportProgress(clock, tally),
  ]);
  printFigures(tally, clock.seconds);
  expectRealLoad(tally);
  return tally;
}

async function sabotageAfterAWhile(demo: Demo, clock: Clock): Promise<void> {
  await clock.reach(SABOTAGE_AFTER_SECONDS);
  await switchOffTrigger(demo.url);
  printLine('SABOTAGE: the trigger that counts deletes was switched off; this has to be noticed');
}

async function crashInBetween(demo: Demo, clock: Clock, tally: Tally, workers: readonly Worker[]): Promise<void> {
  const reason = reasonNotToCrash(demo);
  if (reason !== undefined) {
    printLine(`SKIPPED: the crash of the server, because ${reason}`);
    return;
  }
  await clock.reach(CRASH_AFTER_SECONDS);
  tally.recoveryMs = await crashServer(demo.url);
  const recovered = performance.now();
  const allAreBack = () => workers.every(({ lastDone }) => lastDone > recovered);
  await clock.until(allAreBack, PATIENCE_MS, 'not all connections went on after the crash');
}

async function awaitChecks(clock: Clock, tally: Tally): Promise<void> {
  const enough = () => CHECK_NAMES.every((name) => tally.checksBy(name) >= FEWEST_CHECKS);
  await clock.until(enough, PATIENCE_MS, 'drift was looked for too seldom');
}

async function reportProgress(clock: Clock, tally: Tally): Promise<void> {
  for (let second = REPORT_EVERY_SECONDS; second < SECONDS; second += REPORT_EVERY_SECONDS) {
    await clock.reach(second);
    const operations = plural(tally.total.times, 'operation');
    printLine(`after ${second.toFixed(1)} s: ${operations}, ${plural(tally.checkCount, 'check')}, drift found: 0`);
  }
}

function printFigures(tally: Tally, seconds: number): void {
  const rowOf = (name: string, { times, uses }: { times: number; uses: number }) => [
    name,
    formatNumber(times),
    formatNumber(Math.round(times / seconds)),
    formatNumber(uses),
  ];
  printLine();
  printTable(
    [
      { title: 'operation', kind: 'text' },
      { title: 'times', kind: 'figure' },
      { title: 'per second', kind: 'figure' },
      { title: 'uses written', kind: 'figure' },
    ],
    [...OPERATIONS.map((operation) => rowOf(operation.name, tally.of(operation))), rowOf('all', tally.total)],
  );
  printLine();
  const { recoveryMs } = tally;
  printFacts([
    [
      'killed',
      `${plural(tally.terminated, 'backend')} by pg_terminate_backend, ${formatNumber(tally.terminatedWriting)} of them while writing`,
    ],
    [
      'crashed',
      recoveryMs ? `by SIGKILL to one backend; PostgreSQL recovered in ${milliseconds(recoveryMs)}` : 'skipped',
    ],
    [
      'in passing',
      `${plural(tally.connectionsLost, 'broken connection')} replaced, ${plural(tally.refused, 'use')} of a code just deleted refused, ${plural(tally.deadlocks, 'deadlock')}`,
    ],
    ['drift checks', CHECK_NAMES.map((name) => `${formatNumber(tally.checksBy(name))} ${name}`).join(', ')],
  ]);
}

/** A load that did nothing would find no drift either. */
function expectRealLoad(tally: Tally): void {
  const idle = OPERATIONS.filter((operation) => tally.of(operation).times === 0).map(({ name }) => name);
  expect(idle.length === 0, `some operations never happened: ${idle.join(', ')}`);
  expect(tally.terminated > 0 && tally.connectionsLost > 0, 'no backend was killed');
}

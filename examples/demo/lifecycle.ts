import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type Server, startServer } from '../../tests/server/start-server';
import { changeUrl } from '../../tests/support/urls';
import { connect } from './connection';
import { BrokenPromise } from './expect';
import { print, printFailure } from './print';

/** What the steps of the demo work with. */
export interface Demo {
  readonly server: Server;
  /** A connection string of the host's database, which is the demo's own. */
  readonly url: string;
  readonly pool: pg.Pool;
  /** Aborted when the demo is to end early; what runs in the background has to heed it. */
  readonly signal: AbortSignal;
}

type Cleanup = () => Promise<unknown>;

/** Far longer than it takes, also with an image to be pulled, so that a demo that hangs ends and says so. */
const TIME_LIMIT_MS = 300_000;
/** Long enough for a container that is just being started, which is only then stopped. */
const CLEANUP_LIMIT_MS = 60_000;
const POOL_LIMIT_MS = 2_000;
/** npm passes on the signal of a Ctrl-C that the terminal has sent already; only what comes later is a second one. */
const SAME_INTERRUPTION_MS = 1_000;
const INTERRUPTIONS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** Runs the demo on a server of its own, and leaves nothing behind: neither at the end nor on failure nor on Ctrl-C. */
export async function runDemo(story: (demo: Demo) => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const interrupted = stopOnInterruption(stop);
  const cleanups: Cleanup[] = [];
  const told = setUp(stop.signal, cleanups).then(story);
  const timer = setTimeout(() => stop.abort(), TIME_LIMIT_MS);
  const failure = await Promise.race([told, once(stop.signal, 'abort')]).then(
    () => (stop.signal.aborted ? new BrokenPromise(`still running after ${TIME_LIMIT_MS / 1_000} s`) : null),
    (error: unknown) => error,
  );
  clearTimeout(timer);
  stop.abort();
  if (failure && !interrupted.by) reportFailure(failure);
  const untidy = await cleanUp(cleanups);
  if (untidy) reportFailure(untidy);
  if (interrupted.by) {
    print(`\nInterrupted.${untidy ? '' : ' Everything was stopped and removed.'}`);
    process.exit(INTERRUPTIONS[interrupted.by]);
  }
  // A failure may have left something open that would keep the process alive.
  if (process.exitCode) process.exit();
}

/** PostgreSQL is given fsync, as in production; it only looks for deadlocks sooner, because there is little time. */
async function setUp(signal: AbortSignal, cleanups: Cleanup[]): Promise<Demo> {
  const starting = startServer({ durable: true, settings: { deadlock_timeout: '100ms' } });
  cleanups.push(() =>
    starting.then(
      (server) => server.stop(),
      () => {},
    ),
  );
  const server = await starting;
  signal.throwIfAborted();
  const database = `promo_demo_${randomBytes(4).toString('hex')}`;
  const creating = execute(server.url, `CREATE DATABASE ${database} TEMPLATE template0`);
  const drop = () => execute(server.url, `DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
  // A server of our own goes with all that is in it.
  if (server.shared) cleanups.push(() => creating.then(drop, drop));
  await creating;

  const url = changeUrl(server.url, { database });
  const pool = new pg.Pool({ connectionString: url, max: 6, application_name: 'demo' });
  // Some of its connections will be broken on purpose; the pool replaces them.
  pool.on('error', () => {});
  // A query that hangs ends with the server at the latest.
  cleanups.push(() => Promise.race([pool.end(), sleep(POOL_LIMIT_MS, undefined, { ref: false })]));
  return { server, url, pool, signal };
}

async function execute(url: string, statement: string): Promise<void> {
  const admin = await connect(url, 'demo admin');
  await admin.query(statement).finally(() => admin.end());
}

/** In the reverse order; what hangs is not waited for, what fails does not keep the others from being tried. */
async function cleanUp(cleanups: Cleanup[]): Promise<unknown> {
  let failure: unknown = null;
  for (const cleanup of cleanups.reverse()) {
    const late = sleep(CLEANUP_LIMIT_MS, 'late' as const, { ref: false });
    const outcome = await Promise.race([cleanup(), late]).catch((error: unknown) => {
      failure ??= error;
    });
    if (outcome === 'late') failure ??= new BrokenPromise(`cleaning up took longer than ${CLEANUP_LIMIT_MS} ms`);
  }
  return failure;
}

/** The first Ctrl-C cleans up, a second one does not wait for that. A reader that went away (`| head`) counts as one. */
function stopOnInterruption(stop: AbortController): { by?: keyof typeof INTERRUPTIONS } {
  const interrupted: { by?: keyof typeof INTERRUPTIONS } = {};
  let first = Number.POSITIVE_INFINITY;
  const interrupt = (signal: keyof typeof INTERRUPTIONS) => {
    if (performance.now() > first + SAME_INTERRUPTION_MS) process.exit(INTERRUPTIONS[signal]);
    first = Math.min(first, performance.now());
    interrupted.by ??= signal;
    stop.abort();
  };
  for (const signal of Object.keys(INTERRUPTIONS)) process.on(signal, interrupt);
  process.stdout.on('error', () => interrupt('SIGHUP'));
  return interrupted;
}

function reportFailure(error: unknown): void {
  process.exitCode = 1;
  printFailure(error instanceof BrokenPromise ? error.message : error instanceof Error ? `${error.stack}` : `${error}`);
}

import { createHash } from 'node:crypto';
import { InsufficientPrivilegeError, LockTimeoutError, PromoCodesError } from '../errors.js';
import { type CallLimits, type Plan, perform, performHosted, type Work } from '../postgres/attempts.js';
import { type ConnectionPool, type Database, isPool, type Queryable } from '../postgres/database.js';
import type { Replica } from '../postgres/replica.js';
import { pause } from '../postgres/retry.js';
import { now } from '../postgres/timers.js';
import type { Explainer, Locked } from './explain.js';
import type { Host } from './host.js';

/** What is the same for all calls of a repository. */
export interface CallSettings {
  db: Database;
  /** Where reads go that need not be fresh. */
  replica?: Replica | undefined;
  /** The name of the database among several. */
  shard?: string | undefined;
  limits: CallLimits;
  /** Whether statements are prepared by name. */
  prepare: boolean;
  explainer: Explainer;
  /** What the functions of an installation for tests take for the present, as PostgreSQL reads it. */
  clock?: string | undefined;
  /** Learns of every call that failed. */
  onError(error: PromoCodesError): void;
}

/** What one call is asked with. */
export interface CallOrigin {
  /** The host's client, when the call is part of the host's transaction. */
  client?: Queryable | undefined;
  rateLimitKey?: string | undefined;
  /** Whether what it reads may be as old as the replica is. */
  mayBeStale?: boolean | undefined;
}

/** One call of a method: where it runs, until when, and what is known of the host's tables. */
export class Call {
  readonly #settings: CallSettings;
  readonly #host: Host | undefined;
  /** The host's client, when the call is part of the host's transaction. */
  readonly client: Queryable | undefined;
  readonly rateLimitKey: string | undefined;
  readonly mayBeStale: boolean;
  /** The library does not own the transaction: it is that of `client`, or of the client that the repository was made with. */
  readonly hosted: boolean;
  /** When the call has to be over, by `now()`. */
  readonly deadline: number;

  constructor(settings: CallSettings, host: Host | undefined, origin: CallOrigin = {}, deadline?: number) {
    this.#settings = settings;
    this.#host = host;
    this.client = origin.client;
    this.rateLimitKey = origin.rateLimitKey;
    this.mayBeStale = origin.mayBeStale ?? false;
    this.hosted = origin.client !== undefined || !isPool(settings.db);
    this.deadline = deadline ?? now() + settings.limits.deadlineMs;
  }

  /** The client in whose transaction the call is, where that is the host's. */
  get hostClient(): Database | undefined {
    return this.hosted ? (this.client ?? this.#settings.db) : undefined;
  }

  get host(): Host {
    if (!this.#host) throw new Error('The host has not been read yet.');
    return this.#host;
  }

  /** The same call, of which more is known. */
  knowing(host: Host): Call {
    return new Call(this.#settings, host, this, this.deadline);
  }

  /** The same call with all its time before it: a step of a long piece of work, each of which has a deadline of its own. */
  renewed(): Call {
    return new Call(this.#settings, this.#host, this);
  }

  /** The same call, which reads nothing that is older than the primary. */
  fresh(): Call {
    return this.mayBeStale ? new Call(this.#settings, this.#host, { client: this.client }, this.deadline) : this;
  }

  /** A statement for the tables of the host, from one with placeholders. */
  sql(file: string): string {
    return this.host.sql(file);
  }

  /**
   * Runs what changes nothing. It is repeated until the deadline, and nothing is ever in doubt. What may be stale is asked of the
   * replica, and where that fails, for whatever reason, of the primary.
   */
  read<Result>(work: Work<Result>): Promise<Result> {
    return this.mayBeStale && this.#settings.replica && !this.hosted
      ? this.#readFrom(this.#settings.replica, work)
      : this.#perform(work, 'none', this.#usual(), false);
  }

  async #readFrom<Result>(replica: Replica, work: Work<Result>): Promise<Result> {
    const { plan, timed } = this.#planned(work, 'none', this.#usual(), false);
    if (replica.isThere(plan)) {
      try {
        return await replica.read(plan, timed);
      } catch (error) {
        await pause(0, () => ({ attempt: 1, error, inDoubt: false, shard: plan.shard }));
      }
    }
    return this.#perform(work, 'none', this.#usual(), false);
  }

  /**
   * Runs what finds out by itself what an earlier attempt has done, in as few round trips as it takes. `inDoubt`: a
   * connection broke under it before.
   */
  run<Result>(work: Work<Result>, inDoubt = false): Promise<Result> {
    return this.#perform(work, 'repeatable', this.#usual(), inDoubt);
  }

  /**
   * Runs what writes without a trace of whose write it is: as a transaction of several round trips, so that a statement
   * which the network delivers late finds its client gone and is never committed, and a COMMIT that is late holds the lock
   * of the row meanwhile, for which the repetition waits. Only a COMMIT without an answer leaves anything in doubt.
   * @param locked the code whose lock it takes, for the message when somebody else holds it
   */
  write<Result>(work: Work<Result>, locked?: Locked): Promise<Result> {
    const result = this.#perform(work, 'repeatable', 'read committed', false);
    return locked === undefined ? result : this.explainLock(result, locked);
  }

  /** A lock that was not granted is named, with its holder, where that can be found out. */
  explainLock<Result>(result: Promise<Result>, locked: Locked): Promise<Result> {
    return result.catch(async (error: unknown) => {
      throw error instanceof LockTimeoutError ? await this.#settings.explainer.lock(error, locked) : error;
    });
  }

  /** The isolation that a statement of its own runs in is the session's. */
  #usual(): Plan['transaction'] {
    const isolation = this.#host?.isolation;
    return isolation === undefined || isolation === 'read committed' ? 'statement' : 'read committed';
  }

  async #perform<Result>(
    work: Work<Result>,
    effect: Plan['effect'],
    transaction: Plan['transaction'],
    inDoubt: boolean,
  ): Promise<Result> {
    const { db, onError, explainer } = this.#settings;
    const { plan, timed } = this.#planned(work, effect, transaction, inDoubt);
    try {
      return this.hosted
        ? await performHosted(this.client ?? db, plan, this.client !== undefined, timed)
        : await perform(db as ConnectionPool, plan, timed);
    } catch (error) {
      if (error instanceof PromoCodesError) onError(error);
      throw error instanceof InsufficientPrivilegeError ? await explainer.privileges(error) : error;
    }
  }

  #planned<Result>(
    work: Work<Result>,
    effect: Plan['effect'],
    transaction: Plan['transaction'],
    inDoubt: boolean,
  ): { plan: Plan; timed: Work<Result> } {
    const { limits, prepare, shard } = this.#settings;
    // What is sent before the host is known is sent once.
    const wrap = prepare && this.#host ? prepared : undefined;
    const clock = this.#host?.layout.testClock ? this.#settings.clock : undefined;
    const plan: Plan = {
      effect,
      transaction: clock === undefined ? transaction : 'read committed',
      inDoubt,
      limits,
      deadline: this.deadline,
      wrap,
      shard,
    };
    return { plan, timed: clock === undefined ? work : atTime(clock, work, this.hosted) };
  }
}

/**
 * Sets the present for the work: in a transaction of the library's own until that ends; in the host's only for the work,
 * since other calls may follow there, and a rollback takes the setting back with the rest.
 */
function atTime<Result>(moment: string, work: Work<Result>, hosted: boolean): Work<Result> {
  const set = (connection: Queryable, to: string) =>
    connection.query(`SELECT pg_catalog.set_config('pg_promo_codes.clock', $1::text, $2::boolean) AS clock`, [
      to,
      !hosted,
    ]);
  return async (connection, attempt) => {
    await set(connection, moment);
    if (!hosted) return work(connection, attempt);
    try {
      return await work(connection, attempt);
    } finally {
      await set(connection, '').catch(() => undefined);
    }
  };
}

/** The same text has the same name, so a connection prepares it once. */
function prepared(connection: Queryable): Queryable {
  const query = connection.query as unknown as (config: object) => ReturnType<Queryable['query']>;
  return {
    query: (text, values) =>
      query.call(connection, { name: `pg_promo_codes_${hashOf(text)}`, text, ...(values && { values }) }),
  };
}

const hashes = new Map<string, string>();

function hashOf(text: string): string {
  const known = hashes.get(text) ?? createHash('sha256').update(text).digest('hex').slice(0, 32);
  hashes.set(text, known);
  return known;
}

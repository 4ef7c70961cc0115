import { AsyncResource } from 'node:async_hooks';
import type { BatchEvent } from '../diagnostics/events.js';
import { ValidationError } from '../errors.js';
import type { Database } from '../postgres/database.js';
import { removalsOf } from '../postgres/removals.js';
import { Replica } from '../postgres/replica.js';
import { messageOf } from '../postgres/sqlstate.js';
import { now } from '../postgres/timers.js';
import { describeReceived } from '../received.js';
import { Call, type CallOrigin, type CallSettings } from '../redemption/calls.js';
import { Explainer } from '../redemption/explain.js';
import { type Host, readHost } from '../redemption/host.js';
import { PREVIEWS, type QueueLimits, RedemptionQueue, type Scopes, type SendBatch } from '../redemption/queue.js';
import { redeemBatch, type Sending } from '../redemption/redeem.js';
import { UseIds } from '../redemption/use-ids.js';
import { type InputSchemas, inputSchemas, type OwnShops } from './inputs.js';
import { limitsOf, type ParsedRepositoryOptions, usualBatching } from './options.js';
import { type Preview, previewCodes, type ValidateRequest } from './validate.js';

export type { Call } from '../redemption/calls.js';

/** Inputs that are too wide must not make every call read the host's tables. */
const LEAST_PAUSE_MS = 1_000;
/** What the server says when a table, a column or a function is not there, or not as wide as it was. */
const OF_THE_HOST = /^(42703|42P01|42883|3F000|22001|22003)$/;

/** A call whose arguments are in order, and what was made of them. */
interface Begun<Input> {
  input: Input;
  call: Call;
}

/** Which of several databases a repository works on. */
export interface Shard {
  name: string;
  shops: OwnShops;
}

/** What lives as long as a repository: the connection, the options, what is known of the host, reserved ids. */
export class Context {
  readonly db: Database;
  readonly options: ParsedRepositoryOptions;
  readonly #settings: CallSettings;
  /** The asynchronous context in which the repository was made: that of statements which several callers share. */
  readonly #home = new AsyncResource('PromoCodeRepository');
  readonly #ids: UseIds;
  #queue: RedemptionQueue | undefined;
  /** By whether what they read may be as old as the replica is. */
  readonly #previews = new Map<boolean, RedemptionQueue<ValidateRequest, Preview>>();
  #host: Host | undefined;
  #reading: Promise<Host> | undefined;
  /** When the host was last read for a refusal. */
  #checkedAt = Number.NEGATIVE_INFINITY;
  /** As long as nothing is known of the columns. */
  #early: InputSchemas = inputSchemas(undefined);
  #schemas = this.#early;
  /** Makes the installation one whose clock can be set, where it is none yet. */
  #prepareClock: (() => Promise<unknown>) | undefined;
  #shard: Shard | undefined;

  /** @param track is given what goes on after a call has its answer */
  constructor(db: Database, options: ParsedRepositoryOptions, track: (work: Promise<void>) => unknown) {
    this.db = db;
    this.options = options;
    const { prepare, readPool } = options;
    const home = this.#partitionBy ? undefined : this.#home;
    this.#settings = {
      db,
      replica: readPool === undefined || readPool === db ? undefined : new Replica(readPool, home, track),
      prepare,
      limits: limitsOf(options),
      explainer: new Explainer(db, () => this.#host),
      onError: (error) => {
        const isOfHost = error.code === 'NOT_INSTALLED' || OF_THE_HOST.test(error.sqlState ?? '');
        // The tables may have been changed; the next call reads them anew.
        if (isOfHost) this.#host = undefined;
      },
    };
    this.#ids = new UseIds(home, removalsOf(db));
  }

  /** From now on it is known as one of several databases, and takes only the shops of this one. */
  join(shard: Shard): void {
    this.#shard = shard;
    this.#settings.shard = shard.name;
    this.#early = inputSchemas(undefined, shard.shops);
    this.#schemas = this.#early;
  }

  /** Its name among several databases. */
  get shard(): string | undefined {
    return this.#shard?.name;
  }

  /**
   * Begins a method: `check` is run on what is known before the server is asked, and once more when the widths of the host's
   * columns are known.
   */
  begin<Input>(
    options: CallOrigin | undefined,
    check: (schemas: InputSchemas) => Input,
  ): Begun<Input> | Promise<Begun<Input>> {
    const call = new Call(this.#settings, this.#host, options);
    try {
      const input = check(this.#schemas);
      return this.#host ? { input, call } : this.#beginAnew(call, check);
    } catch (error) {
      return this.#beginAnew(call, check, { error });
    }
  }

  async #beginAnew<Input>(
    call: Call,
    check: (schemas: InputSchemas) => Input,
    refusal?: { error: unknown },
  ): Promise<Begun<Input>> {
    if (refusal && !(await this.#mayHaveChanged(call, refusal.error, check))) throw refusal.error;
    const host = this.#host ?? (await this.#readShared(call));
    return { input: check(this.#schemas), call: call.knowing(host) };
  }

  /** Columns may have become wider since they were read: what only their width refuses is checked against them once more. */
  async #mayHaveChanged(call: Call, error: unknown, check: (schemas: InputSchemas) => unknown): Promise<boolean> {
    if (!this.#host || now() - this.#checkedAt < LEAST_PAUSE_MS) return false;
    try {
      check(this.#early);
    } catch {
      return false;
    }
    this.#checkedAt = now();
    try {
      await this.#readHost(call);
      return true;
    } catch {
      throw error;
    }
  }

  /** Those who come while the tables are being read wait for that; where it fails, each for himself. */
  async #readShared(call: Call): Promise<Host> {
    if (call.hosted || this.#partitionBy) return this.#readHost(call);
    const earlier = this.#reading;
    if (earlier) return earlier.catch(() => this.#host ?? this.#readHost(call));
    this.#reading = this.#home.runInAsyncScope(() => this.#readHost(call));
    return this.#reading.finally(() => {
      this.#reading = undefined;
    });
  }

  async #readHost(call: Call): Promise<Host> {
    // Of the primary, also where the call may read what is older: what is installed is there first.
    const fresh = call.fresh();
    const read = () => fresh.read((connection) => readHost(connection, this.options));
    const prepareClock = this.#prepareClock;
    let host = await read();
    if (prepareClock && !host.layout.testClock) {
      await prepareClock();
      host = await read();
    }
    if (prepareClock !== this.#prepareClock) return this.#readHost(call);
    this.#host = host;
    this.#schemas = inputSchemas(host, this.#shard?.shops);
    return host;
  }

  /** What inputs are checked by, as far as the host is known. */
  get schemas(): InputSchemas {
    return this.#schemas;
  }

  /**
   * From now on this is the present for the calls of the repository; without a moment it is the server's.
   * @param prepare makes the installation one whose clock can be set
   */
  setClock(moment: string | undefined, prepare: () => Promise<unknown>): void {
    this.#settings.clock = moment;
    this.#prepareClock = moment === undefined ? undefined : prepare;
    if (moment !== undefined && !this.#host?.layout.testClock) this.#host = undefined;
  }

  /** The schema of the host's tables, as far as it is known. */
  get schema(): string | undefined {
    return this.#host?.layout.schema ?? this.options.schema;
  }

  /** How many redemptions wait for a statement. */
  get queueLength(): number {
    return this.#queue?.length ?? 0;
  }

  /** How a redemption is sent in this call. */
  sending(call: Call, strict: boolean, partition = this.#partition()): Sending {
    const { uniformRefusals } = this.options;
    return { call, ids: this.#ids, uniformRefusals, partition, strict };
  }

  /** Where redemptions meet that need not be by themselves. */
  queue(call: Call): RedemptionQueue | undefined {
    const limits = this.#limitsOfQueue(call);
    if (limits) this.#queue ??= this.#newQueue(call.host, limits);
    return limits && this.#queue;
  }

  /** The same for previews, which share no statements with redemptions: those write, and wait for locks. */
  previews(call: Call): RedemptionQueue<ValidateRequest, Preview> | undefined {
    const limits = this.#limitsOfQueue(call);
    if (!limits) return undefined;
    const { mayBeStale } = call;
    const queue = this.#previews.get(mayBeStale) ?? this.#newPreviews(call.host, limits, mayBeStale);
    this.#previews.set(mayBeStale, queue);
    return queue;
  }

  #limitsOfQueue(call: Call): QueueLimits | undefined {
    const { batching } = this.options;
    if (batching === false || call.hosted) return undefined;
    return { ...(batching === true ? usualBatching : batching), deadlineMs: this.#settings.limits.deadlineMs };
  }

  #newQueue(host: Host, limits: QueueLimits): RedemptionQueue {
    const scopes = this.#scopes('PromoCodeRepository.redeem');
    return new RedemptionQueue(this.#place(host), limits, scopes, (requests, { patienceMs, deadline, partition }) => {
      const call = new Call(this.#settings, this.#host ?? host, {}, deadline);
      return redeemBatch({ ...this.sending(call, false, partition), patienceMs }, requests);
    });
  }

  #newPreviews(host: Host, limits: QueueLimits, mayBeStale: boolean): RedemptionQueue<ValidateRequest, Preview> {
    const { uniformRefusals } = this.options;
    const scopes = this.#scopes('PromoCodeRepository.validate');
    const send: SendBatch<ValidateRequest, Preview> = (entries, { deadline }) => {
      const call = new Call(this.#settings, this.#host ?? host, { mayBeStale }, deadline);
      const requests = entries.map(({ request }) => request);
      return previewCodes(call, requests, uniformRefusals);
    };
    return new RedemptionQueue(this.#place(host), limits, scopes, send, PREVIEWS);
  }

  /** Which tables it is about, for events. */
  #place({ layout }: Host): Pick<BatchEvent, 'schema' | 'shard'> {
    return { schema: layout.schema, shard: this.shard };
  }

  #scopes(name: string): Scopes {
    const ofCaller = () => ({ partition: this.#partition(), scope: new AsyncResource(name) });
    return { home: this.#home, ...(this.#partitionBy && { ofCaller }) };
  }

  get #partitionBy(): (() => string) | undefined {
    const { batching } = this.options;
    return typeof batching === 'object' ? batching.partitionBy : undefined;
  }

  /** The answer of `partitionBy` in the asynchronous context of the caller. */
  #partition(): string {
    if (!this.#partitionBy) return '';
    const path = 'batching.partitionBy';
    let partition: unknown;
    try {
      partition = this.#partitionBy();
    } catch (cause) {
      throw new ValidationError([{ path, message: `threw: ${messageOf(cause)}` }], { cause });
    }
    if (typeof partition === 'string') return partition;
    const received = describeReceived(partition) ?? 'undefined';
    throw new ValidationError([{ path, message: 'must answer with a string', received }]);
  }
}

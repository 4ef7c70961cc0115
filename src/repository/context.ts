import { createHash } from 'node:crypto';
import { PromoCodesError } from '../errors.js';
import { type Database, isPool, type Queryable } from '../postgres/database.js';
import { quoteIdentifier } from '../postgres/identifiers.js';
import { type Attempt, call } from '../redemption/calls.js';
import { type Host, readHost } from '../redemption/host.js';
import { RedemptionQueue } from '../redemption/queue.js';
import { type RedeemContext, redeemBatch } from '../redemption/redeem.js';
import { type RedeemStatements, redeemStatements } from '../redemption/statements.js';
import { UseIds } from '../redemption/use-ids.js';
import { type InputSchemas, inputSchemas } from './inputs.js';
import { type CallOptions, type ParsedRepositoryOptions, usualBatching } from './options.js';

/** What one method works with: the repository's settings, and where this one call goes. */
export interface Call {
  /** The host's client, when the call is part of the host's transaction. */
  client: Queryable | undefined;
  /** The host's client, or a client that the repository itself was made with: the library does not own the transaction. */
  hosted: boolean;
  rateLimitKey: string | undefined;
  host: Host;
  schemas: InputSchemas;
  /** `"schema".promo_codes` and so on. */
  table(name: string): string;
  /** Runs a call whose effect is the same when it is repeated; `inDoubt`: a connection broke under it before. */
  run<Result>(work: (connection: Queryable, attempt: Attempt) => Promise<Result>, inDoubt?: boolean): Promise<Result>;
  /** Runs a call that must not be repeated after a connection broke under it. */
  runOnce<Result>(work: (connection: Queryable) => Promise<Result>): Promise<Result>;
}

/** What lives as long as a repository: the connection, the options, what is known of the host, reserved ids. */
export class Context {
  readonly db: Database;
  readonly options: ParsedRepositoryOptions;
  readonly #ids: UseIds;
  readonly #statements: RedeemStatements;
  #queue: RedemptionQueue | undefined;
  #host: Host | undefined;
  #schemas: InputSchemas = inputSchemas(undefined);
  /** Calls without options are all alike. */
  #usualCall: Call | undefined;

  constructor(db: Database, options: ParsedRepositoryOptions) {
    this.db = db;
    this.options = options;
    this.#ids = new UseIds(options.schema);
    this.#statements = redeemStatements(options.schema);
  }

  /**
   * Begins a method: `check` is run on what is known before the server is asked, and again when the widths of the host's
   * columns are known.
   */
  async begin<Input>(
    options: CallOptions | undefined,
    check: (schemas: InputSchemas) => Input,
  ): Promise<{ input: Input; call: Call }> {
    const { client, rateLimitKey } = options ?? {};
    const early = check(this.#schemas);
    if (this.#host) return { input: early, call: this.#call(client, rateLimitKey, this.#host) };
    const host = await call(this.db, client, this.options.retry, { effect: 'repeatable' }, (connection) =>
      readHost(connection, this.options.schema),
    );
    this.#host = host;
    this.#schemas = inputSchemas(host);
    return { input: check(this.#schemas), call: this.#call(client, rateLimitKey, host) };
  }

  /** What a redemption is sent with. */
  redemption(current: Call, strict: boolean): RedeemContext {
    const { lockTimeoutMs, uniformRefusals } = this.options;
    const { hosted, run } = current;
    return { statements: this.#statements, ids: this.#ids, lockTimeoutMs, uniformRefusals, hosted, run, strict };
  }

  /** Where redemptions meet that need not be by themselves. */
  queue(current: Call): RedemptionQueue | undefined {
    const { batching, schema } = this.options;
    if (batching === false || current.hosted) return undefined;
    const limits = batching === true ? usualBatching : batching;
    this.#queue ??= new RedemptionQueue(schema, limits, (requests, patienceMs) => {
      const context = this.redemption(this.#call(undefined, undefined, this.#host ?? current.host), false);
      return redeemBatch({ ...context, patienceMs }, requests);
    });
    return this.#queue;
  }

  #call(client: Queryable | undefined, rateLimitKey: string | undefined, host: Host): Call {
    if (client !== undefined || rateLimitKey !== undefined) return this.#newCall(client, rateLimitKey, host);
    if (this.#usualCall?.host !== host) this.#usualCall = this.#newCall(undefined, undefined, host);
    return this.#usualCall;
  }

  #newCall(client: Queryable | undefined, rateLimitKey: string | undefined, host: Host): Call {
    const send = <Result>(
      effect: 'repeatable' | 'once',
      work: (connection: Queryable, attempt: Attempt) => Promise<Result>,
      inDoubt = false,
    ) =>
      call(this.db, client, this.options.retry, { effect, isolation: host.isolation, inDoubt }, (connection, attempt) =>
        work(this.options.prepare ? prepared(connection) : connection, attempt),
      ).catch((error: unknown) => {
        // The tables may have been changed; they are read anew by the next call.
        if (error instanceof PromoCodesError && error.code === 'NOT_INSTALLED') this.#host = undefined;
        throw error;
      });
    return {
      client,
      hosted: client !== undefined || !isPool(this.db),
      rateLimitKey,
      host,
      schemas: this.#schemas,
      table: (name) => `${quoteIdentifier(this.options.schema)}.${name}`,
      run: (work, inDoubt) => send('repeatable', work, inDoubt),
      runOnce: (work) => send('once', work),
    };
  }
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

import { PromoCodesError } from '../errors.js';
import { parseOptions, parseTogether } from '../options.js';
import type { Database } from '../postgres/database.js';
import type { PromoCodeUse } from '../redemption/promo-code-use.js';
import { type RedeemRequest, redeemBatch, type Settled } from '../redemption/redeem.js';
import { isGuess, type RedeemResult } from '../redemption/results.js';
import { parseCode } from './code-rules.js';
import { createCode, deleteCode, findCode, findCodeByName, listCodes, setActive, updateCode } from './codes.js';
import { type Call, Context } from './context.js';
import { type Page, toPage } from './cursor.js';
import type { Id } from './fields.js';
import { generateCodes, patternIssues } from './generate.js';
import type {
  AmendInput,
  CreateInput,
  GenerateInput,
  ListInput,
  PageInput,
  RedeemInput,
  UpdateInput,
  ValidateInput,
} from './input-types.js';
import { type CallOptions, poolArgument, type RepositoryOptions, repositoryOptions, splitOptions } from './options.js';
import type { PromoCode } from './promo-code.js';
import { createLimiter, type Limiter } from './rate-limit.js';
import { type UsageStats, usageStats } from './usage-stats.js';
import {
  amendUse,
  confirmUse,
  type PruneReport,
  pruneIdempotencyKeys,
  type ReleaseReport,
  type RollbackReport,
  releaseExpired,
  rollbackUse,
  usesByCode,
  usesByCustomer,
} from './uses.js';
import { previewCode, type ValidateResult } from './validate.js';

/**
 * Promo codes and their redemption. Make one per pool and keep it; the schema must have been through `installTriggers`.
 *
 * Every method takes a last argument `{ client }`: with a client that is inside a transaction of the host, the call becomes
 * a part of that transaction and is undone when it rolls back. Without it the call is a transaction of the library's own,
 * which is repeated after a serialization failure, a deadlock or a broken connection.
 *
 * Errors that every method may throw: `ValidationError`; `NotInstalledError`; `InsufficientPrivilegeError`;
 * `LockTimeoutError`; `RetryableTransactionError` (in the host's transaction: roll it back and run all of it again);
 * `OutcomeUnknownError` (the connection broke and the outcome could not be found out); `PromoCodesError` with the code
 * `CONNECTION_FAILED` or `RETRIES_EXHAUSTED` (nothing happened), or `DATABASE_ERROR` with the server's error as its cause.
 */
export class PromoCodeRepository {
  readonly #context: Context;
  readonly #limiter: Limiter | undefined;

  /** @param pool a `pg.Pool`; with a single client the library takes that client's transactions for the host's */
  constructor(pool: Database, options?: RepositoryOptions) {
    const { parsed } = parseTogether({
      pool: () => parseOptions(poolArgument, { pool }),
      parsed: () => parseOptions(repositoryOptions, options),
    });
    this.#context = new Context(pool, parsed);
    if (parsed.rateLimit !== false) {
      const { failures, windowSeconds } =
        parsed.rateLimit === true ? { failures: 20, windowSeconds: 900 } : parsed.rateLimit;
      this.#limiter = createLimiter(pool, parsed.schema, failures, windowSeconds);
    }
  }

  /**
   * Creates a code. It is stored as given, composed (NFC), without invisible characters and the spaces around it.
   * @throws DuplicateCodeError when the shop has the code already, in whatever case.
   */
  async create(input: CreateInput, options?: CallOptions): Promise<PromoCode> {
    const { input: code, call } = await this.#context.begin(options, (schemas) => parseCode(schemas.create, input));
    return createCode(call, code);
  }

  /**
   * Creates many codes from a template: random signs of a cryptographic source in an alphabet without look-alikes, by
   * default twelve of them (52 bits). In `pattern` `*` is any sign, `@` a letter, `#` a digit, the rest stands for itself.
   * Inserted in batches, each its own transaction unless `client` is given; a code that exists already is replaced by another.
   */
  async generate(input: GenerateInput, options?: CallOptions): Promise<PromoCode[]> {
    const { input: given, call } = await this.#context.begin(options, (schemas) =>
      parseCode(schemas.generate, input, (code, wrong) => patternIssues(code, wrong, schemas.longestCode)),
    );
    const { count, prefix, pattern, ...template } = given;
    return generateCodes(call, template, count, prefix, pattern);
  }

  /** The code with this id, or `null`. */
  async findById(id: Id, options?: CallOptions): Promise<PromoCode | null> {
    const { input, call } = await this.#context.begin(options, (schemas) => parseOptions(schemas.byId, { id }));
    return findCode(call, input.id);
  }

  /** The code of this name in the shop, compared without case and outer spaces, or `null`. */
  async findByCode(code: string, shopId: string, options?: CallOptions): Promise<PromoCode | null> {
    const { input, call } = await this.#context.begin(options, (schemas) =>
      parseOptions(schemas.findByCode, { code, shopId }),
    );
    return findCodeByName(call, input.code, input.shopId);
  }

  /** Codes, the newest first, a page at a time (keyset: codes that come or go meanwhile shift nothing). */
  async list(filter?: ListInput & CallOptions, last?: CallOptions): Promise<Page<PromoCode>> {
    const { settings, options } = splitOptions(filter, last);
    const { input, call } = await this.#context.begin(options, (schemas) =>
      parseOptions(schemas.list, settings, 'filter'),
    );
    return toPage(await listCodes(call, input), input.limit);
  }

  /**
   * Changes a code; what the patch leaves out stays. The resulting code is checked as a whole. A limit may be lowered below
   * what is used: further uses are refused then.
   * @throws NotFoundError
   */
  async update(id: Id, patch: UpdateInput, options?: CallOptions): Promise<PromoCode> {
    const { input, call } = await this.#context.begin(options, (schemas) =>
      parseTogether({
        of: () => parseOptions(schemas.byId, { id }),
        patch: () => parseOptions(schemas.patch, patch, 'patch'),
      }),
    );
    return updateCode(call, input.of.id, input.patch);
  }

  /** @throws NotFoundError */
  async activate(id: Id, options?: CallOptions): Promise<PromoCode> {
    const { input, call } = await this.#context.begin(options, (schemas) => parseOptions(schemas.byId, { id }));
    return setActive(call, input.id, true);
  }

  /**
   * After this has returned (with `client`: after the host's commit) no use of the code is added any more: it takes the lock
   * under which redemptions check.
   * @throws NotFoundError
   */
  async deactivate(id: Id, options?: CallOptions): Promise<PromoCode> {
    const { input, call } = await this.#context.begin(options, (schemas) => parseOptions(schemas.byId, { id }));
    return setActive(call, input.id, false);
  }

  /**
   * Deletes a code, and with it its uses where the foreign key cascades, as in the seed.
   * @throws NotFoundError
   */
  async delete(id: Id, options?: CallOptions): Promise<PromoCode> {
    const { input, call } = await this.#context.begin(options, (schemas) => parseOptions(schemas.byId, { id }));
    return deleteCode(call, input.id);
  }

  /**
   * Tells whether the code could be redeemed at this moment. Takes no lock and records nothing, so `redeem` may answer
   * otherwise a moment later.
   * @throws RateLimitedError with the option `rateLimit`
   */
  async validate(request: ValidateInput, options?: CallOptions): Promise<ValidateResult> {
    const { input, call } = await this.#context.begin(options, (schemas) =>
      parseOptions(schemas.validate, request, 'request'),
    );
    return this.#limited(call, input, async () => {
      const { result, reason } = await previewCode(call, input, this.#context.options.uniformRefusals);
      return { result, guessed: reason !== undefined && isGuess(reason) };
    });
  }

  /**
   * Checks and records a use as one, in one round trip: the code's row is locked, limits are exact, the bonus is computed by
   * the server. A refusal is a value. One call makes at most one use, whether or not its connection broke; the same
   * `idempotencyKey` in the same shop gives the first use again (`replayed`), at any time and from any process.
   *
   * A pending hold of the same customer on the code gives way when a limit would refuse otherwise.
   * @throws IdempotencyConflictError when the key was used with other parameters
   * @throws RateLimitedError with the option `rateLimit`
   */
  async redeem(request: RedeemInput, options?: CallOptions): Promise<RedeemResult> {
    const { input, call } = await this.#context.begin(options, (schemas) =>
      parseOptions(schemas.redeem, request, 'request'),
    );
    return this.#redeemOne(call, input);
  }

  /**
   * As `redeem` for up to 10,000 requests, in one statement and one transaction, with the results that they would have one
   * after another. Refusals undo nothing; an error undoes all of it. Not behind the rate limiter.
   * @throws IdempotencyConflictError when a key was used with other parameters; nothing of the batch was recorded
   */
  async redeemMany(requests: readonly RedeemInput[], options?: CallOptions): Promise<RedeemResult[]> {
    const { input, call } = await this.#context.begin(options, (schemas) =>
      parseOptions(schemas.redeemMany, requests, 'requests'),
    );
    const attempted = input.map((request) => ({ request }));
    return (await redeemBatch(this.#context.redemption(call, true), attempted)).map(toResult);
  }

  /**
   * The first step of a checkout in two: a use that counts against the limits until it is confirmed, rolled back, or
   * `ttlSeconds` have passed. Otherwise as `redeem`.
   */
  async reserve(request: RedeemInput & { ttlSeconds: number }, options?: CallOptions): Promise<RedeemResult> {
    const { input, call } = await this.#context.begin(options, (schemas) =>
      parseOptions(schemas.reserve, request, 'request'),
    );
    return this.#redeemOne(call, input);
  }

  /**
   * The second step: makes a hold a use for good. A use that is no hold any more is given as it is, so a repetition is safe.
   * @throws IdempotencyConflictError when it is confirmed already and its `transactionId` is another one
   * @throws HoldExpiredError when its time ran out, or when the same customer redeemed the code in its place
   * @throws NotFoundError when there never was such a use, or it was rolled back
   */
  async confirm(
    useId: Id,
    details?: { transactionId?: string | undefined } & CallOptions,
    last?: CallOptions,
  ): Promise<PromoCodeUse> {
    const { settings, options } = splitOptions(details, last);
    const { input, call } = await this.#context.begin(options, (schemas) =>
      parseTogether({
        of: () => parseOptions(schemas.byId, { id: useId }),
        details: () => parseOptions(schemas.confirm, settings, 'details'),
      }),
    );
    return confirmUse(call, input.of.id, input.details.transactionId);
  }

  /**
   * Releases holds whose time has run out, up to `limit` (1,000), and tells whether more are due. No scheduler is needed: see
   * `redeem`.
   */
  async releaseExpired(
    limits?: { limit?: number | undefined } & CallOptions,
    last?: CallOptions,
  ): Promise<ReleaseReport> {
    const { settings, options } = splitOptions(limits, last);
    const { input, call } = await this.#context.begin(options, (schemas) => parseOptions(schemas.release, settings));
    return releaseExpired(call, input.limit);
  }

  /** Takes a use back; the counters follow. A second call answers `false`. */
  async rollbackUse(useId: Id, options?: CallOptions): Promise<RollbackReport> {
    const { input, call } = await this.#context.begin(options, (schemas) => parseOptions(schemas.byId, { id: useId }));
    return rollbackUse(call, input.id);
  }

  /**
   * Changes what is given of a use; the total reward is added up anew and the counters follow.
   * @throws NotFoundError
   */
  async amendUse(useId: Id, changes: AmendInput, options?: CallOptions): Promise<PromoCodeUse> {
    const { input, call } = await this.#context.begin(options, (schemas) =>
      parseTogether({
        of: () => parseOptions(schemas.byId, { id: useId }),
        changes: () => parseOptions(schemas.amend, changes, 'changes'),
      }),
    );
    return amendUse(call, input.of.id, input.changes);
  }

  /** The uses of a customer, compared without case and outer spaces, the newest first. */
  async usesByCustomer(
    customerAddress: string,
    page?: PageInput & CallOptions,
    last?: CallOptions,
  ): Promise<Page<PromoCodeUse>> {
    const { settings, options } = splitOptions(page, last);
    const { input, call } = await this.#context.begin(options, (schemas) =>
      parseOptions(schemas.usesByCustomer, { ...settings, customerAddress }, 'page'),
    );
    return usesByCustomer(call, input.customerAddress, input);
  }

  /** The uses of a code, the newest first. */
  async usesByCode(promoCodeId: Id, page?: PageInput & CallOptions, last?: CallOptions): Promise<Page<PromoCodeUse>> {
    const { settings, options } = splitOptions(page, last);
    const { input, call } = await this.#context.begin(options, (schemas) =>
      parseOptions(schemas.usesByCode, { ...settings, promoCodeId }, 'page'),
    );
    return usesByCode(call, input.promoCodeId, input);
  }

  /**
   * Totals of a code and its last `days` (30), day by day in `timeZone` (UTC), days without a use included.
   * @throws NotFoundError
   */
  async usageStats(
    promoCodeId: Id,
    period?: { days?: number | undefined; timeZone?: string | undefined } & CallOptions,
    last?: CallOptions,
  ): Promise<UsageStats> {
    const { settings, options } = splitOptions(period, last);
    const { input, call } = await this.#context.begin(options, (schemas) =>
      parseOptions(schemas.stats, { ...settings, promoCodeId }, 'period'),
    );
    return usageStats(call, input.promoCodeId, input.days, input.timeZone);
  }

  /**
   * Forgets idempotency keys that are older, up to `limit` (10,000), the oldest first. A call that repeats a forgotten key
   * is a new one.
   */
  async pruneIdempotencyKeys(
    age: { olderThanDays: number; limit?: number | undefined } & CallOptions,
    last?: CallOptions,
  ): Promise<PruneReport> {
    const { settings, options } = splitOptions(age, last);
    const { input, call } = await this.#context.begin(options, (schemas) =>
      parseOptions(schemas.prune, settings, 'settings'),
    );
    return pruneIdempotencyKeys(call, input.olderThanDays, input.limit);
  }

  #redeemOne(call: Call, request: RedeemRequest): Promise<RedeemResult> {
    if (!this.#limiter) return this.#send(call, request);
    // What was refused is told from what is shown: with uniform refusals a guess is only known by its looks.
    return this.#limited(call, request, async () => {
      const result = await this.#send(call, request);
      return { result, guessed: !result.ok && isGuess(result.reason) };
    });
  }

  #send(call: Call, request: RedeemRequest): Promise<RedeemResult> {
    const queue = this.#context.queue(call);
    if (queue) return queue.redeem(request);
    return redeemBatch(this.#context.redemption(call, false), [{ request }]).then(([settled]) => toResult(settled!));
  }

  async #limited<Result>(
    call: Call,
    { shopId, customerAddress }: { shopId: string; customerAddress: string },
    attempt: () => Promise<{ result: Result; guessed: boolean }>,
  ): Promise<Result> {
    if (!this.#limiter) return (await attempt()).result;
    const key = call.rateLimitKey ?? `${shopId} ${customerAddress.trim().toLowerCase()}`;
    const { client } = call;
    const host =
      client && client !== this.#context.db
        ? { query: (text: string, values?: unknown[]) => call.run((db) => db.query(text, values)) }
        : undefined;
    return this.#limiter.attempt(key, host, attempt);
  }
}

function toResult(settled: Settled): RedeemResult {
  if (settled instanceof PromoCodesError) throw settled;
  return settled;
}

import type { RedeemEvent } from '../diagnostics/events.js';
import type { Trace } from '../diagnostics/operation.js';
import { PromoCodesError } from '../errors.js';
import type { PromoCodeUse } from '../redemption/promo-code-use.js';
import { type RedeemRequest, redeemBatch, type Settled } from '../redemption/redeem.js';
import { isGuess, type RedeemResult } from '../redemption/results.js';
import { Campaigns } from './campaigns.js';
import type { Call, Context } from './context.js';
import type { Id } from './fields.js';
import { HistoryMethods } from './history-methods.js';
import type { AmendInput, RedeemInput, RollbackDetails, ValidateInput } from './input-types.js';
import { noteRequests, observePreview, observeRedemption, observeRollback, whereIs } from './observed.js';
import { type CallOptions, type CodeOptions, GUARDED, type ReadOptions, splitOptions } from './options.js';
import {
  amendUse,
  confirmUse,
  type PruneReport,
  pruneIdempotencyKeys,
  type ReleaseReport,
  type RollbackReport,
  releaseExpired,
  rollbackUse,
} from './uses.js';
import { type Preview, previewCodes, type ValidateRequest, type ValidateResult } from './validate.js';
import { partOf, type Work, workOf } from './work.js';

/**
 * Promo codes and their redemption. Make one per pool and keep it; the schema must have been through `installTriggers`.
 *
 * Every method takes a last argument `{ client }`: with a client that is inside a transaction of the host, the call becomes
 * a part of that transaction and is undone when it rolls back. Without it the call is a transaction of the library's own,
 * which is repeated after a serialization failure, a deadlock or a broken connection.
 *
 * Errors that every method may throw: `ValidationError`; `NotInstalledError`; `InsufficientPrivilegeError`;
 * `LockTimeoutError`; `RetryableTransactionError` (in the host's transaction: roll it back and run all of it again);
 * `OutcomeUnknownError` (the connection broke and the outcome could not be found out); `ConnectionError` (after `close()`
 * with the code `CLOSED`); `PromoCodesError` with the code `RETRIES_EXHAUSTED` (nothing happened), or `DATABASE_ERROR` with
 * the server's error as its cause.
 *
 * @example
 * const promoCodes = new PromoCodeRepository(pool);
 * const result = await promoCodes.redeem({
 *   code: 'SUMMER', shopId: 'shop-1', customerAddress: 'ann@example.com', baseReward: '33.33',
 * });
 * if (result.ok) console.log(result.use.totalReward);
 * else console.log(result.reason, result.message);
 */
export class PromoCodeRepository extends HistoryMethods {
  /**
   * Codes under shared limits: total, per customer, budget, dates.
   * @example
   * await promoCodes.campaigns.addCodes(campaign.id, [code.id]);
   */
  readonly campaigns: Campaigns = partOf(this, new Campaigns());

  /**
   * Whether the code could be redeemed at this moment. Takes no lock and records nothing, so `redeem` may answer otherwise a
   * moment later. Calls of the same moment share a statement, as those of `redeem` do (`batching`).
   * @example
   * const preview = await promoCodes.validate({ code, shopId, customerAddress, baseReward: '33.33' });
   * if (preview.valid) show(preview.bonusAmount);
   * @throws RateLimitedError with the option `rateLimit`
   */
  validate(request: ValidateInput, options?: ReadOptions): Promise<ValidateResult> {
    const work = workOf(this);
    return observePreview(work.context, request, async (trace) => {
      const { result } = await work.runLimited(
        'validate()',
        options,
        (schemas, parse) => parse(schemas.validate, request, 'request'),
        (call, input) => {
          trace?.note(() => ({ ...whereIs(call), shopId: input.shopId }));
          return preview(work.context, call, { ...input, trace });
        },
        ({ reason }) => reason !== undefined && isGuess(reason),
        'read',
      );
      return result;
    });
  }

  /**
   * Checks and records a use as one, in one round trip: the code's row is locked, limits are exact, the bonus is computed by
   * the server. A refusal is a value. One call makes at most one use, whether or not its connection broke; the same
   * `idempotencyKey` in the same shop gives the first use again (`replayed`), at any time and from any process. In the
   * host's transaction the use is gone after a rollback, and its key is free.
   *
   * A pending hold of the same customer on the code gives way when a limit or the budget would refuse otherwise. A bonus is cut
   * to what is left of a budget with `budgetOverrun: 'cap'`.
   * @example
   * const result = await promoCodes.redeem(
   *   { code: 'SUMMER', shopId: 'shop-1', customerAddress: 'ann@example.com', baseReward: '33.33', idempotencyKey: 'order-4711' },
   *   { client }, // inside of your transaction; left out, it is one of the library's own
   * );
   * @throws IdempotencyConflictError when the key was used with other parameters
   * @throws RateLimitedError with the option `rateLimit`
   */
  redeem(request: RedeemInput, options?: CallOptions): Promise<RedeemResult> {
    return redeemOne(workOf(this), 'redeem', request, options);
  }

  /**
   * As `redeem` for up to 10,000 requests, in one statement and one transaction, with the results that they would have one
   * after another. Refusals undo nothing; an error undoes all of it. Not behind the rate limiter.
   * @example
   * const results = await promoCodes.redeemMany(orders.map((order) => ({ ...order, idempotencyKey: order.id })));
   * @throws IdempotencyConflictError when a key was used with other parameters; nothing of the batch was recorded
   */
  redeemMany(requests: readonly RedeemInput[], options?: CallOptions): Promise<RedeemResult[]> {
    const work = workOf(this);
    const { context } = work;
    return observeRedemption(context, 'redeemMany', requests, (trace) =>
      work.run(
        'redeemMany()',
        options,
        (schemas, parse) => parse(schemas.redeemMany, requests, 'requests'),
        async (call, input) => {
          if (trace) noteRequests(trace, call, input);
          const attempted = input.map((request) => ({ request, trace }));
          return (await redeemBatch(context.sending(call, true), attempted)).map(toResult);
        },
      ),
    );
  }

  /**
   * The first step of a checkout in two: a use that counts against the limits until it is confirmed, rolled back, or
   * `ttlSeconds` have passed. Otherwise as `redeem`.
   * @example
   * const hold = await promoCodes.reserve({ ...request, ttlSeconds: 15 * 60 });
   * if (hold.ok) await promoCodes.confirm(hold.use.id, { transactionId: payment.id });
   * @throws IdempotencyConflictError when the key was used with other parameters
   * @throws RateLimitedError with the option `rateLimit`
   */
  reserve(request: RedeemInput & { ttlSeconds: number }, options?: CallOptions): Promise<RedeemResult> {
    return redeemOne(workOf(this), 'reserve', request, options);
  }

  /**
   * The second step: makes a hold a use for good. A use that is no hold any more is given as it is, so a repetition is safe.
   * In the host's transaction it is a hold again after a rollback.
   * @example
   * const use = await promoCodes.confirm(hold.use.id, { transactionId: 'order-4711' });
   * @throws HoldExpiredError when its time ran out, or when the same customer redeemed the code in its place
   * @throws NotFoundError when there never was such a use, it was rolled back, or it is of another shop than the `shopId`
   * among the options
   */
  confirm(
    useId: Id,
    details?: { transactionId?: Id | undefined } & CodeOptions,
    last?: CodeOptions,
  ): Promise<PromoCodeUse> {
    const { settings, options } = splitOptions(details, last, GUARDED);
    return workOf(this).runOn(
      'useById',
      'confirm()',
      useId,
      options,
      (schemas, parse) => parse(schemas.confirm, settings, 'details'),
      (call, use, given) => confirmUse(call, use, given.transactionId),
    );
  }

  /**
   * Releases holds whose time has run out, up to `limit` (1,000). No scheduler is needed: see `redeem`. In the host's
   * transaction they are there again after a rollback.
   * @example
   * const { released } = await promoCodes.releaseExpired();
   */
  releaseExpired(limits?: { limit?: number | undefined } & CallOptions, last?: CallOptions): Promise<ReleaseReport> {
    const { settings, options } = splitOptions(limits, last);
    return workOf(this).run(
      'releaseExpired()',
      options,
      (schemas, parse) => parse(schemas.release, settings),
      (call, input) => releaseExpired(call, input.limit),
    );
  }

  /**
   * Takes a use back; the counters follow. A second call answers `false`, and so does one for a use of another shop than the
   * `shopId` among the options, which stays as it is. In the host's transaction the use is there again after a rollback. Why,
   * and who did it, is kept in the history, where there is one.
   * @example
   * const { rolledBack } = await promoCodes.rollbackUse(
   *   use.id,
   *   { reason: 'order cancelled', actor: 'support:ann' },
   *   { shopId: session.shopId },
   * );
   */
  rollbackUse(useId: Id, details?: RollbackDetails & CodeOptions, last?: CodeOptions): Promise<RollbackReport> {
    const { settings, options } = splitOptions(details, last, GUARDED);
    const work = workOf(this);
    return observeRollback(work.context, useId, (trace) =>
      work.runOn(
        'useById',
        'rollbackUse()',
        useId,
        options,
        (schemas, parse) => parse(schemas.rollback, settings, 'details'),
        (call, use, noted) => {
          trace?.note(() => whereIs(call));
          return rollbackUse(call, use, noted);
        },
      ),
    );
  }

  /**
   * Changes what is given of a use; the total reward is added up anew and the counters follow. In the host's transaction it
   * is undone by a rollback.
   * @example
   * await promoCodes.amendUse(use.id, { baseReward: '30.00', bonusAmount: '4.55' });
   * @throws NotFoundError also for a use of another shop than the `shopId` among the options
   * @throws BudgetExhaustedError when the bonus would pass the budget of the code, whatever its `budgetOverrun`; the host's
   * transaction goes on.
   */
  amendUse(useId: Id, changes: AmendInput, options?: CodeOptions): Promise<PromoCodeUse> {
    return workOf(this).runOn(
      'useById',
      'amendUse()',
      useId,
      options,
      (schemas, parse) => parse(schemas.amend, changes, 'changes'),
      amendUse,
    );
  }

  /**
   * Forgets idempotency keys that are older, up to `limit` (10,000), the oldest first. A call that repeats a forgotten key
   * is a new one. In the host's transaction they are known again after a rollback.
   * @example
   * const { pruned } = await promoCodes.pruneIdempotencyKeys({ olderThanDays: 90 });
   */
  pruneIdempotencyKeys(
    age: { olderThanDays: number; limit?: number | undefined } & CallOptions,
    last?: CallOptions,
  ): Promise<PruneReport> {
    const { settings, options } = splitOptions(age, last);
    return workOf(this).run(
      'pruneIdempotencyKeys()',
      options,
      (schemas, parse) => parse(schemas.prune, settings, 'settings'),
      (call, input) => pruneIdempotencyKeys(call, input.olderThanDays, input.limit),
    );
  }

  /**
   * How many redemptions of this repository (not previews) wait at this moment for a statement that takes them along (`batching`). A queue
   * that stays long says that the server answers more slowly than codes are redeemed.
   * @example
   * new Gauge({ name: 'queue_length', help: '…', collect() { this.set(promoCodes.queueLength); } });
   */
  get queueLength(): number {
    return workOf(this).context.queueLength;
  }

  /**
   * Waits for the calls under way, those that are queued included, and refuses every further one with a `ConnectionError` of
   * the code `CLOSED`. The pool stays the host's, which ends it afterwards. May be called twice.
   *
   * @example
   * process.once('SIGTERM', async () => {
   *   await promoCodes.close();
   *   await pool.end();
   * });
   */
  close(): Promise<void> {
    return workOf(this).openCalls.close();
  }
}

async function preview(context: Context, call: Call, request: ValidateRequest): Promise<Preview> {
  const queue = context.previews(call);
  if (queue) return queue.add(request, call.deadline);
  const [alone] = await previewCodes(call, [request], context.options.uniformRefusals);
  return alone!;
}

/** What was refused is known from here, and not from what is shown: with uniform refusals a guess is only known by its looks. */
function isRefusedGuess(result: RedeemResult): boolean {
  return !result.ok && isGuess(result.reason);
}

/** `redeem` and `reserve` differ in what they are given. */
function redeemOne(
  work: Work,
  method: 'redeem' | 'reserve',
  request: RedeemInput,
  options: CallOptions | undefined,
): Promise<RedeemResult> {
  return observeRedemption(work.context, method, request, (trace) =>
    work.runLimited(
      `${method}()`,
      options,
      (schemas, parse) => parse(schemas[method], request, 'request'),
      (call, input) => send(work.context, call, input, trace),
      isRefusedGuess,
    ),
  );
}

function send(
  context: Context,
  call: Call,
  request: RedeemRequest,
  trace: Trace<RedeemEvent> | undefined,
): Promise<RedeemResult> {
  if (trace) noteRequests(trace, call, [request]);
  const queue = context.queue(call);
  const settling = queue
    ? queue.add(request, call.deadline, trace)
    : redeemBatch(context.sending(call, false), [{ request, trace }]).then(([settled]) => toResult(settled));
  return call.explainLock(settling, request);
}

/** What was not sent by the queue always has an answer. */
function toResult(settled: Settled | undefined): RedeemResult {
  if (settled === undefined) throw new Error('A redemption has no answer.');
  if (settled instanceof PromoCodesError) throw settled;
  return settled;
}

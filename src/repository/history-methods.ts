import { type ErasureReport, eraseCustomer } from '../history/erase-customer.js';
import { followRecords } from '../history/follow-history.js';
import type { HistoryRecord } from '../history/history-record.js';
import { type HistoryPruneReport, pruneHistory } from '../history/prune-history.js';
import { type HistoryPage, readHistory } from '../history/read-history.js';
import { parseTogether } from '../options.js';
import { CodeMethods } from './code-methods.js';
import type { Id } from './fields.js';
import type { FollowHistoryInput, HistoryInput } from './input-types.js';
import { type CallOptions, GUARDED_READING, type ReadCodeOptions, splitOptions } from './options.js';
import { workOf } from './work.js';

/** The methods of a repository that are about what happened. */
export abstract class HistoryMethods extends CodeMethods {
  /**
   * What happened to uses, the oldest first: of a code, a use, a customer, or all of it. The installation has to keep a history
   * (`installTriggers(db, { history: true })`). A use that was moved is found under both codes. With a `shopId` among the options
   * only what happened in that shop. In the host's transaction with what that has done so far.
   * @example
   * const { items, nextCursor } = await promoCodes.history({ promoCodeId: code.id, limit: 100 });
   * for (const { at, kind, actor } of items) console.log(at, kind, actor);
   * @throws NotInstalledError where no history is kept
   */
  history(filter?: HistoryInput & ReadCodeOptions, last?: ReadCodeOptions): Promise<HistoryPage> {
    const { settings, options } = splitOptions(filter, last, GUARDED_READING);
    return workOf(this).runGuarded(
      'history()',
      options,
      (schemas, parse) => parse(schemas.history, settings),
      (call, input, shopId) => readHistory(call, { ...input, shopId }),
      'read',
    );
  }

  /**
   * Every record behind `after`, and then each one when it has been committed, for outboxes and webhooks. No record comes
   * before one whose transaction is still open and may yet get a lower id, so none is ever missed: keep the `id` of the last
   * record that you have dealt with, and hand it in as `after` when you begin again. A record may come twice then, and never
   * not at all.
   *
   * It polls, at the most once a second while nothing happens, outlives restarts of the server, and ends with `signal`, with
   * `break`, and with `close()`.
   * @example
   * for await (const record of promoCodes.followHistory({ after: await lastDone(), signal })) {
   *   await send(record);
   *   await noteDone(record.id);
   * }
   * @throws ConnectionError when the server was out of reach for `patienceMs`
   * @throws NotInstalledError where no history is kept
   * @throws ValidationError also for an `after` beyond the newest record, as after the restore of an older database
   */
  followHistory(input?: FollowHistoryInput): AsyncIterable<HistoryRecord> {
    return follow(this, input);
  }

  /**
   * Puts another name in the place of a customer, for requests of erasure: in uses, holds, idempotency keys, history, and codes that are
   * bound to one. What the customer has used stays used, by the replacement: counters and limits are as before, and the customer begins anew should
   * he come again. A repetition of one of his calls with its key is an `IdempotencyConflictError` from then on. With a history
   * the role has to own it. In the host's transaction it is undone by a rollback.
   *
   * It reads all uses twice, and holds the codes that the customer has used until its transaction ends; give a repository for this a longer `deadlineMs` where that takes long.
   * @example
   * await promoCodes.eraseCustomer('ann@example.com', { replacement: `erased-${randomUUID()}` });
   * @throws ValidationError where the replacement is a customer already
   */
  eraseCustomer(
    customerAddress: Id,
    input: { replacement: Id } & CallOptions,
    last?: CallOptions,
  ): Promise<ErasureReport> {
    const { settings, options } = splitOptions(input, last);
    return workOf(this).run(
      'eraseCustomer()',
      options,
      (schemas, parse) =>
        parseTogether({
          of: () => parse(schemas.customer, { customerAddress }),
          input: () => parse(schemas.replacement, settings, 'input'),
        }),
      (call, { of, input }) => eraseCustomer(call, of.customerAddress, input.replacement),
    );
  }

  /**
   * Drops the months of the history that end before a moment (months are those of UTC), and makes tables for the months to come.
   * Followers that have not come so far miss what is dropped. For the owner of the history. In the host's transaction it is
   * undone by a rollback, and until its end nobody can write uses.
   * @example
   * const { dropped } = await promoCodes.pruneHistory({ before: new Date(Date.now() - 2 * 365 * 86_400_000) });
   * @throws LockTimeoutError when somebody read or wrote the history all the time; nothing was dropped
   */
  pruneHistory(input: { before: Date | string } & CallOptions, last?: CallOptions): Promise<HistoryPruneReport> {
    const { settings, options } = splitOptions(input, last);
    return workOf(this).run(
      'pruneHistory()',
      options,
      (schemas, parse) => parse(schemas.pruneHistory, settings, 'settings'),
      (call, { before }) => pruneHistory(call, before),
    );
  }
}

async function* follow(
  repository: HistoryMethods,
  input: FollowHistoryInput = {},
): AsyncGenerator<HistoryRecord, void, void> {
  const work = workOf(repository);
  // One that begins after close() is refused; one that is under way then comes to its end.
  work.openCalls.enter();
  work.openCalls.leave();
  const { after, patienceMs, signal } = work.parse('followHistory()', (schemas, parse) => parse(schemas.follow, input));
  yield* followRecords(
    (step) =>
      work.run(
        'followHistory()',
        undefined,
        () => undefined,
        (call) => step(call),
      ),
    { after, patienceMs, signals: [work.openCalls.closing, ...(signal ? [signal] : [])] },
  );
}

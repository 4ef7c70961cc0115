import * as v from 'valibot';
import { installTriggers } from '../index.js';
import { parseOptions } from '../options.js';
import { CLOCK_HANDLE, type ClockHandle } from '../repository/clock-handle.js';
import { dateField, toTimestamp } from '../repository/date-fields.js';
import type { PromoCodeRepository } from '../repository/promo-code-repository.js';

const handleOf = (repository: unknown) =>
  (repository as { [CLOCK_HANDLE]?: ClockHandle } | null | undefined)?.[CLOCK_HANDLE];

const clockArguments = v.object({
  repository: v.pipe(
    v.custom<PromoCodeRepository>((value) => handleOf(value) !== undefined, 'must be a PromoCodeRepository'),
    v.transform((repository) => handleOf(repository)!),
  ),
  date: v.nullable(dateField),
  NODE_ENV: v.custom((name) => name !== 'production', 'must not be production: setClock() is for tests'),
});

/**
 * Sets the present for the calls of one repository that are begun from now on, until it is set otherwise; `null` is the
 * server's own time. It stands still, so a code that ends at that moment is valid and a hold of a second stays until the
 * clock is set on. Other repositories keep theirs, on the same tables too.
 *
 * It covers what the library itself reads and writes: start and end of codes and the days of `date` columns, the default of
 * `startDate`, `usedAt`, `createdAt` and `updatedAt` where the library writes them, expiry of holds, age of idempotency keys,
 * states of `list`, days of `usageStats`, in your own transaction too. It does not cover defaults and triggers of your own
 * tables, statements of your own, deadlines and lock timeouts, and the window of the rate limiter.
 *
 * The tables must belong to an installation for tests. That of `withInstalledSchema` is one, as is one with the option
 * `testClock: true` of `installTriggers`; any other is made one by the first call of this (its functions are replaced), for
 * which the role of the pool has to be the owner. In any other installation no setting has an effect on dates. Where
 * `NODE_ENV` is `production`, all of this is refused.
 *
 * @example
 * await setClock(repository, new Date('2031-01-01T00:00:00Z'));
 * expect(await repository.redeem(request)).toMatchObject({ ok: false, reason: 'expired' });
 * await setClock(repository, null);
 *
 * @param repository the one whose calls it is for
 * @param date a `Date`, an ISO 8601 string with an offset, or `null`
 * @returns settles when the installation is ready; calls wait for it by themselves, so it need not be awaited
 * @throws ValidationError for what is no repository or no date, at once
 * @throws InsufficientPrivilegeError where the installation is not for tests and the role cannot change it; calls of the
 * repository fail with it too, until the clock is `null`
 */
export function setClock(repository: PromoCodeRepository, date: Date | string | null): Promise<void> {
  const { NODE_ENV } = process.env;
  const parsed = parseOptions(clockArguments, { repository, date, NODE_ENV }, 'setClock()', 'arguments');
  const { db, schema, librarySchema, set, ready } = parsed.repository;
  const moment = parsed.date === null ? undefined : toTimestamp(parsed.date);
  set(moment, () => installTriggers(db, { schema, librarySchema, testClock: true, reconcile: 'none' }));
  if (moment === undefined) return Promise.resolve();
  const settled = ready();
  // Who does not wait for it gets the error from the next call.
  settled.catch(() => undefined);
  return settled;
}

/**
 * For tests of applications: a matcher for drift, a schema for each test, and the present of a repository.
 *
 * @module pg-promo-codes/testing
 */
import type { PromoCodeMatchers } from './matcher.js';

export { setClock } from './clock.js';
export { type InstalledSchema, type InstalledSchemaOptions, withInstalledSchema } from './installed-schema.js';
export { type MatcherResult, type PromoCodeMatchers, toHaveNoDrift } from './matcher.js';

declare global {
  /** The matchers of `@types/jest`, and of vitest, which has these among its own. */
  namespace jest {
    // biome-ignore lint/complexity/noBannedTypes: it has to be declared as it is there.
    interface Matchers<R, T = {}> extends PromoCodeMatchers<R> {}
  }
}

// biome-ignore lint/suspicious/noTsIgnore: there is an error only where the package is not installed.
/** @ts-ignore: the matchers of `@jest/globals`, where that is installed */
declare module 'expect' {
  interface Matchers<R extends void | Promise<void>, T = unknown> extends PromoCodeMatchers<R> {}
}

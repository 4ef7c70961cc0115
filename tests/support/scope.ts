/** The matrix (`npm run test:matrix`) runs everything on some lanes; `npm test` runs a part of the longest tables of cases. */
export const isWhole = process.env.TEST_SCOPE === 'whole';

/** Whether a long test runs; where it does not, that is said. */
export function isIncluded(what: string): boolean {
  return cases(`tests (${what})`, [what], () => false).length > 0;
}

/** All cases, or those that `npm test` runs; it says what it leaves out. */
export function cases<Case>(
  what: string,
  all: readonly Case[],
  everyday: (one: Case, index: number) => boolean,
): Case[] {
  if (isWhole) return [...all];
  const kept = all.filter(everyday);
  if (kept.length < all.length)
    console.log(
      `SKIPPED: ${all.length - kept.length} of ${all.length} ${what}, which npm run test:matrix runs (TEST_SCOPE=whole)`,
    );
  return kept;
}

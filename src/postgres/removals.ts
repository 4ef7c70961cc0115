/** How many connections a pool has taken out of itself: those that broke, and those that nobody needed for a time. */
export interface Removals {
  count: number;
}

const removals = new WeakMap<object, Removals>();

/** Counts from now on, by one listener for each pool; a pool that does not say so removes none. */
export function removalsOf(pool: object): Removals {
  const known = removals.get(pool);
  if (known) return known;
  const counted = { count: 0 };
  removals.set(pool, counted);
  const { on } = pool as { on?: (event: 'remove', listener: () => void) => unknown };
  if (typeof on === 'function') {
    on.call(pool, 'remove', () => {
      counted.count += 1;
    });
  }
  return counted;
}

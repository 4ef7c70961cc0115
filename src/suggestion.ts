/** Longer names are no misspellings of ours. */
const LONGEST_NAME = 40;
/** Shorter ones are part of too many others. */
const SHORTEST_PART = 4;

/** The name that was meant, where one of those that exist is near: `counterWrite`, `shop_id` and `customer` are understood. */
export function suggestionFor(name: string, known: readonly string[]): string | undefined {
  if (name.length > LONGEST_NAME) return undefined;
  const plain = plainOf(name);
  const same = known.find((candidate) => plainOf(candidate) === plain);
  if (same !== undefined || plain === '') return same;
  let best: { candidate: string; distance: number } | undefined;
  for (const candidate of known) {
    const distance = distanceOf(plain, plainOf(candidate));
    if (distance <= Math.max(1, Math.floor(candidate.length / 4)) && distance < (best?.distance ?? Infinity)) {
      best = { candidate, distance };
    }
  }
  if (best) return best.candidate;
  const around = known.filter((candidate) => {
    const [short = '', long = ''] = [plain, plainOf(candidate)].sort((one, other) => one.length - other.length);
    return short.length >= SHORTEST_PART && (long.startsWith(short) || long.endsWith(short));
  });
  return around.length === 1 ? around[0] : undefined;
}

/** Without case, and without what separates words. */
function plainOf(name: string): string {
  return name.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, '');
}

/** How many letters have to be put in, left out, replaced or exchanged with their neighbour to make one of the other. */
function distanceOf(one: string, other: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let i = 1; i <= one.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= other.length; j += 1) {
      const isSame = one[i - 1] === other[j - 1];
      let least = Math.min(row[j - 1]! + 1, last[j]! + 1, last[j - 1]! + (isSame ? 0 : 1));
      if (i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1]) {
        least = Math.min(least, beforeLast[j - 2]! + 1);
      }
      row.push(least);
    }
    beforeLast = last;
    last = row;
  }
  return last[other.length]!;
}

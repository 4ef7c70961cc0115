/** Which codes the callers redeem. */
export interface CodeMix {
  /** How many codes there are. */
  codes: number;
  /** How the callers choose among them: all alike, or the n-th in proportion to 1/n. */
  choice: 'uniform' | 'zipf';
}

/** Chooses the next code, from 1. Every process has a generator of its own, and all runs choose the same. */
export function chooser({ codes, choice }: CodeMix, seed: number): () => number {
  const random = mulberry32(seed);
  if (choice === 'uniform') return () => 1 + Math.floor(random() * codes);
  const cumulative: number[] = [];
  for (let code = 1; code <= codes; code += 1) cumulative.push((cumulative.at(-1) ?? 0) + 1 / code);
  return () => {
    const point = random() * cumulative.at(-1)!;
    let [low, high] = [0, codes - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (cumulative[middle]! < point) low = middle + 1;
      else high = middle;
    }
    return low + 1;
  };
}

/** A small generator with a seed, which Math.random has not. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

import { type Sample, WATCHED, type Watched } from './sample.js';

/** The rules by which a day is judged. Each has a bound that a busy machine stays within, and a leak or bloat does not. */
export const rules = {
  drift: 'counters differ from their uses',
  errors: 'calls failed',
  rate: 'the median rate of the last third is below half of that of the first',
  memory: 'what Node.js holds after a garbage collection has grown by more than a tenth and 8 MB',
  process: 'the process has grown by more than a third and 64 MB',
  hot: 'fewer than 9 of 10 updates of a counter were heap-only',
  bloat: 'a table has grown by more than a half and 1 MB while its rows have not',
  connections: 'connections were not given back',
  samples: 'there were too few samples to judge by',
} as const;

export type Rule = keyof typeof rules;

export interface Violation {
  rule: Rule;
  /** What was seen. */
  message: string;
}

/** What was seen besides the samples. */
export interface Findings {
  /** By their code or name, how many. */
  errors: ReadonlyMap<string, number>;
  /** Connections that the callers still hold, and sessions that are still in a transaction. */
  heldConnections: number;
}

const MB = 1_048_576;
/** Until here caches fill, code is compiled, and tables come to their size. */
const WARM_UP = 0.25;
const FEWEST_SAMPLES = 6;
/** The rate of fewer is that of the machine at the time. */
const FEWEST_FOR_RATE = 30;
/** Tables whose rows are counters. */
const COUNTERS: readonly Watched[] = ['codes', 'campaigns'];

/** What is compared: the first and the last third of what comes after the warm-up. */
export function thirdsOf(samples: readonly Sample[]): { first: Sample[]; last: Sample[] } {
  const judged = samples.slice(Math.floor(samples.length * WARM_UP));
  const third = Math.max(1, Math.floor(judged.length / 3));
  return { first: judged.slice(0, third), last: judged.slice(-third) };
}

/** Everything that is not as it should be after a long day; nothing where all is. */
export function judge(samples: readonly Sample[], { errors, heldConnections }: Findings): Violation[] {
  const violations: Violation[] = [];
  const found = (rule: Rule, message: string) => violations.push({ rule, message });
  for (const { drifted, atMs } of samples)
    if (drifted > 0) found('drift', `${drifted} codes or campaigns after ${seconds(atMs)}`);
  if (errors.size > 0) found('errors', [...errors].map(([name, times]) => `${name} ${times}`).join(', '));
  if (heldConnections > 0) found('connections', `${heldConnections} at the end`);
  if (samples.length < FEWEST_SAMPLES) {
    found('samples', `${samples.length}, and ${FEWEST_SAMPLES} are needed`);
    return violations;
  }
  const { first, last } = thirdsOf(samples);
  const both = (figure: (sample: Sample) => number) => [medianOf(first, figure), medianOf(last, figure)] as const;

  const [rate, later] = both((sample) => sample.rate);
  if (samples.length >= FEWEST_FOR_RATE && later < rate / 2)
    found('rate', `${later.toFixed(0)} calls a second after ${rate.toFixed(0)}`);
  const grows = (rule: Rule, what: string, share: number, room: number, figure: (sample: Sample) => number) => {
    const [before, after] = both(figure);
    if (after > before * (1 + share) + room) found(rule, `${what}: ${megabytes(before)}, later ${megabytes(after)}`);
  };
  grows('memory', 'heap', 0.1, 8 * MB, ({ heapBytes }) => heapBytes);
  grows('process', 'resident set', 1 / 3, 64 * MB, ({ rssBytes }) => rssBytes);
  for (const name of WATCHED) {
    const [before, after] = both(({ tables }) => tables[name].rows);
    // More rows take more room; that there were fewer is no excuse.
    const more = Math.max(1, after / Math.max(1, before));
    grows('bloat', name, more * 1.5 - 1, MB, ({ tables }) => tables[name].bytes);
  }
  for (const name of COUNTERS) {
    const share = hotShare(samples, name);
    if (share !== undefined && share < 0.9) found('hot', `${name}: ${(share * 100).toFixed(0)} %`);
  }
  return violations;
}

/** Fewer are what chance made of them: the first update of a row that stands on a full page. */
const LEAST_UPDATES = 1_000;

/** The part of the updates after the warm-up that were heap-only; nothing where there were few. */
export function hotShare(samples: readonly Sample[], name: Watched): number | undefined {
  const from = samples[Math.floor(samples.length * WARM_UP)]?.tables[name];
  const to = samples.at(-1)?.tables[name];
  if (!from || !to || to.updates - from.updates < LEAST_UPDATES) return undefined;
  return (to.hot - from.hot) / (to.updates - from.updates);
}

export function medianOf<Item>(items: readonly Item[], figure: (item: Item) => number): number {
  const sorted = items.map(figure).sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

export function megabytes(bytes: number): string {
  return `${(bytes / MB).toFixed(1)} MB`;
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1_000)} s`;
}

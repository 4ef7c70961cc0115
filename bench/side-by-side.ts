/**
 * What a figure belongs to: no triggers (or the bare query), this library, also on a partitioned table, or
 * the seed's own design, also with a campaign.
 */
export type Role =
  | 'plain'
  | 'ours'
  | 'seed'
  | 'campaignRow'
  | 'hash'
  | 'range'
  | 'unbatched'
  | 'onRead'
  | 'optimistic'
  | 'bareInsert'
  | 'bareUpdate'
  | 'bareRows';

/** One of the designs that take turns. */
export interface Contender<Figure> {
  role: Role;
  /** Untimed work before each round, which brings the tables into the same state for every design. */
  prepare?(): Promise<void>;
  /** One round; gives its figure. */
  round(): Promise<Figure>;
  /** Fewer rounds than the others, and no warm-up, for a design that takes minutes. */
  rounds?: number;
}

export type Samples<Figure> = Map<Role, Figure[]>;

/**
 * Lets the designs take turns, so that a machine that becomes slower for a while becomes slower for all of them. The
 * order is rotated: nobody always comes after the same neighbour. A first round that is not counted warms the caches.
 */
export async function alternate<Figure>(
  contenders: readonly Contender<Figure>[],
  rounds: number,
): Promise<Samples<Figure>> {
  const samples: Samples<Figure> = new Map(contenders.map(({ role }) => [role, []]));
  for (let round = -1; round < rounds; round += 1) {
    const first = Math.max(round, 0) % contenders.length;
    for (const contender of [...contenders.slice(first), ...contenders.slice(0, first)]) {
      if (round < 0 ? contender.rounds !== undefined : round >= (contender.rounds ?? rounds)) continue;
      await contender.prepare?.();
      const figure = await contender.round();
      if (round >= 0) samples.get(contender.role)!.push(figure);
    }
  }
  return samples;
}

export function mapSamples<From, To>(samples: Samples<From>, change: (figure: From) => To): Samples<To> {
  return new Map([...samples].map(([role, figures]) => [role, figures.map(change)]));
}

export interface Spread {
  median: number;
  min: number;
  max: number;
  /** The middle half of the figures lies between these two; one disturbed round does not move them. */
  lower: number;
  upper: number;
}

export function spreadOf(figures: readonly number[]): Spread {
  const sorted = [...figures].sort((one, other) => one - other);
  return {
    median: quantile(sorted, 0.5),
    min: quantile(sorted, 0),
    max: quantile(sorted, 1),
    lower: quantile(sorted, 0.25),
    upper: quantile(sorted, 0.75),
  };
}

/** Between two figures in proportion, as percentile_cont of PostgreSQL. */
function quantile(sorted: readonly number[], part: number): number {
  const position = part * (sorted.length - 1);
  const below = sorted[Math.floor(position)]!;
  const above = sorted[Math.ceil(position)]!;
  return below + (above - below) * (position - Math.floor(position));
}

/** Ratios round by round: neighbours in time saw the same machine, which medians over the whole run need not have. */
export function ratiosOf(figures: readonly number[], reference: readonly number[]): Spread {
  const rounds = Math.min(figures.length, reference.length);
  return spreadOf(figures.slice(0, rounds).map((figure, round) => figure / reference[round]!));
}

export async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

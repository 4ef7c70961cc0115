import { requireTrueCounters } from '../host.js';
import { alternate, type Role, type Samples } from '../side-by-side.js';
import type { Workbench } from '../workbench.js';
import type { Load, RoundFigures } from './load.js';
import type { Round } from './worker.js';

/** How often each load has its turn, and how long that is. */
export interface Turns extends Round {
  rounds: number;
}

/** A load on tables of its own. */
interface OpenLoad {
  schema: string;
  load: Load;
  /** Whether its design keeps counters. */
  counts?: boolean;
}

/** Lets loads take turns, one of each role, and demands that what they counted is true. */
export async function alternateLoads<Wanted extends Role>(
  bench: Workbench,
  { rounds, ...turn }: Turns,
  roles: readonly Wanted[],
  open: (role: Wanted) => Promise<OpenLoad>,
): Promise<Samples<RoundFigures>> {
  const opened: (OpenLoad & { role: Wanted })[] = [];
  try {
    for (const role of roles) opened.push({ role, ...(await open(role)) });
    const contenders = opened.map(({ role, schema, load }) => ({
      role,
      prepare: () => bench.settle(schema),
      round: () => load.round(turn),
    }));
    const samples = await alternate<RoundFigures>(contenders, rounds);
    for (const { schema, counts = true } of opened) if (counts) await requireTrueCounters(bench, schema);
    return samples;
  } finally {
    for (const { load } of opened) load.close();
  }
}

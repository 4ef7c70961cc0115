import type { Comparison } from '../comparison.js';
import type { Workbench } from '../workbench.js';

/** Something to measure. */
export interface Workload {
  /** Its own name and those of its comparisons, by which `--only` picks it or, where it can, one of them. */
  names: readonly string[];
  run(bench: Workbench, only?: string): Promise<Comparison[]>;
}

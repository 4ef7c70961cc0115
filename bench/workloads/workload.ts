import type { Comparison } from '../comparison.js';
import type { Workbench } from '../workbench.js';

/** Something to measure. */
export interface Workload {
  /** The names of its comparisons, by which `--only` picks it. */
  names: readonly string[];
  run(bench: Workbench): Promise<Comparison[]>;
}

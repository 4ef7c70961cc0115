import { type Role, ratiosOf, type Samples, type Spread, spreadOf } from './side-by-side.js';

/** A part of the chart with one axis. */
export interface Panel {
  title: string;
  unit: 'ms' | '/s';
  /** For figures that lie orders of magnitude apart. */
  logarithmic?: boolean;
}

export interface Goal {
  /** What is held against the limit. */
  of: string;
  direction: 'at most' | 'at least';
  limit: number;
  value: number;
  /** `×` for a ratio, nothing for a count. */
  unit: '×' | '';
  reached: boolean;
}

/** The figures of one design. */
export interface Measured extends Spread {
  role: Role;
  label: string;
  rounds: number[];
  /** Against the reference of the comparison, which has none itself. */
  ratio?: Spread;
}

/** One benchmark: some designs, what they reached, and whether that is what was asked for. */
export interface Comparison {
  name: string;
  /** How the chart calls it, beside the title of its panel. */
  shortName: string;
  /** What was done in one round. */
  what: string;
  panel: Panel;
  reference: Role;
  measured: Measured[];
  goals: Goal[];
}

interface Spec {
  name: string;
  shortName: string;
  what: string;
  panel: Panel;
  /** The design that ratios refer to. */
  reference: Role;
  labels: Partial<Record<Role, string>>;
  /** The ratio that this library should reach. */
  goal?: Pick<Goal, 'direction' | 'limit'>;
}

export function compare({ labels, goal, ...spec }: Spec, samples: Samples<number>): Comparison {
  const reference = samples.get(spec.reference)!;
  const measured = [...samples].map(([role, rounds]): Measured => {
    const ratio = role === spec.reference ? {} : { ratio: ratiosOf(rounds, reference) };
    return { role, label: labels[role] ?? role, rounds, ...spreadOf(rounds), ...ratio };
  });
  const ours = measured.find(({ role }) => role === 'ours')?.ratio;
  const of = `${labels.ours} ÷ ${labels[spec.reference]}`;
  const goals = goal && ours ? [judge({ ...goal, of, value: ours.median, unit: '×' })] : [];
  return { ...spec, measured, goals };
}

export function judge(goal: Omit<Goal, 'reached'>): Goal {
  return { ...goal, reached: goal.direction === 'at most' ? goal.value <= goal.limit : goal.value >= goal.limit };
}

import type { ObjectState } from '../inspect/compare.js';
import type { InstallationState } from '../inspect/inspect-triggers.js';
import type { LockedTables } from './short-locks.js';

/** What has to be done to bring a schema to the state that was asked for. */
export interface Changes {
  /** How many functions and triggers; the index is built apart from them. */
  count: number;
  created: string[];
  replaced: string[];
  /** SQL that locks no table. */
  functions: string;
  /** SQL that locks `tables`. */
  triggers: string;
  tables: LockedTables;
  index: ObjectState | undefined;
}

const MENDABLE: readonly ObjectState['state'][] = ['missing', 'outdated', 'disabled'];

/** The triggers can be narrowed down to those of one table and its partitions; functions are for all. */
export function changesOf(
  { objects }: Pick<InstallationState, 'objects'>,
  tables: LockedTables = ['promo_code_uses', 'promo_codes'],
): Changes {
  const mendable = objects.filter(({ state }) => MENDABLE.includes(state));
  const functions = mendable.filter(({ kind }) => kind === 'function');
  const triggers = mendable.filter((object) => object.kind === 'trigger' && tables.includes(hostTableOf(object)));
  const todo = [...functions, ...triggers];
  const namesOf = (wanted: (state: ObjectState['state']) => boolean) => [
    ...new Set(todo.filter(({ state }) => wanted(state)).map(({ name }) => name)),
  ];
  return {
    count: todo.length,
    created: namesOf((state) => state === 'missing'),
    replaced: namesOf((state) => state !== 'missing'),
    functions: functions.map(({ fix }) => fix).join('\n'),
    // What is not wanted any more goes first: its name may be needed.
    triggers: [...triggers.filter(isDropped), ...triggers.filter((object) => !isDropped(object))]
      .map(({ fix }) => fix)
      .join('\n'),
    tables: tables.filter((table) => triggers.some((object) => hostTableOf(object) === table)),
    index: mendable.find(({ kind }) => kind === 'index'),
  };
}

function hostTableOf({ table }: ObjectState): 'promo_codes' | 'promo_code_uses' {
  return table?.endsWith('.promo_codes') ? 'promo_codes' : 'promo_code_uses';
}

function isDropped({ fix }: ObjectState): boolean {
  return fix !== null && !fix.includes('CREATE ') && fix.startsWith('DROP');
}

import type { ObjectState } from '../inspect/compare.js';
import type { InstallationState } from '../inspect/inspect-triggers.js';
import type { LockedTables } from './short-locks.js';

/** What has to be done to bring a schema to the state that was asked for. */
export interface Changes {
  /** How many tables, functions and triggers; the index is built apart from them. */
  count: number;
  created: string[];
  replaced: string[];
  /** SQL that locks no table of the host; the library's own tables are part of it. */
  functions: string;
  /** SQL that locks `tables`. */
  triggers: string;
  tables: LockedTables;
  index: ObjectState | undefined;
  /** All of it, for a role that may run it. */
  sql: string;
}

const MENDABLE: readonly ObjectState['state'][] = ['missing', 'outdated', 'disabled'];

export function changesOf({ objects }: Pick<InstallationState, 'objects'>): Changes {
  const todo = objects.filter(({ kind, state }) => kind !== 'index' && MENDABLE.includes(state));
  const index = objects.find(({ kind, state }) => kind === 'index' && state !== 'ok');
  const sqlOf = (kind: ObjectState['kind']) =>
    // A trigger that is not wanted any more goes first: its name may be needed.
    todo
      .filter((object) => object.kind === kind)
      .map(({ fix }) => fix ?? '')
      .sort((one, other) => Number(other.startsWith('DROP')) - Number(one.startsWith('DROP')))
      .join('\n');
  const namesOf = (wanted: (state: ObjectState['state']) => boolean) => [
    ...new Set(todo.filter(({ state }) => wanted(state)).map(({ name }) => name)),
  ];
  const triggers = todo.filter(({ kind }) => kind === 'trigger');
  const onCodes = triggers.some(({ table }) => table?.endsWith('.promo_codes'));
  const onUses = triggers.some(({ table }) => !table?.endsWith('.promo_codes'));
  return {
    count: todo.length,
    created: namesOf((state) => state === 'missing'),
    replaced: namesOf((state) => state !== 'missing'),
    functions: [sqlOf('table'), sqlOf('function')].filter(Boolean).join('\n'),
    triggers: sqlOf('trigger'),
    tables: [...(onUses ? (['promo_code_uses'] as const) : []), ...(onCodes ? (['promo_codes'] as const) : [])],
    index,
    sql: [sqlOf('table'), sqlOf('function'), index?.fix, sqlOf('trigger')].filter(Boolean).join('\n'),
  };
}

import type { ComparedObject, ObjectState } from '../inspect/compare.js';
import type { LockedTables } from './short-locks.js';

/** What has to be done to bring a schema to the state that was asked for. */
export interface Changes {
  /** How many tables, functions and triggers; the index is built separately. */
  count: number;
  created: string[];
  replaced: string[];
  /** Statements that lock no table of the host; those for the library's own tables come first. */
  functions: string[];
  /** Statements that lock `tables`. */
  triggers: string[];
  /** Statements that remove functions of earlier revisions, which a trigger may call until it is replaced. */
  obsolete: string[];
  tables: LockedTables;
  /** Creating a trigger is content with a weaker lock than dropping or enabling one. */
  lockMode: 'SHARE ROW EXCLUSIVE' | 'ACCESS EXCLUSIVE';
  index: ComparedObject | undefined;
  /** Objects of the host that stand where one of ours would: nothing can be installed before they are out of the way. */
  taken: ComparedObject[];
}

const FIXABLE: readonly ObjectState['state'][] = ['missing', 'outdated', 'disabled'];

/** The triggers can be narrowed down to those of one table and its partitions; functions are for all. */
export function changesOf(
  objects: readonly ComparedObject[],
  tables: LockedTables = ['promo_code_uses', 'promo_codes'],
): Changes {
  const fixable = objects.filter(({ state }) => FIXABLE.includes(state));
  const isObsolete = (object: ComparedObject) => object.kind === 'function' && isOnlyDropped(object);
  const functions = fixable.filter(
    (object) => object.kind === 'table' || (object.kind === 'function' && !isObsolete(object)),
  );
  const obsolete = tables.includes('promo_codes') ? fixable.filter(isObsolete) : [];
  const triggers = fixable.filter((object) => object.kind === 'trigger' && tables.includes(hostTableOf(object)));
  const todo = [...functions, ...triggers, ...obsolete];
  const namesOf = (wanted: (state: ObjectState['state']) => boolean) => [
    ...new Set(todo.filter(({ state }) => wanted(state)).map(({ name }) => name)),
  ];
  // What is not wanted any more goes first: its name may be needed.
  const inOrder = [...triggers.filter(isOnlyDropped), ...triggers.filter((object) => !isOnlyDropped(object))];
  const statements = inOrder.flatMap((object) => object.statements);
  return {
    count: todo.length,
    created: namesOf((state) => state === 'missing'),
    replaced: namesOf((state) => state !== 'missing'),
    functions: functions.flatMap((object) => object.statements),
    triggers: statements,
    obsolete: obsolete.flatMap((object) => object.statements),
    tables: tables.filter((table) => triggers.some((object) => hostTableOf(object) === table)),
    lockMode: statements.every((statement) => statement.startsWith('CREATE '))
      ? 'SHARE ROW EXCLUSIVE'
      : 'ACCESS EXCLUSIVE',
    index: fixable.find(({ kind }) => kind === 'index'),
    taken: objects.filter(({ reason }) => reason !== undefined),
  };
}

function hostTableOf({ table }: ObjectState): 'promo_codes' | 'promo_code_uses' {
  return table?.endsWith('.promo_codes') ? 'promo_codes' : 'promo_code_uses';
}

function isOnlyDropped({ statements }: ComparedObject): boolean {
  return statements.every((statement) => statement.startsWith('DROP '));
}

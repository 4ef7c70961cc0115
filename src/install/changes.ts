import { HISTORY } from '../inspect/definition.js';
import type { Choice } from '../inspect/installation.js';
import type { ComparedObject, ObjectState } from '../inspect/object-state.js';
import { quoteIdentifier } from '../postgres/identifiers.js';
import type { LockedTables } from './short-locks.js';

/** What has to be done to bring a schema to the state that was asked for. */
export interface Changes {
  /** How many tables, functions and triggers; the index is built separately. */
  count: number;
  created: string[];
  replaced: string[];
  /** Statements that lock no table of the host, and none that a service uses. */
  functions: string[];
  /** Statements that lock tables of the library, which whoever writes the host's tables takes after these. */
  altered: string[];
  /** Statements that lock `tables`. */
  triggers: string[];
  /** Statements that remove functions of earlier revisions, which a trigger may call until it is replaced. */
  obsolete: string[];
  tables: LockedTables;
  /** Creating, enabling and disabling a trigger is content with a weaker lock than dropping one. */
  lockMode: 'SHARE ROW EXCLUSIVE' | 'ACCESS EXCLUSIVE';
  index: ComparedObject | undefined;
  /** Objects of the host that stand where one of ours would: nothing can be installed before they are out of the way. */
  taken: ComparedObject[];
}

const FIXABLE: readonly ObjectState['state'][] = ['missing', 'outdated', 'disabled'];

/** The triggers can be narrowed down to those of one table; what the library has for itself is for both. */
export function changesOf(
  objects: readonly ComparedObject[],
  choice: Choice,
  tables: LockedTables = ['uses', 'codes'],
): Changes {
  const fixable = objects.filter(({ state }) => FIXABLE.includes(state));
  const isObsolete = (object: ComparedObject) => object.kind === 'function' && isOnlyDropped(object);
  const ofKind = (wanted: ObjectState['kind']) => fixable.filter(({ kind }) => kind === wanted);
  // A policy of a table calls a function; no function is looked into before it runs.
  const created = [
    ...ofKind('schema'),
    ...ofKind('function').filter((object) => !isObsolete(object)),
    ...ofKind('table').filter(({ state }) => state === 'missing'),
  ];
  const altered = ofKind('table').filter(({ state }) => state !== 'missing');
  const obsolete = tables.includes('codes') ? fixable.filter(isObsolete) : [];
  const triggers = ofKind('trigger').filter((object) => tables.includes(hostTableOf(object, choice)));
  const todo = [...created, ...altered, ...triggers, ...obsolete];
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
    functions: created.flatMap((object) => object.statements),
    altered: [
      ...(choice.isForgotten ? forgetting(choice, objects) : []),
      ...altered.flatMap((object) => object.statements),
    ],
    triggers: statements,
    obsolete: obsolete.flatMap((object) => object.statements),
    tables: tables.filter((table) => triggers.some((object) => hostTableOf(object, choice) === table)),
    lockMode: statements.every((statement) => !statement.startsWith('DROP '))
      ? 'SHARE ROW EXCLUSIVE'
      : 'ACCESS EXCLUSIVE',
    index: fixable.find(({ kind }) => kind === 'index'),
    taken: objects.filter(({ reason }) => reason !== undefined),
  };
}

function hostTableOf({ table }: ObjectState, { layout }: Choice): 'codes' | 'uses' {
  return table === `${layout.schema}.${layout.codes.name}` ? 'codes' : 'uses';
}

const FORGOTTEN = [
  'promo_code_holds',
  'promo_code_idempotency_keys',
  'promo_code_campaign_codes',
  'promo_code_carried_totals',
  'promo_code_carried_customers',
  'promo_code_archived_uses',
];

/**
 * Keys, holds, memberships in campaigns and what was archived of tables that are gone would be taken for those of the tables that have their place
 * now. Campaigns stay, without codes. What happened to the uses stays, but is not found by ids that come again.
 */
function forgetting({ layout }: Choice, objects: readonly ComparedObject[]): string[] {
  const library = quoteIdentifier(layout.librarySchema);
  const isThere = (table: string) =>
    objects.some(({ kind, name, state }) => kind === 'table' && name === table && state !== 'missing');
  return [
    ...FORGOTTEN.filter(isThere).map((table) => `DELETE FROM ${library}.${table};`),
    ...(isThere(HISTORY)
      ? [
          `SELECT pg_catalog.set_config('pg_promo_codes.history', 'maintained', true);`,
          `UPDATE ${library}.${HISTORY} SET use_id = NULL, promo_code_id = NULL, former_promo_code_id = NULL;`,
          `SELECT pg_catalog.set_config('pg_promo_codes.history', '', true);`,
        ]
      : []),
  ];
}

function isOnlyDropped({ statements }: ComparedObject): boolean {
  return statements.every((statement) => statement.startsWith('DROP '));
}

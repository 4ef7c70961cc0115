import { quoteIdentifier } from '../postgres/identifiers.js';
import { type Catalog, type CatalogFunction, isOurs } from './catalog.js';
import type { Wanted } from './definition.js';
import { revisionOf } from './marks.js';
import { type ComparedObject, taken } from './object-state.js';

/**
 * Where the tables have another owner than before: the triggers on them call functions whose owner has no right to the tables
 * any more, so that nobody can write them. Only that owner, or a superuser, can give the library away.
 */
export function handOver({ layout }: Wanted, catalog: Catalog): ComparedObject | undefined {
  const { library, tables, triggers, functions, ownTables } = catalog;
  const { librarySchema, schema } = layout;
  const owner = tables.codes?.owner;
  const former = triggers.flatMap((trigger) =>
    isOurs(trigger) && trigger.functionSchema === librarySchema
      ? functions.filter((found) => found.inLibrary && !found.trusted && found.name === trigger.function)
      : [],
  )[0]?.owner;
  if (owner === undefined || former === undefined) return undefined;
  const path = (name: string) => `${quoteIdentifier(librarySchema)}.${quoteIdentifier(name)}`;
  const isFormers = (found: CatalogFunction) => found.inLibrary && found.owner === former && revisionOf(found) > 0;
  const things = [
    ...(library?.owner === former && librarySchema !== schema ? [`SCHEMA ${quoteIdentifier(librarySchema)}`] : []),
    ...ownTables
      .filter((table) => table.inLibrary && table.ours && table.owner === former)
      .map(({ name }) => `TABLE ${path(name)}`),
    ...functions.filter(isFormers).map(({ name, quotedArguments }) => `FUNCTION ${path(name)}(${quotedArguments})`),
  ];
  return taken(
    { kind: 'schema', name: librarySchema },
    `The library in schema ${librarySchema} belongs to the role ${former}, and the tables to ${owner}: it counts in them no more`,
    things.map((thing) => `ALTER ${thing} OWNER TO ${quoteIdentifier(owner)};`).join('\n'),
  );
}

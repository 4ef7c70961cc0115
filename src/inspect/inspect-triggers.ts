import type { InstallationOptions } from '../host/installation.js';
import { hintForMissingTables } from '../host/missing-tables.js';
import { bonusTypeQuery, bonusTypeWarnings, hostWarnings } from '../host/warnings.js';
import { parseArguments } from '../options.js';
import type { Database, Queryable } from '../postgres/database.js';
import { type Catalog, type CatalogFunction, hostCatalogOf, readCatalog } from './catalog.js';
import { compareNewer, compareObjects, installedRevision } from './compare.js';
import { triggerLevel } from './definition.js';
import { type IdSources, readIdNumbers } from './id-numbers.js';
import { type Choice, chooseInstallation, type Given, requireDescribed } from './installation.js';
import type { ComparedObject, ObjectState } from './object-state.js';
import { type InstallOptions, installOptions } from './options.js';
import { missingRoles, needsMoreRoles, requireRoles } from './roles.js';
import { creatorWarnings, installationWarnings } from './warnings.js';

/** What is installed for one pair of tables, object by object. */
export interface InstallationState {
  /**
   * Whether every object is in order: nothing missing, outdated, disabled, newer or foreign. What a newer version has installed is
   * in order where this one can use it.
   */
  ok: boolean;
  /** Every object that should be there, and every one that should not. */
  objects: ObjectState[];
  /** The schema of the library. */
  librarySchema: string;
  /** Whether the triggers count once per statement or once per row. */
  granularity: 'statement' | 'row';
  /** What happens when something else writes the counters. */
  counterWrites: InstallationOptions['counterWrites'];
  /** Whether a trigger refuses uses beyond a limit. */
  enforceLimits: boolean;
  /** Whether triggers record what happens to uses. */
  history: boolean;
  /** The highest revision of the library's SQL that was found; 0 where nothing is installed. */
  revision: number;
  /** Where new ids come from. Those of several databases should never be the same: see `PromoCodeShards.inspect`. */
  ids: IdSources;
  /** Triggers were installed, but the counters have not been recounted since; `installTriggers` will do it. */
  reconcilePending: boolean;
  /**
   * What works but may not do what the host expects, a sentence each: columns without time zone whose default is in another
   * one, a column of the uses that looks like a soft delete and is not declared, bonus types that are neither fixed nor
   * percentage (among the first 100,000 codes, where the role may read them), others who may create objects in the schema.
   */
  warnings: string[];
}

/** The mark in the database that says that a reconciliation is still to be done. It survives a crash in between. */
export const PENDING_MARK = 'pg-promo-codes: the counters have not been reconciled yet';

/**
 * What is installed: two statements that read system catalogs only and need no right on the tables, and where the role may
 * read the codes, a third one for the warnings.
 *
 * `options` are those of `installTriggers`; each one that is left out is as installed, and those that only bear on the doing
 * are accepted without effect.
 *
 * @throws NotInstalledError where the two tables themselves are missing or have columns of a wrong type.
 * @throws ValidationError for an unknown option or value, and where several installations may be meant.
 */
export async function inspectTriggers(db: Database, options?: InstallOptions): Promise<InstallationState> {
  const parsed = parseArguments(db, installOptions, options, 'inspectTriggers()');
  const { catalog, choice, objects, ...state } = await inspectWith(db, parsed);
  const warnings = [...state.warnings, ...(await unknownBonusTypes(db, choice, catalog))];
  const ids = await readIdNumbers(db, choice.layout);
  return { ...state, ids, warnings, objects: objects.map(({ statements: _statements, ...object }) => object) };
}

/** What the library itself works with. */
export interface Inspection extends Omit<InstallationState, 'ids'> {
  objects: ComparedObject[];
  catalog: Catalog;
  choice: Choice;
}

/** The state of an installation against what is asked for. */
export async function inspectWith(db: Queryable, given: Given): Promise<Inspection> {
  const catalog = await readCatalog(db, given);
  const choice = chooseInstallation(given, catalog);
  const { layout, options } = choice;
  if (choice.faults.length > 0) {
    const isMissing = !catalog.tables.codes || !catalog.tables.uses;
    const names = { codes: layout.codes.name, uses: layout.uses.name };
    requireDescribed(choice, isMissing ? await hintForMissingTables(db, layout.schema, names) : '');
  }
  if (needsMoreRoles(choice, catalog)) catalog.missingRoles = await missingRoles(db, options.grantTo);
  requireRoles(given, catalog);
  const objects = choice.isNewer ? compareNewer(choice, catalog) : compareObjects(choice, catalog);
  return {
    ok: objects.every(({ state }) => state === 'ok'),
    objects,
    librarySchema: layout.librarySchema,
    granularity: triggerLevel(options, catalog),
    counterWrites: options.counterWrites,
    enforceLimits: options.enforceLimits,
    history: options.history,
    revision: installedRevision(catalog),
    reconcilePending: catalog.functions.some(isMarkedPending),
    warnings: [
      ...hostWarnings(layout, hostCatalogOf(catalog)),
      ...creatorWarnings(layout, catalog),
      ...installationWarnings(choice, catalog),
    ],
    catalog,
    choice,
  };
}

/** Whether a function carries the mark of a reconciliation that is still to be done. */
export function isMarkedPending({ comment }: CatalogFunction): boolean {
  return comment === PENDING_MARK;
}

/** The warning about bonus types that no bonus can be computed by; reads the table itself. */
export async function unknownBonusTypes(db: Queryable, { layout }: Choice, catalog: Catalog): Promise<string[]> {
  const query = bonusTypeQuery(layout, hostCatalogOf(catalog));
  if (!query) return [];
  const { rows } = await db.query(query.text, query.values);
  return bonusTypeWarnings(
    layout,
    rows.map(({ type }) => type),
  );
}

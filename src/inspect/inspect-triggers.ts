import { NotInstalledError } from '../errors.js';
import { hintForMissingTables } from '../host/missing-tables.js';
import { parseArguments } from '../options.js';
import type { Database, Queryable } from '../postgres/database.js';
import { type Catalog, type CatalogFunction, type CatalogTrigger, readCatalog } from './catalog.js';
import { type ComparedObject, compareObjects, installedRevision, type ObjectState } from './compare.js';
import { triggerLevel } from './definition.js';
import { requireHostTables } from './host-tables.js';
import {
  type ChosenTriggerOptions,
  type InstallOptions,
  installOptions,
  type TriggerOptions,
  withTriggerDefaults,
} from './options.js';
import { bonusTypeWarnings, warningsOf } from './warnings.js';

/** What is installed in one schema, object by object. */
export interface InstallationState {
  /** Whether every object is in order: nothing missing, outdated, disabled, newer or foreign. */
  ok: boolean;
  /** Every object that should be there, and every one that should not. */
  objects: ObjectState[];
  /** Whether the triggers count once per statement or once per row. */
  granularity: 'statement' | 'row';
  /** What happens when something else writes the counters. */
  counterWrites: 'allow' | 'ignore' | 'reject';
  /** Whether a trigger refuses uses beyond a limit. */
  enforceLimits: boolean;
  /** The highest revision of the library's SQL that was found; 0 where nothing is installed. */
  revision: number;
  /** Triggers were installed, but the counters have not been recounted since; `installTriggers` will do it. */
  reconcilePending: boolean;
  /**
   * What works but may not do what the host expects, a sentence each: columns without time zone in a database that is not on
   * UTC, a column of the uses that looks like a soft delete, bonus types that are neither fixed nor percentage (among the
   * first 100,000 codes, where the role may read them), others who may create objects in the schema.
   */
  warnings: string[];
}

/** The mark in the database that says that a reconciliation is still to be done. It survives a crash in between. */
export const PENDING_MARK = 'pg-promo-codes: the counters have not been reconciled yet';

/**
 * What is installed: one statement that reads system catalogs only and needs no right on the tables, and where the role may
 * read `promo_codes`, a second one for the warnings.
 *
 * `options` are those that `installTriggers` was called with; each one that is left out is taken from what is installed, and
 * those that only bear on the doing are accepted without effect.
 *
 * @throws NotInstalledError where the two tables themselves are missing or have columns of a wrong type.
 * @throws ValidationError for an unknown option or value.
 */
export async function inspectTriggers(db: Database, options?: InstallOptions): Promise<InstallationState> {
  const parsed = parseArguments(db, installOptions, options, 'inspectTriggers()');
  const { catalog, objects, ...state } = await inspectWith(db, parsed.schema, (catalog) => {
    const installed = installedOptions(catalog);
    return {
      granularity: parsed.granularity ?? installed.granularity,
      counterWrites: parsed.counterWrites ?? installed.counterWrites,
      enforceLimits: parsed.enforceLimits ?? installed.enforceLimits,
    };
  });
  const warnings = [...state.warnings, ...(await bonusTypeWarnings(db, parsed.schema, catalog))];
  return { ...state, warnings, objects: objects.map(({ statements: _statements, ...object }) => object) };
}

/** What the library itself works with. */
export interface Inspection extends InstallationState {
  objects: ComparedObject[];
  catalog: Catalog;
}

/** The state of a schema against options that may depend on what is there. */
export async function inspectWith(
  db: Queryable,
  schema: string,
  chooseOptions: (catalog: Catalog) => ChosenTriggerOptions,
): Promise<Inspection> {
  const catalog = await readCatalog(db, schema);
  const options = withTriggerDefaults(chooseOptions(catalog));
  try {
    requireHostTables(schema, catalog, options);
  } catch (error) {
    if (!(error instanceof NotInstalledError) || catalog.tables.length === 2) throw error;
    throw new NotInstalledError(error.message + (await hintForMissingTables(db, schema)), error.missing);
  }
  const objects = compareObjects(schema, options, catalog);
  return {
    ok: objects.every(({ state }) => state === 'ok'),
    objects,
    granularity: triggerLevel(options, catalog),
    counterWrites: options.counterWrites,
    enforceLimits: options.enforceLimits,
    revision: installedRevision(catalog),
    reconcilePending: catalog.functions.some(isMarkedPending),
    warnings: warningsOf(schema, catalog),
    catalog,
  };
}

export function isMarkedPending({ comment }: CatalogFunction): boolean {
  return comment === PENDING_MARK;
}

/** The options that explain the triggers that are there. */
function installedOptions({ triggers }: Catalog): ChosenTriggerOptions {
  const named = (name: string) => triggers.find((trigger) => trigger.name === name && !trigger.isClone);
  const insert = named('promo_code_uses_insert_trigger');
  const guard = named('guard_promo_code_counters_on_insert');
  return {
    granularity: insert && (isPerRow(insert) ? 'row' : 'statement'),
    counterWrites: guard && guardMode(guard),
    enforceLimits: triggers.some(({ name }) => name.startsWith('verify_promo_code_limits_')),
  };
}

function isPerRow({ definition }: CatalogTrigger): boolean {
  return definition?.includes('FOR EACH ROW') ?? false;
}

function guardMode({ definition }: CatalogTrigger): TriggerOptions['counterWrites'] {
  const mode = /guard_promo_code_counters\('(\w+)'\)/.exec(definition ?? '')?.[1];
  return mode === 'ignore' || mode === 'reject' ? mode : 'allow';
}

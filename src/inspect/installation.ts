import { NewerInstallationError, ValidationError } from '../errors.js';
import { checkDescription } from '../host/check-description.js';
import type { HostDescription } from '../host/description.js';
import { withoutMissingColumns } from '../host/effective.js';
import { type DescriptionFault, notAsDescribed } from '../host/fault.js';
import {
  asFound,
  asInstalled,
  fromStoredText,
  notStored,
  SQL_REVISION,
  type StoredInstallation,
} from '../host/installation.js';
import { describeHost } from '../host/options.js';
import { requireOne } from '../host/read-host.js';
import { typesOf } from '../host/types.js';
import { describeReceived } from '../received.js';
import { suggestionFor } from '../suggestion.js';
import { type Catalog, hostCatalogOf, isOurs, triggerOfAnother } from './catalog.js';
import { HISTORY, type Wanted } from './definition.js';
import { type ChosenOptions, type ParsedInstallOptions, withDefaults } from './options.js';

/** The part of the options that decides what an installation is. */
export type Given = Pick<
  ParsedInstallOptions,
  'schema' | 'librarySchema' | 'tables' | 'timeZone' | 'customerMatching' | 'testClock'
> &
  ChosenOptions & {
    /** Whether columns are looked for that were not there when it was installed, and that nobody has described. */
    findsColumns?: boolean;
  };

/** What an installation is to be, and what of it cannot be. */
export interface Choice extends Wanted {
  /** What was asked for, columns that are not there included. */
  description: HostDescription;
  /** What is installed, where that is what the tables have. */
  stored: StoredInstallation | undefined;
  /** The tables have none of our triggers, and the library remembers their predecessors. */
  isForgotten: boolean;
  /** It was installed by a newer version that this one can use. */
  isNewer: boolean;
  /** Why the triggers cannot count. */
  faults: DescriptionFault[];
  /** Why codes cannot be redeemed through the library. */
  notRedeemable: DescriptionFault[];
}

/**
 * What is asked for, and where nothing is: what is installed. Tables without any trigger of ours are new, whatever the
 * library schema remembers of those that had their names.
 *
 * @throws ValidationError for a time zone that the server does not know, where the library schema is that of other tables, or where it is not said which one is meant.
 * @throws NewerInstallationError where the installation is one that this version cannot use.
 */
export function chooseInstallation(given: Given, catalog: Catalog): Choice {
  requireOne(catalog.schemaName, catalog.installations);
  const remembered = fromStoredText(catalog.stored);
  if (remembered && remembered.usableFrom > SQL_REVISION) {
    throw new NewerInstallationError(remembered.revision, SQL_REVISION);
  }
  requireTimeZone(given, catalog);
  requireSameTables(catalog);
  requireOwnTriggers(catalog);
  const isForgotten = !hasTriggers(catalog) && remembersTables(catalog);
  const stored = isForgotten ? undefined : remembered;
  const host = stored && (given.findsColumns ? asFound : asInstalled)(stored.description);
  const isAsInstalled = stored !== undefined && !given.tables && !given.findsColumns;
  const described = given.tables
    ? describeHost(catalog.schemaName, given)
    : { ...(host ?? describeHost(catalog.schemaName, {})), schema: catalog.schemaName };
  const { testClock: _asDescribed, ...plain } = described;
  const description: HostDescription = {
    ...plain,
    timeZone: given.timeZone ?? host?.timeZone ?? described.timeZone,
    customerMatching: given.customerMatching ?? host?.customerMatching ?? described.customerMatching,
    ...((given.testClock ?? host?.testClock) && { testClock: true }),
  };
  const hostCatalog = hostCatalogOf(catalog);
  const options = withDefaults(given, stored?.options ?? (isForgotten ? {} : optionsOfTriggers(catalog)));
  const effective = withoutMissingColumns(description, hostCatalog);
  const notThere = [...effective.notThere, ...(isAsInstalled ? notStored(stored) : [])];
  const { ownTables } = catalog;
  return {
    layout: { ...effective, notThere, librarySchema: catalog.librarySchema, types: typesOf(effective, hostCatalog) },
    options,
    keepsHistory:
      options.history || ownTables.some(({ name, inLibrary, ours }) => name === HISTORY && inLibrary && ours),
    description,
    stored,
    isForgotten,
    isNewer: stored !== undefined && stored.revision > SQL_REVISION,
    ...checkDescription(description, hostCatalog, options),
  };
}

/** @throws NotInstalledError that names every table and column that is missing or of a type that cannot serve. */
export function requireDescribed({ faults }: Choice, hint = ''): void {
  if (faults.length > 0) throw notAsDescribed(faults, hint);
}

function requireTimeZone({ timeZone }: Given, { knowsTimeZone }: Catalog): void {
  if (knowsTimeZone || timeZone === undefined) return;
  const meant = suggestionFor(timeZone, Intl.supportedValuesOf('timeZone'));
  const remedy = meant === undefined ? '' : `; is ${meant} meant?`;
  const message = `must be the name of a time zone that the server knows, as in pg_timezone_names${remedy}`;
  throw new ValidationError([{ path: 'timeZone', message, received: describeReceived(timeZone) ?? '' }]);
}

/** An installation is for one pair of tables: its functions name them. */
function requireSameTables({ librarySchema, otherTables }: Catalog): void {
  if (otherTables.length === 0) return;
  const message =
    "must be the name of a schema that is no other installation's: the functions in this one count in " +
    otherTables.join(', ');
  throw new ValidationError([{ path: 'librarySchema', message, received: `'${librarySchema}'` }]);
}

/** Two installations on one pair of tables would each lack what the other remembers. */
function requireOwnTriggers(catalog: Catalog): void {
  const { librarySchema } = catalog;
  const other = triggerOfAnother(catalog);
  if (!other) return;
  const message =
    `must be '${other.functionSchema}', to which the triggers of ${other.tableSchema}.${other.table} belong; ` +
    'for another one, uninstallTriggers() comes first';
  throw new ValidationError([{ path: 'librarySchema', message, received: `'${librarySchema}'` }]);
}

/** What the library schema says of itself may be for tables of other names. */
function remembersTables({ functions }: Catalog): boolean {
  return functions.some(({ inLibrary, name, trusted }) => inLibrary && trusted && name === 'promo_code_installation');
}

/** Those of an earlier version, which a service of it has put back, are for the same tables. */
function hasTriggers({ triggers }: Catalog): boolean {
  return triggers.some(isOurs);
}

/** Of an installation that stored none: the options that explain the triggers that are there. */
function optionsOfTriggers({ triggers }: Catalog): ChosenOptions {
  const ours = triggers.filter(isOurs);
  const named = (name: string) => ours.find((trigger) => trigger.name === name && !trigger.isClone);
  const mode = /guard_promo_code_counters\('(\w+)'\)/.exec(
    named('guard_promo_code_counters_on_insert')?.definition ?? '',
  )?.[1];
  return {
    counterWrites: mode === 'ignore' || mode === 'reject' || mode === 'allow' ? mode : undefined,
    enforceLimits: ours.some(({ name }) => name.startsWith('verify_promo_code_limits_')) || undefined,
    history: ours.some(({ name }) => name.startsWith('record_promo_code_history_')) || undefined,
  };
}

import * as v from 'valibot';
import reconcileSql from '../../sql/counting/reconcile.sql';
import formerTablesSql from '../../sql/installation/former-tables.sql';
import giveToOwnerSql from '../../sql/installation/give-to-owner.sql';
import indexesSql from '../../sql/installation/indexes.sql';
import migrationSql from '../../sql/installation/migration.sql';
import postflightSql from '../../sql/installation/postflight.sql';
import preflightSql from '../../sql/installation/preflight.sql';
import { driftQuery, EVERYTHING } from '../drift/drift-query.js';
import { ValidationError } from '../errors.js';
import { type CodeColumn, EXTRA_COLUMNS } from '../host/description.js';
import { withoutColumns } from '../host/effective.js';
import { arrayText, type Layout } from '../host/layout.js';
import { defaultLibrarySchema } from '../host/library-schema.js';
import { describeHost } from '../host/options.js';
import { renderSqlFile } from '../host/render.js';
import { withRules } from '../host/rules.js';
import {
  functionDefinitions,
  functionNames,
  guardFile,
  rowTriggersForLater,
  statementsOf,
  tableDefinitions,
  triggerNames,
  type Wanted,
} from '../inspect/definition.js';
import { indexDefinitions } from '../inspect/indexes.js';
import { type InstallOptions, installOptions, type ParsedInstallOptions, withDefaults } from '../inspect/options.js';
import { triggerFiles } from '../inspect/sql-files.js';
import { oneOf, optionsOf, parseOptions, readable } from '../options.js';
import { type IdOption, idsOption } from './ids.js';
import { listIndexes } from './list-indexes.js';
import { queryWithoutQuestionMarks, withoutQuestionMarks } from './question-marks.js';
import { rightsScript } from './rights.js';
import { schemaStatements } from './schema-file.js';
import { uninstallScript } from './uninstall-script.js';

/** What `renderSql` can write. */
export type SqlScript = 'schema' | 'triggers' | 'uninstall' | 'drift' | 'listIndexes';

/** The types of ids that `renderSql` writes. */
export interface IdTypes {
  /** Of the codes, and of what refers to them. Default: `bigint`. */
  codes?: 'bigint' | 'uuid' | 'text' | undefined;
  /** Of the uses. Default: `bigint`. */
  uses?: 'bigint' | 'uuid' | 'text' | undefined;
}

/** Options of `renderSql`, which sees no database. */
export interface RenderOptions extends InstallOptions {
  /** The types of ids, where they are not whole numbers. Default: `bigint`. */
  idTypes?: IdTypes | undefined;
  /** How ids are made, as in `installSchema`; only for the script `'schema'`. */
  ids?: IdOption | undefined;
  /**
   * The type of the column `rolledBack`, as SQL takes it, such as `'timestamp'` or the name of an enum with its schema. Default:
   * `timestamp with time zone`, for a status `text`.
   */
  rolledBackType?: string | undefined;
}

const SHORT_NAMES: [RegExp, string][] = [
  [/^timestamptz(\(\d+\))?$/, 'timestamp$1 with time zone'],
  [/^timestamp(\(\d+\))?$/, 'timestamp$1 without time zone'],
  [/^varchar(\(\d+\))?$/, 'character varying$1'],
  [/^(?:bp)?char(\(\d+\))$/, 'character$1'],
];

/** A type as `installTriggers` reads it from the catalogs, so that it finds the same functions. */
function asCatalogsName(type: string): string {
  const [, schema, name] = /^([a-z_][a-z0-9_]*|"[^"]+")\.([a-z_][a-z0-9_]*|"[^"]+")$/.exec(type) ?? [];
  const quoted = (part: string) => `"${part.replaceAll('"', '')}"`;
  if (schema && name) return `${quoted(schema)}.${quoted(name)}`;
  return SHORT_NAMES.reduce((text, [short, long]) => text.replace(short, long), type);
}

const script = oneOf(['schema', 'triggers', 'uninstall', 'drift', 'listIndexes']);
const idType = v.optional(oneOf(['bigint', 'uuid', 'text']), 'bigint');
const typeEntries = {
  ids: idsOption,
  idTypes: v.optional(optionsOf({ codes: idType, uses: idType }), {}),
  rolledBackType: v.optional(
    v.pipe(
      v.string('must be a string'),
      v.regex(
        /^(?:(?:[a-z_][a-z0-9_]*|"[^"\0$]+")\.)?(?:[a-z_][a-z0-9_ ]*(?:\(\d+\))?(?: with(?:out)? time zone)?|"[^"\0$]+")$/,
        'must be the name of a type as SQL takes it',
      ),
      v.transform(asCatalogsName),
    ),
  ),
};
type Types = v.InferOutput<v.ObjectSchema<typeof typeEntries, undefined>>;

/**
 * The SQL of this library as text, for hosts that run their own migrations or whose application role may not run DDL.
 * It holds no BEGIN and no COMMIT: run it in one transaction, as the owner of the tables. It holds no question mark, whatever the
 * names hold, so that `knex.raw` takes it as it is.
 *
 * - `'schema'`: the two tables, where they do not exist, and then the triggers.
 * - `'triggers'`: the library's schema, functions and triggers for these options, then a recount of every code that had
 *   drifted. Unlike `installTriggers`, which recounts after its DDL is committed, it blocks writers until the transaction ends.
 * - `'uninstall'`: removes the library's schema, triggers and indexes.
 * - `'drift'`: the query of `checkDrift`, for tables on which the library is installed.
 * - `'listIndexes'`: the indexes by which each page of `list` is one scan of an index, for many codes. The tables of `'schema'`
 *   have those that redemptions do not write. The two on counters make every redemption write all indexes of the codes, so
 *   take them only where these orders matter. The one on customers is for campaigns with a limit per customer; `installTriggers` builds
 *   it where there is a campaign. On a big table in use write CONCURRENTLY into each, outside of a transaction.
 *
 * It sees no database: an option that is left out has its default, whatever is installed, and a column that the host does not
 * have is described as `null`. Columns for budgets, least rewards, bound customers and metadata are those of `'schema'`; with
 * other scripts they have to be described, and `'triggers'` refuses to forget those that an installation uses.
 *
 * @throws ValidationError for an unknown name, option or value.
 */
export function renderSql(name: SqlScript, options?: RenderOptions): string {
  const what = parseOptions(v.object({ name: script }), { name }, 'renderSql()').name;
  const { idTypes, ids, rolledBackType, ...rest } = readable('options', () => ({ ...options }) as RenderOptions);
  const types = parseOptions(v.object(typeEntries), { idTypes, ids, rolledBackType }, 'renderSql()');
  const parsed = parseOptions(installOptions, options === undefined ? undefined : rest, 'renderSql()');
  if (what === 'schema') requireOwnTypes(types);
  else if (types.ids !== undefined) throw new ValidationError([{ path: 'ids', message: ONLY_FOR_SCHEMA }]);
  const wanted = wantedOf(parsed, types, what === 'schema');
  return what === 'drift'
    ? queryWithoutQuestionMarks(`${driftQuery(wanted.layout, EVERYTHING)};\n`)
    : withoutQuestionMarks(scriptOf(what, wanted, types.ids));
}

const ONLY_FOR_SCHEMA = "must be left out: only the script 'schema' creates tables; for others say idTypes";

function scriptOf(what: Exclude<SqlScript, 'drift'>, wanted: Wanted, ids: IdOption | undefined): string {
  const { layout } = wanted;
  switch (what) {
    case 'listIndexes':
      return listIndexes(layout)
        .map((statement) => `${statement}\n`)
        .join('');
    case 'uninstall':
      return uninstallScript(layout);
    case 'triggers':
      return triggersScript(wanted);
    case 'schema':
      return `${schemaStatements(layout, ids).join('\n\n')}\n\n${triggersScript(wanted)}`;
  }
}

/** @throws ValidationError for ids that the tables of `'schema'` do not have. */
function requireOwnTypes({ idTypes: { codes, uses } }: Types): void {
  if (codes === 'bigint' && uses === 'bigint') return;
  const message =
    "must be left out with the script 'schema', which creates tables as the option ids says: with ids of type bigint, or 'uuid'";
  throw new ValidationError([{ path: 'idTypes', message }]);
}

/** @param isCreated whether the tables are those of the script `'schema'`, which have every column */
function wantedOf(options: ParsedInstallOptions, { idTypes, ids, rolledBackType }: Types, isCreated: boolean): Wanted {
  const { schema = 'public', librarySchema = defaultLibrarySchema(schema) } = options;
  const types = {
    codeId: ids === 'uuid' ? ids : idTypes.codes,
    useId: ids === 'uuid' ? ids : idTypes.uses,
    rolledBack: rolledBackType ?? literalType(options),
  };
  const described = describeHost(schema, options);
  // Without the database it is not known which of these are there: those that are not described are not.
  const isGiven = (role: CodeColumn) => options.tables?.codes?.columns?.[role] !== undefined;
  const absent = isCreated ? [] : EXTRA_COLUMNS.filter((role) => !isGiven(role));
  const chosen = withDefaults(options);
  return {
    layout: { ...withoutColumns(described, absent), librarySchema, types },
    options: chosen,
    keepsHistory: chosen.history,
  };
}

/** Without the catalogs it is the type that a literal takes by itself. */
function literalType({ tables }: ParsedInstallOptions): string {
  return tables?.uses?.rolledBack?.counts === undefined ? 'timestamp with time zone' : 'text';
}

/** The script `'triggers'`. */
export function renderTriggers(wanted: Wanted): string {
  return withoutQuestionMarks(triggersScript(wanted));
}

function triggersScript(wanted: Wanted): string {
  const { layout, options } = wanted;
  const { granularity, counterWrites, enforceLimits, history } = options;
  const { statement, row, truncate, counters, recount, campaignsOfCodes, limitsRow, limitsStatement } = triggerFiles;
  const { historyRow, historyStatement, historyTruncate } = triggerFiles;
  const functions = functionDefinitions(wanted);
  const list = (names: Iterable<string>) => `{${[...names].join(',')}}`;
  const further = {
    granularity,
    counter_writes: counterWrites,
    with_history: history ? 'on' : 'off',
    table_names: list(tableDefinitions(wanted).map(({ name }) => name)),
    function_names: list(functionNames),
    signatures: arrayText(functions.map(({ name, arguments: types }) => `${name}(${types})`)),
    grant_to: arrayText(options.grantTo),
    trigger_names: list(triggerNames),
    described_columns: JSON.stringify(describedColumns(layout)),
    not_described: list(layout.notThere ?? []),
    wanted_indexes: JSON.stringify(indexDefinitions(layout).map((index) => wantedIndex(layout, index))),
  };
  const render = (file: string) => renderSqlFile(withoutComments(file), layout, further);
  const triggers = (...files: (string | false)[]) =>
    files.flatMap((file) => (file ? statementsOf(file).map(render) : [])).join('\n\n');
  const parts: Record<string, () => string> = {
    functions: () => functions.flatMap(({ statements }) => statements).join('\n\n'),
    tables: () =>
      tableDefinitions(wanted)
        .flatMap(({ statements }) => statements)
        .join('\n\n'),
    give_to_owner: () => render(withRules(giveToOwnerSql)),
    rights: () => rightsScript(wanted),
    common_triggers: () =>
      triggers(truncate, history && historyTruncate, counters, recount, campaignsOfCodes, guardFile(options)),
    row_triggers: () => triggers(row, enforceLimits && limitsRow, history && historyRow),
    statement_triggers: () => triggers(statement, enforceLimits && limitsStatement, history && historyStatement),
    row_triggers_for_later: () => triggers(...rowTriggersForLater(options)),
    preflight: () => render(withRules(preflightSql)),
    former_tables: () => render(withRules(formerTablesSql)),
    indexes: () => render(indexesSql),
    postflight: () => render(postflightSql),
    reconcile: () => render(withRules(reconcileSql)),
  };
  // Each part is rendered by itself, and nothing twice: names stand in what is rendered.
  return withoutComments(migrationSql)
    .split(/^:([a-z_]+)\n/m)
    .map((piece, place) => (place % 2 === 0 ? render(piece) : withNewline(parts[piece]?.() ?? '')))
    .join('');
}

function withNewline(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}

function withoutComments(file: string): string {
  return file.replace(/^--.*\n/gm, '');
}

/** What the functions name: each column has to be there. */
function describedColumns({ codes, uses }: Layout): { on_table: string; name: string }[] {
  const named = [
    ...Object.values(codes.columns).map((name) => ({ on_table: codes.name, name })),
    ...[...Object.values(uses.columns), uses.rolledBack?.column].map((name) => ({ on_table: uses.name, name })),
  ];
  return named.flatMap(({ on_table, name }) => (name === null || name === undefined ? [] : [{ on_table, name }]));
}

function wantedIndex(
  layout: Layout,
  { name, table, columns, pattern, ofPartitioned = false }: ReturnType<typeof indexDefinitions>[number],
) {
  return { on_table: layout[table].name, index_name: name, columns, pattern, of_partitioned: ofPartitioned };
}

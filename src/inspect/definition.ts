import { createHash } from 'node:crypto';
import type { CodeColumn, HostDescription, HostTable } from '../host/description.js';
import { type InstallationOptions, SQL_REVISION, toStoredName, toStoredText } from '../host/installation.js';
import type { Layout } from '../host/layout.js';
import { renderSqlFile } from '../host/render.js';
import { quoteIdentifier } from '../postgres/identifiers.js';
import type { Catalog, CatalogPartition } from './catalog.js';
import { byRow, functionFiles, isByRow, tableFiles, triggerFiles } from './sql-files.js';

export { SQL_REVISION };

/** An installation as it should be. */
export interface Wanted {
  layout: Layout;
  options: InstallationOptions;
  /** Whether there is a history, which may have been stopped. */
  keepsHistory: boolean;
}

/** A function as it should be installed. */
export interface FunctionDefinition {
  name: string;
  /** Its types, as `oidvectortypes` writes them. */
  arguments: string;
  /** Where it answers with an id: what, as `pg_get_function_result` writes it. */
  result: string | undefined;
  source: string;
  /** Of its source without carriage returns. */
  digest: string;
  securityDefiner: boolean;
  /** Whether those who redeem call it; the others are for triggers and for the owner. */
  isForRedeemers: boolean;
  /** Its SET clauses, as `pg_proc.proconfig` shows them. */
  settings: string[];
  /** What creates or replaces it, and closes it to PUBLIC. */
  statements: string[];
}

/** A table of the library's own, as it should be created. */
export interface TableDefinition {
  name: string;
  /** Types by name, as `format_type` writes them. */
  columns: Record<string, string>;
  rowSecurity: boolean;
  /** The names of its triggers. */
  triggers: string[];
  statements: string[];
}

/** A trigger as it should be installed on one table. */
export interface TriggerDefinition {
  name: string;
  tableSchema: string;
  table: string;
  part: HostTable;
  function: string;
  /** As `pg_get_triggerdef` prints it, without schemas and quotes, and with `codes` or `uses` for the table. */
  definition: string;
  /** What creates it, and for some triggers what has to follow. */
  statements: string[];
}

const HEADER = /^CREATE OR REPLACE FUNCTION :"library"\.(\w+)\((.*)\)$/m;
const RESULT_WITH_ID = /^RETURNS (.*:(?:code|use)_id_type.*)$/m;
const BODY = /^AS \$body\$([\s\S]*)^\$body\$;$/m;
const LONG_NAMES: Record<string, string> = {
  timestamptz: 'timestamp with time zone',
  'timestamptz[]': 'timestamp with time zone[]',
  bpchar: 'character',
  'bpchar[]': 'character[]',
};

/** A file of a function, taken apart. */
interface FunctionFile {
  name: string;
  parameters: string;
  result: string | undefined;
  /** What stands before its body, in it and after it, without what closes it to PUBLIC. */
  head: string;
  body: string;
  tail: string;
  securityDefiner: boolean;
  isForRedeemers: boolean;
  settings: [name: string, value: string][];
}

const files: readonly FunctionFile[] = functionFiles.map((file) => {
  const [, name = '', parameters = ''] = HEADER.exec(file) ?? [];
  const body = BODY.exec(file)?.[1] ?? '';
  const [head = '', tail = ''] = file.replace(/\nREVOKE [^;]*;\n/, '').split(body);
  return {
    name,
    parameters,
    result: RESULT_WITH_ID.exec(file)?.[1]?.replace('TABLE (', 'TABLE('),
    head,
    body,
    tail,
    securityDefiner: /^SECURITY DEFINER$/m.test(file),
    isForRedeemers: !/^REVOKE ALL ON FUNCTION/m.test(file),
    settings: [...file.matchAll(/^SET (\w+) = (.*)$/gm)].map(([, setting = '', value = '']) => [setting, value]),
  };
});

/** What was rendered for some installations: one call asks for it several times. */
const MOST_INSTALLATIONS = 20;
const rendered = new Map<string, FunctionDefinition[]>();

/**
 * All functions, whatever the options: which of them fire is a matter of the triggers. A host without what redeeming needs
 * has those that count.
 */
export function functionDefinitions(wanted: Wanted): FunctionDefinition[] {
  const key = JSON.stringify([wanted.layout, wanted.options, wanted.keepsHistory]);
  const definitions = rendered.get(key) ?? renderFunctions(wanted);
  if (rendered.size >= MOST_INSTALLATIONS) rendered.clear();
  rendered.set(key, definitions);
  return definitions;
}

function renderFunctions(wanted: Wanted): FunctionDefinition[] {
  const render = renderer(wanted);
  const library = quoteIdentifier(wanted.layout.librarySchema);
  const isWanted = [belongsTo(wanted.layout), isForHistoryOf(wanted)];
  const ofInstallation = files.filter((file) => isWanted.every((is) => is(file)));
  return ofInstallation.map((file) => {
    const { name, securityDefiner, isForRedeemers } = file;
    const types = render(file.parameters)
      .split(', ')
      .map((parameter) => parameter.split(' ').slice(1).join(' '))
      .map((type) => LONG_NAMES[type] ?? type)
      .join(', ');
    const source = render(file.body);
    return {
      name,
      arguments: types,
      result: file.result && render(file.result).replace(/\w+/g, (word) => LONG_NAMES[word] ?? word),
      source,
      digest: createHash('sha256').update(source.replaceAll('\r', '')).digest('hex'),
      securityDefiner,
      isForRedeemers,
      settings: file.settings.map(([setting, value]) => `${setting}=${render(value).replace(/^'(.*)'$/, '$1')}`),
      statements: [
        `${render(file.head)}${source}${render(file.tail)}`.trim(),
        `REVOKE ALL ON FUNCTION ${library}.${name}(${types}) FROM PUBLIC;`,
      ],
    };
  });
}

function redeems({ codes, uses }: Layout): boolean {
  return codes.columns.code !== null && uses.columns.id !== null && uses.columns.customerAddress !== null;
}

/** The clock is for installations that are for tests. */
function belongsTo(layout: Layout): (file: FunctionFile) => boolean {
  const isOfHost = redeems(layout) ? () => true : isForCounting;
  return (file) => (file.name === 'promo_code_clock' ? layout.testClock === true : isOfHost(file));
}

/** Beside what counts: what an installation says of itself, and what the policies of its tables call. */
const OF_ALL_HOSTS: ReadonlySet<string> = new Set([
  'promo_code_installation',
  'promo_code_is_visible',
  'promo_code_campaign_is_visible',
]);

function isForCounting({ name, isForRedeemers }: FunctionFile): boolean {
  return !isForRedeemers || OF_ALL_HOSTS.has(name);
}

/** The table that the history of uses is kept in. */
export const HISTORY = 'promo_code_history';
/** The table of campaigns. */
export const CAMPAIGNS = 'promo_code_campaigns';

/** A history that was stopped is guarded and its months are dropped, but nothing is recorded. */
function isForHistoryOf({ options, keepsHistory }: Wanted): (file: FunctionFile) => boolean {
  return ({ name }) => {
    if (name.startsWith('record_promo_code_history_')) return options.history;
    return keepsHistory || !name.endsWith(HISTORY);
  };
}

/** Renders for an installation; what it stores of itself is a part of one of its functions. */
function renderer({ layout, options }: Wanted): (file: string) => string {
  const { librarySchema: _library, types: _types, notThere = [], ...described } = layout;
  const columns = Object.fromEntries(
    Object.entries(described.codes.columns).filter(([role]) => !notThere.includes(role as CodeColumn)),
  ) as HostDescription['codes']['columns'];
  const description = { ...described, codes: { ...described.codes, columns } };
  const texts = {
    json_text: toStoredText(description, options),
    schema_text: toStoredName(layout.schema),
    codes_text: toStoredName(layout.codes.name),
    uses_text: toStoredName(layout.uses.name),
  };
  const further = { counter_writes: options.counterWrites, with_history: options.history ? 'on' : 'off' };
  return (file) => renderSqlFile(file, layout, further, texts);
}

/** The library's own tables. */
export function tableDefinitions(wanted: Wanted): TableDefinition[] {
  const render = renderer(wanted);
  const kept = Object.entries(tableFiles).filter(([name]) => name !== HISTORY || wanted.keepsHistory);
  return kept.map(([name, file]) => ({
    name,
    columns: Object.fromEntries(
      [...file.matchAll(/^ {2}([a-z_]+) +(:?[a-z_]+(?:\[\])?)/gm)].map(([, column = '', type = '']) => {
        const rendered = render(type);
        return [column, LONG_NAMES[rendered] ?? rendered];
      }),
    ),
    rowSecurity: file.includes('ENABLE ROW LEVEL SECURITY'),
    triggers: [...file.matchAll(/^CREATE (?:CONSTRAINT )?TRIGGER (\w+)/gm)].map(([, trigger = '']) => trigger),
    statements: (file.match(/^[A-Z][\s\S]*?;$/gm) ?? []).map(render),
  }));
}

/** Each function of the library, by name. */
export const functionNames: ReadonlySet<string> = new Set(functionFiles.map((file) => HEADER.exec(file)?.[1] ?? ''));

/** The triggers that an installation asks for, on the tables and partitions that the catalog shows. */
export function triggerDefinitions(wanted: Wanted, catalog: Catalog): TriggerDefinition[] {
  const level = triggerLevel(wanted.options, catalog);
  const { enforceLimits, history } = wanted.options;
  const everywhere = [triggerFiles.truncate, history ? triggerFiles.historyTruncate : ''];
  const onParent = [
    triggerFiles.counters,
    triggerFiles.recount,
    triggerFiles.campaignsOfCodes,
    guardFile(wanted.options),
  ];
  if (level === 'row') {
    onParent.push(
      triggerFiles.row,
      enforceLimits ? triggerFiles.limitsRow : '',
      history ? triggerFiles.historyRow : '',
    );
  } else {
    everywhere.push(triggerFiles.statement, enforceLimits ? triggerFiles.limitsStatement : '');
    everywhere.push(history ? triggerFiles.historyStatement : '');
    if (catalog.tables.uses?.kind === 'p') onParent.push(...rowTriggersForLater(wanted.options));
  }

  const leaves = catalog.partitions.filter(({ kind }) => kind !== 'p');
  const define = (file: string, partition?: CatalogPartition) =>
    statementsOf(file).map((text) => triggerDefinition(text, wanted, leaves, partition));
  return [
    ...[...everywhere, ...onParent].flatMap((file) => define(file)),
    ...catalog.partitions.flatMap((partition) => everywhere.flatMap((file) => define(file, partition))),
  ];
}

/** The files of the row triggers that a partitioned table has beside its statement triggers. */
export function rowTriggersForLater({ enforceLimits, history }: InstallationOptions): string[] {
  return [
    triggerFiles.row,
    ...(enforceLimits ? [triggerFiles.limitsRow] : []),
    ...(history ? [triggerFiles.historyRow] : []),
  ].map(byRow);
}

/**
 * A statement fires the statement triggers of the relation that it names: partitions have their own. Those of a child do not see
 * statements that name its parent, and a foreign table gives no transition tables; row triggers see both.
 */
export function triggerLevel(
  { granularity }: Pick<InstallationOptions, 'granularity'>,
  { tables, partitions }: Pick<Catalog, 'tables' | 'partitions'>,
): 'row' | 'statement' {
  if (granularity !== 'auto') return granularity;
  return tables.uses?.isChild || partitions.some(({ kind }) => kind === 'f') ? 'row' : 'statement';
}

/** The file of the guard before updates of the codes. */
export function guardFile({ counterWrites }: Pick<InstallationOptions, 'counterWrites'>): string {
  return counterWrites === 'allow' ? triggerFiles.countersAllow : triggerFiles.countersGuarded;
}

/** The statements of a file of triggers. */
export function statementsOf(file: string): string[] {
  return file.match(/^CREATE (?:OR REPLACE|CONSTRAINT) TRIGGER[\s\S]*?;$/gm) ?? [];
}

const { row, limitsRow, historyRow } = triggerFiles;
const allTriggers = [...Object.values(triggerFiles), ...[row, limitsRow, historyRow].map(byRow)].flatMap((file) =>
  statementsOf(file),
);
/** Each trigger that some options ask for, by name. */
export const triggerNames: ReadonlySet<string> = new Set(allTriggers.map((text) => nameOf(text)));

function nameOf(statement: string): string {
  return /TRIGGER (\w+)/.exec(statement)?.[1] ?? '';
}

const ON_HOST_TABLE = / ON :"(codes|uses)"\n/;

function triggerDefinition(
  text: string,
  wanted: Wanted,
  leaves: readonly CatalogPartition[],
  partition?: CatalogPartition,
): TriggerDefinition {
  const { layout, options } = wanted;
  const part = ON_HOST_TABLE.exec(text)?.[1] === 'codes' ? 'codes' : 'uses';
  const table = partition ?? { schema: layout.schema, name: layout[part].name };
  const further = { counter_writes: options.counterWrites, table_schema: table.schema, table: table.name };
  const render = (file: string) => renderSqlFile(file, layout, further);
  const name = nameOf(text);
  return {
    name,
    tableSchema: table.schema,
    table: table.name,
    part,
    function: /EXECUTE FUNCTION :"library"\.(\w+)/.exec(text)?.[1] ?? '',
    definition: render(text.replace(ON_HOST_TABLE, ` ON ${part}\n`).replaceAll(':"library".', ''))
      .replace('OR REPLACE ', '')
      .replace(/;$/, '')
      .replace(/\s+/g, ' ')
      .replaceAll('"', ''),
    statements: [
      render(partition ? text.replace(ON_HOST_TABLE, ' ON :"table_schema".:"table"\n') : text),
      // Partitions that are there have statement triggers.
      ...(isByRow({ name })
        ? leaves.map((leaf) => disableTrigger({ name, tableSchema: leaf.schema, table: leaf.name }))
        : []),
    ],
  };
}

/** The statement that keeps a trigger from firing. */
export function disableTrigger({
  name,
  tableSchema,
  table,
}: Pick<TriggerDefinition, 'name' | 'tableSchema' | 'table'>): string {
  return `ALTER TABLE ${quoteIdentifier(tableSchema)}.${quoteIdentifier(table)} DISABLE TRIGGER ${quoteIdentifier(name)};`;
}

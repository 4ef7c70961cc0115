import schemaSql from '../../sql/installation/schema.sql';
import { EXTRA_COLUMNS, type HostTable } from '../host/description.js';
import { arrayText, type Layout, renderingOf, tableName } from '../host/layout.js';
import { renderSqlFile } from '../host/render.js';
import { quoteIdentifier } from '../postgres/identifiers.js';
import { type IdOption, withIds } from './ids.js';
import { indexName, ownListIndexes } from './list-indexes.js';

const REFERENCE = / REFERENCES .* CASCADE/;

/** A column that a host may lack. */
export interface NewColumn {
  name: string;
  definition: string;
}

/** The statements that create the two tables with their indexes, as they are described, or add what earlier versions lacked. */
export function schemaStatements(layout: Layout, ids?: IdOption): string[] {
  const tableOf = (table: HostTable) => tableStatements(layout, table, { ids });
  return [...tableOf('codes'), ...addedColumns(layout), ...tableOf('uses')];
}

/** What tables that an earlier version has made do not have. */
function addedColumns(layout: Layout): string[] {
  const added = new Set(EXTRA_COLUMNS.flatMap((role) => layout.codes.columns[role] ?? []));
  const columns = columnsToAdd(layout, 'codes').filter(({ name }) => added.has(name));
  if (columns.length === 0) return [];
  const lines = columns.map(
    ({ name, definition }) => `  ADD COLUMN IF NOT EXISTS ${quoteIdentifier(name)} ${definition}`,
  );
  return [`ALTER TABLE ${tableName(layout, 'codes')}\n${lines.join(',\n')};`];
}

/**
 * The statements that create one table and its indexes: without the columns that a host says it does not have.
 * @param how `references`: whether the codes can be referred to by a foreign key; `ids`: how they are made
 */
export function tableStatements(
  layout: Layout,
  table: HostTable,
  { references = true, ids }: { references?: boolean; ids?: IdOption | undefined } = {},
): string[] {
  const statements = filesOf(table)
    .map((file) => withIds(file, ids))
    .map((file) => (references ? file : file.replace(REFERENCE, '')))
    .map((file) => withoutAbsent(file, layout))
    .filter((file) => !isAbsent(file.replace(/^CREATE TABLE[\s\S]*/, ''), layout))
    .map((file) => render(file, layout));
  return table === 'codes' ? [...statements, ...ownListIndexes(layout)] : statements;
}

/** The columns of one table that can be added to rows that exist: none is NOT NULL unless it has a default. */
export function columnsToAdd(layout: Layout, table: HostTable): NewColumn[] {
  const [createTable = ''] = filesOf(table);
  const names = renderingOf(layout).names;
  return [...withoutAbsent(createTable, layout).matchAll(/^ {2}:"([a-z_]+)" (.+?),?$/gm)]
    .filter(([, , definition = '']) => !definition.includes('PRIMARY KEY'))
    .map(([, name = '', definition = '']) => ({
      name: names.get(name) ?? '',
      definition: render(
        definition.includes('DEFAULT') ? definition : definition.replace(' NOT NULL', '').replace(REFERENCE, ''),
        layout,
      ),
    }));
}

function filesOf(table: HostTable): string[] {
  const statements = schemaSql.match(/^CREATE (?:TABLE|UNIQUE INDEX|INDEX)[\s\S]*?;$/gm) ?? [];
  return statements.filter((statement) => /:"(codes|uses)"/.exec(statement)?.[1] === table);
}

/** Columns and checks stand in lines of their own. */
function withoutAbsent(file: string, layout: Layout): string {
  return file
    .split('\n')
    .filter((line) => !/^ {2}(?::"|CONSTRAINT)/.test(line) || !isAbsent(line, layout))
    .join('\n')
    .replace(/,(?=\n\)[^\n]*;$)/, '');
}

function isAbsent(text: string, layout: Layout): boolean {
  const { names } = renderingOf(layout);
  return [...text.matchAll(/:"([a-z_]+)"/g)].some(([, name = '']) => names.get(name) === null);
}

function render(file: string, layout: Layout): string {
  const { fixed, percentage } = layout.codes.bonusTypes;
  return renderSqlFile(file, layout, {
    bonus_types: arrayText([...fixed, ...percentage]),
    codes_index: indexName(layout.codes.name, 'shop_code_idx'),
    uses_index: indexName(layout.uses.name, 'code_customer_idx'),
  });
}

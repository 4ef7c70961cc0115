import { renderSqlText } from '../postgres/sql-text.js';
import type { Catalog } from './catalog.js';
import type { TriggerOptions } from './options.js';
import { functionFiles, tableFiles, triggerFiles } from './sql-files.js';

/** Rises with every change to an installed function; the first line of each body carries it. */
export const SQL_REVISION = 2;

/** The one table of ours that only an option of the repository needs. */
export const LIMITER_TABLE = 'promo_code_rate_limits';

/** A function as it should be installed. */
export interface FunctionDefinition {
  name: string;
  arguments: string;
  source: string;
  securityDefiner: boolean;
  /** Whether everybody may call it. What it does then is bound by the caller's own rights. */
  publicMayExecute: boolean;
  /** Its SET clauses, as `pg_proc.proconfig` shows them. */
  settings: string[];
  /** What creates or replaces it, and closes it to PUBLIC where it is closed. */
  statements: string[];
}

/** A table of the library's own, as it should be created. */
export interface TableDefinition {
  name: string;
  columns: string[];
  /** Constraints of earlier versions, which are dropped. */
  formerChecks: string[];
  statements: string[];
}

/** A trigger as it should be installed on one table. */
export interface TriggerDefinition {
  name: string;
  tableSchema: string;
  table: string;
  hostTable: 'promo_codes' | 'promo_code_uses';
  function: string;
  /** As `pg_get_triggerdef` prints it, without schemas and with the host's table instead of a partition. */
  definition: string;
  statement: string;
}

/** An index on a host's table that redeeming is fast by. */
export interface IndexDefinition {
  name: string;
  table: 'promo_codes' | 'promo_code_uses';
  columns: string;
  /** How an index of the same kind, whatever its name, is recognised in the catalog. */
  kind: 'ofCode' | 'ofCustomer';
  /** The column without which there is nothing to index. */
  needs: string;
}

/** A customer's uses of a code are counted by it, for redeeming and for enforceLimits. */
export const CUSTOMER_INDEX: IndexDefinition = {
  name: 'promo_code_uses_code_customer_idx',
  table: 'promo_code_uses',
  columns: '(promo_code_id, lower(btrim(customer_address::text)))',
  kind: 'ofCustomer',
  needs: 'customer_address',
};

/** Codes are found by it, compared without case. */
export const CODE_INDEX: IndexDefinition = {
  name: 'promo_codes_shop_code_idx',
  table: 'promo_codes',
  columns: '(shop_id, upper(code::text))',
  kind: 'ofCode',
  needs: 'code',
};

const HEADER = /^CREATE OR REPLACE FUNCTION :"schema"\.(\w+)\((.*)\)$/m;
const BODY = /^AS \$body\$([\s\S]*)^\$body\$;$/m;

/** All functions, whatever the options: which of them fire is a matter of the triggers. */
export function functionDefinitions(schema: string): FunctionDefinition[] {
  return functionFiles.map((file) => {
    const [, name = '', parameters = ''] = HEADER.exec(file) ?? [];
    const [, body = ''] = BODY.exec(file) ?? [];
    return {
      name,
      arguments: parameters.replace(/\w+ (\w+)/g, '$1').replaceAll('timestamptz', 'timestamp with time zone'),
      source: renderSqlText(body, { schema }),
      securityDefiner: /^SECURITY DEFINER$/m.test(file),
      publicMayExecute: !/^REVOKE ALL ON FUNCTION/m.test(file),
      settings: [...file.matchAll(/^SET (\w+) = (.*)$/gm)].map(
        ([, name, value = '']) => `${name}=${renderSqlText(value.replace(/^'(.*)'$/, '$1'), { schema })}`,
      ),
      statements: file.split(/\n(?=REVOKE )/).map((statement) => renderSqlText(statement, { schema }).trim()),
    };
  });
}

/** The library's own tables. */
export function tableDefinitions(schema: string): TableDefinition[] {
  return Object.entries(tableFiles).map(([name, file]) => ({
    name,
    columns: [...file.matchAll(/^ {2}([a-z_]+) +[a-z]+/gm)].map(([, column = '']) => column),
    formerChecks: [...file.matchAll(/ DROP CONSTRAINT IF EXISTS (\w+)/g)].map(([, check = '']) => check),
    statements: (file.match(/^[A-Z][\s\S]*?;$/gm) ?? []).map((statement) => renderSqlText(statement, { schema })),
  }));
}

export const functionNames: ReadonlySet<string> = new Set(functionDefinitions('public').map(({ name }) => name));

/** The triggers that these options ask for, on the tables and partitions that the catalog shows. */
export function triggerDefinitions(schema: string, options: TriggerOptions, catalog: Catalog): TriggerDefinition[] {
  const level = triggerLevel(options, catalog);
  const everywhere = [triggerFiles.truncate];
  const onParent = [triggerFiles.counters, triggerFiles.recount, guardFile(options)];
  if (level === 'row') {
    onParent.push(triggerFiles.row, options.enforceLimits ? triggerFiles.limitsRow : '');
  } else {
    everywhere.push(triggerFiles.statement, options.enforceLimits ? triggerFiles.limitsStatement : '');
  }

  const render = (file: string, partition?: { schema: string; name: string }) =>
    statementsOf(file).map((text) => triggerDefinition(text, schema, options, partition));
  return [
    ...[...everywhere, ...onParent].flatMap((file) => render(file)),
    ...catalog.partitions.flatMap((partition) => everywhere.flatMap((file) => render(file, partition))),
  ];
}

/** Statement triggers on a partitioned table do not see statements that name a partition; row triggers do. */
export function triggerLevel(options: TriggerOptions, catalog: Pick<Catalog, 'tables'>): 'row' | 'statement' {
  if (options.granularity !== 'auto') return options.granularity;
  return catalog.tables.some(({ name, kind }) => name === 'promo_code_uses' && kind === 'p') ? 'row' : 'statement';
}

/** The file of the guard before updates of `promo_codes`. */
export function guardFile({ counterWrites }: Pick<TriggerOptions, 'counterWrites'>): string {
  return counterWrites === 'allow' ? triggerFiles.countersAllow : triggerFiles.countersGuarded;
}

export function statementsOf(file: string): string[] {
  return file.match(/^CREATE (?:OR REPLACE|CONSTRAINT) TRIGGER[\s\S]*?;$/gm) ?? [];
}

const allTriggers = Object.values(triggerFiles).flatMap((file) => statementsOf(file));
export const triggerNames: ReadonlySet<string> = new Set(allTriggers.map((text) => nameOf(text)));

function nameOf(statement: string): string {
  return /TRIGGER (\w+)/.exec(statement)?.[1] ?? '';
}

const ON_HOST_TABLE = / ON :"schema"\.(promo_codes|promo_code_uses)\n/;

function triggerDefinition(
  text: string,
  schema: string,
  options: TriggerOptions,
  partition?: { schema: string; name: string },
): TriggerDefinition {
  const variables = { schema, counter_writes: options.counterWrites };
  const hostTable = ON_HOST_TABLE.exec(text)?.[1] === 'promo_codes' ? 'promo_codes' : 'promo_code_uses';
  const table = partition ?? { schema, name: hostTable };
  const onTable = partition ? text.replace(ON_HOST_TABLE, ' ON :"table_schema".:"table"\n') : text;
  return {
    name: nameOf(text),
    tableSchema: table.schema,
    table: table.name,
    hostTable,
    function: /EXECUTE FUNCTION :"schema"\.(\w+)/.exec(text)?.[1] ?? '',
    definition: renderSqlText(text.replaceAll(':"schema".', ''), variables)
      .replace('OR REPLACE ', '')
      .replace(/;$/, '')
      .replace(/\s+/g, ' '),
    statement: renderSqlText(onTable, { ...variables, table_schema: table.schema, table: table.name }),
  };
}

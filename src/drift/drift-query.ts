import driftSql from '../../sql/drift.sql';
import { renderSqlText } from '../postgres/sql-text.js';
import { DRIFT_COLUMNS } from './drift-record.js';

/** SQL conditions over `u` (uses) and `c` (codes) that narrow a drift query, and what follows its WHERE. */
export interface DriftScope {
  uses?: string;
  codes?: string;
  orderAndLimit?: string;
}

/** The query of `sql/drift.sql`, narrowed down; its conditions may use parameters. */
export function driftQuery(schema: string, scope: DriftScope = {}): string {
  const file = driftSql
    .trimEnd()
    .replace(/;$/, '')
    .replace(':uses_filter', () => scope.uses ?? 'TRUE')
    .replace(':codes_filter', () => scope.codes ?? 'TRUE')
    .replace(':order_and_limit', () => scope.orderAndLimit ?? 'ORDER BY 1');
  return renderSqlText(file, { schema });
}

/** The same, with every column as text. */
export function driftQueryAsText(schema: string, scope?: DriftScope): string {
  return `SELECT ${DRIFT_COLUMNS} FROM (\n${driftQuery(schema, scope)}\n) AS drift`;
}

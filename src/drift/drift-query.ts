import driftSql from '../../sql/counting/drift.sql';
import type { Layout } from '../host/layout.js';
import { renderSqlFile } from '../host/render.js';
import { withRules } from '../host/rules.js';
import { DRIFT_COLUMNS } from './drift-record.js';

/** SQL conditions over `u` (uses) and `c` (codes) that narrow a drift query, and what follows its WHERE. */
export interface DriftScope {
  uses?: string;
  codes?: string;
  orderAndLimit?: string;
}

const file = withRules(driftSql).trimEnd().replace(/;$/, '');

/** The query of `sql/counting/drift.sql`, narrowed down; its conditions may use placeholders and parameters. */
export function driftFile(scope: DriftScope = {}): string {
  return file
    .replace(':uses_filter', () => scope.uses ?? 'TRUE')
    .replace(':codes_filter', () => scope.codes ?? 'TRUE')
    .replace(':order_and_limit', () => scope.orderAndLimit ?? 'ORDER BY 1');
}

/** The same for the tables of a host. */
export function driftQuery(layout: Layout, scope?: DriftScope): string {
  return renderSqlFile(driftFile(scope), layout);
}

/** The same, with every column as text. */
export function driftQueryAsText(layout: Layout, scope?: DriftScope): string {
  return `SELECT ${DRIFT_COLUMNS} FROM (\n${driftQuery(layout, scope)}\n) AS drift`;
}

/** The same, and in each row how many codes were looked at; at least one row, which without drift has no id. */
export function countedDriftQueryAsText(layout: Layout, scope: DriftScope): string {
  const looked = renderSqlFile(
    `SELECT count(*)::text AS codes FROM :"codes" AS c WHERE ${scope.codes ?? 'TRUE'}`,
    layout,
  );
  return (
    `SELECT looked.codes, ${DRIFT_COLUMNS} FROM (${looked}) AS looked ` +
    `LEFT JOIN (\n${driftQuery(layout, scope)}\n) AS drift ON TRUE ORDER BY drift.promo_code_id`
  );
}

import * as v from 'valibot';
import giveToOwnerSql from '../../sql/give-to-owner.sql';
import indexesSql from '../../sql/indexes.sql';
import migrationSql from '../../sql/migration.sql';
import postflightSql from '../../sql/postflight.sql';
import preflightSql from '../../sql/preflight.sql';
import reconcileSql from '../../sql/reconcile.sql';
import schemaSql from '../../sql/schema.sql';
import uninstallSql from '../../sql/uninstall.sql';
import { driftQuery } from '../drift/drift-query.js';
import { guardFile, statementsOf } from '../inspect/definition.js';
import {
  type ChosenTriggerOptions,
  type InstallOptions,
  installOptions,
  withTriggerDefaults,
} from '../inspect/options.js';
import { functionFiles, tableFiles, triggerFiles } from '../inspect/sql-files.js';
import { oneOf, parseOptions } from '../options.js';
import { renderSqlText } from '../postgres/sql-text.js';

/** What `renderSql` can write. */
export type SqlScript = 'schema' | 'triggers' | 'uninstall' | 'drift';

const script = oneOf(['schema', 'triggers', 'uninstall', 'drift']);

/**
 * The SQL of this library as text, for hosts that run their own migrations or whose application role may not run DDL.
 * It holds no BEGIN and no COMMIT: run it in one transaction, as the owner of the tables.
 *
 * - `'schema'`: the two tables, where they do not exist, and then the triggers.
 * - `'triggers'`: functions and triggers for these options, then a recount of every code that had drifted. Unlike
 *   `installTriggers`, which recounts after its DDL is committed, it blocks writers until the transaction ends.
 * - `'uninstall'`: removes functions and triggers.
 * - `'drift'`: the query of `checkDrift`.
 *
 * @throws ValidationError for an unknown name, option or value.
 */
export function renderSql(name: SqlScript, options?: InstallOptions): string {
  const what = parseOptions(v.object({ name: script }), { name }, 'renderSql()').name;
  const { schema, ...rest } = parseOptions(installOptions, options, 'renderSql()');
  switch (what) {
    case 'drift':
      return `${driftQuery(schema)};\n`;
    case 'uninstall':
      return `${uninstallStatements(schema).join('\n')}\n`;
    case 'triggers':
      return renderTriggers(schema, rest);
    case 'schema':
      return `${renderSqlText(schemaSql, { schema })}\n${renderTriggers(schema, rest)}`;
  }
}

/** The script `'triggers'`, for arguments that are checked already. */
export function renderTriggers(schema: string, options: ChosenTriggerOptions): string {
  const { granularity, counterWrites, enforceLimits } = withTriggerDefaults(options);
  const { statement, row, truncate, counters, recount, limitsRow, limitsStatement } = triggerFiles;
  const triggers = (...files: (string | false)[]) =>
    files.flatMap((file) => (file ? statementsOf(file) : [])).join('\n\n');
  const parts: Record<string, string> = {
    functions: [...Object.values(tableFiles), ...functionFiles].join('\n'),
    give_to_owner: giveToOwnerSql,
    common_triggers: triggers(truncate, counters, recount, guardFile({ counterWrites })),
    row_triggers: triggers(row, enforceLimits && limitsRow),
    statement_triggers: triggers(statement, enforceLimits && limitsStatement),
    preflight: preflightSql,
    indexes: indexesSql,
    postflight: postflightSql,
    reconcile: reconcileSql,
  };
  const filled = migrationSql
    .replace(/^--.*\n/gm, '')
    .replace(/^:([a-z_]+)\n/gm, (_, part: string) => (parts[part] ? `${parts[part]}\n` : ''));
  return renderSqlText(filled, { schema, granularity, counter_writes: counterWrites });
}

/** The statements of the script `'uninstall'`, one by one. */
export function uninstallStatements(schema: string): string[] {
  return (uninstallSql.match(/^SELECT .*;$|^DO [\s\S]*?^\$body\$;$/gm) ?? []).map((statement) =>
    renderSqlText(statement, { schema }),
  );
}

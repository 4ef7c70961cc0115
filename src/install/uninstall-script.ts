import uninstallSql from '../../sql/installation/uninstall.sql';
import type { Layout } from '../host/layout.js';
import { renderSqlFile } from '../host/render.js';
import { withRules } from '../host/rules.js';

/** The script `'uninstall'`: one statement. */
export function uninstallScript(layout: Layout): string {
  return renderSqlFile(withRules(uninstallSql.replace(/^--.*\n/gm, '')), layout);
}

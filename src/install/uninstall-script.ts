import uninstallSql from '../../sql/installation/uninstall.sql';
import type { Layout } from '../host/layout.js';
import { renderSqlFile } from '../host/render.js';

/** The script `'uninstall'`: one statement. */
export function uninstallScript(layout: Layout): string {
  return renderSqlFile(uninstallSql.replace(/^--.*\n/gm, ''), layout);
}

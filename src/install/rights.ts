import rightsSql from '../../sql/installation/rights.sql';
import { arrayText } from '../host/layout.js';
import { renderSqlFile } from '../host/render.js';
import { withRules } from '../host/rules.js';
import { functionDefinitions, type Wanted } from '../inspect/definition.js';

/** One statement that gives those who redeem their rights on what is installed, and takes those of others back. */
export function rightsScript(wanted: Wanted): string {
  const forRedeemers = functionDefinitions(wanted).filter(({ isForRedeemers }) => isForRedeemers);
  return renderSqlFile(withRules(rightsSql.replace(/^--.*\n/gm, '')), wanted.layout, {
    grant_to: arrayText(wanted.options.grantTo),
    for_redeemers: arrayText(forRedeemers.map(({ name }) => name)),
  });
}

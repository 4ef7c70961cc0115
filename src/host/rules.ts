import added from '../../sql/rules/added.sql';
import codeBucket from '../../sql/rules/code_bucket.sql';
import columnLevels from '../../sql/rules/column_levels.sql';
import counts from '../../sql/rules/counts.sql';
import customer from '../../sql/rules/customer.sql';
import describedColumns from '../../sql/rules/described_columns.sql';
import differs from '../../sql/rules/differs.sql';
import filledByTriggers from '../../sql/rules/filled_by_triggers.sql';
import finiteBonus from '../../sql/rules/finite_bonus.sql';
import firstCode from '../../sql/rules/first_code.sql';
import folded from '../../sql/rules/folded.sql';
import installedPlace from '../../sql/rules/installed_place.sql';
import lastCode from '../../sql/rules/last_code.sql';
import mayBeAdded from '../../sql/rules/may_be_added.sql';
import stamp from '../../sql/rules/stamp.sql';
import usesCounted from '../../sql/rules/uses_counted.sql';
import { expandRules, readRules } from '../postgres/sql-text.js';

/** A rule comes before those that use it. */
const rules = readRules([
  counts,
  customer,
  folded,
  stamp,
  codeBucket,
  finiteBonus,
  firstCode,
  lastCode,
  usesCounted,
  differs,
  added,
  mayBeAdded,
  installedPlace,
  columnLevels,
  filledByTriggers,
  describedColumns,
]);

/** A file of `sql/` with the text of its rules in their places. */
export function withRules(file: string): string {
  return expandRules(file, rules);
}

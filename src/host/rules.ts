import folded from '../../sql/rules/folded.sql';
import { expandRules, readRules } from '../postgres/sql-text.js';

/** A rule comes before those that use it. */
const rules = readRules([folded]);

/** A file of `sql/` with the text of its rules in their places. */
export function withRules(file: string): string {
  return expandRules(file, rules);
}

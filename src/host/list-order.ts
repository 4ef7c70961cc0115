import type { CodeColumn } from './description.js';
import { snakeCase } from './description.js';

/** What codes are listed in the order of, besides their ids. */
export type ListKey = 'createdAt' | 'timesUsed' | 'totalBonusIssued' | 'endDate';

/** What a code has where the column says nothing: no use, no end, and created before all others. */
const NEUTRAL: Record<ListKey, string> = {
  createdAt: '-infinity',
  timesUsed: '0',
  totalBonusIssued: '0',
  endDate: 'infinity',
};

/**
 * The key of an order, in a statement and in the index that serves it: an expression without NULL, so that pages go on by one
 * comparison.
 * @param alias `c.` in a statement
 */
export function listKey(role: ListKey & CodeColumn, alias = ''): string {
  return `coalesce(${alias}:"${snakeCase(role)}", '${NEUTRAL[role]}')`;
}

import { placeholderOf } from './layout.js';

/**
 * What codes are listed in the order of. The id is one of these within a shop, where it grows with time: an index on it alone
 * then has another order, and nobody goes through the codes of all shops by it.
 */
export type ListKey = 'id' | 'createdAt' | 'timesUsed' | 'totalBonusIssued' | 'endDate';

/** What a code has where the column says nothing: no use, no end, and created before all others. */
const NEUTRAL: Record<ListKey, string> = {
  id: '0',
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
export function listKey(role: ListKey, alias = ''): string {
  return `coalesce(${alias}:"${placeholderOf('codes', role)}", '${NEUTRAL[role]}')`;
}

import { ValidationError } from '../errors.js';

/** One page of a list, and where the next one begins. */
export interface Page<Item> {
  /** Up to `limit` of them, in the order of the list. */
  items: Item[];
  /** To be handed in as `cursor`; `null` after the last page. Opaque. */
  nextCursor: string | null;
}

/** The newest first: after an id come smaller ones. */
const MARK = 'id:';

export function readCursor(cursor: string | null | undefined): string | null {
  if (cursor === null || cursor === undefined) return null;
  const text = Buffer.from(cursor, 'base64url').toString('utf8');
  const id = text.slice(MARK.length);
  if (!text.startsWith(MARK) || !/^\d{1,19}$/.test(id)) {
    throw new ValidationError([{ path: 'cursor', message: 'must be the nextCursor of an earlier page' }]);
  }
  return id;
}

/** @param found up to one item more than a page holds, which tells that there is a next page */
export function toPage<Item extends { id: string }>(found: Item[], limit: number): Page<Item> {
  const items = found.slice(0, limit);
  const last = items.at(-1);
  const isMore = found.length > limit && last !== undefined;
  return { items, nextCursor: isMore ? Buffer.from(`${MARK}${last.id}`).toString('base64url') : null };
}

import * as v from 'valibot';
import { ValidationError } from '../errors.js';
import { idType } from '../host/ids.js';
import type { Host, HostTable } from '../redemption/host.js';

/** One page of a list, and where the next one begins. */
export interface Page<Item> {
  /** Up to `limit` of them, in the order of the list. */
  items: Item[];
  /** To be handed in as `cursor`; `null` after the last page. Opaque. */
  nextCursor: string | null;
}

const RULE = 'must be the nextCursor of an earlier page';
/** Of whatever type the ids of the host are; see `requireMark`. */
const ID = '(?<id>[^\\0]{1,1000})';
/**
 * In what order codes are listed: the newest first (their ids grow with time), the most used first, those with the largest
 * bonuses first, or those that end soonest first.
 */
export type CodeOrder = 'newest' | 'timesUsed' | 'totalBonusIssued' | 'endDate';
export const CODE_ORDERS = ['newest', 'timesUsed', 'totalBonusIssued', 'endDate'] as const satisfies CodeOrder[];

/** Of the key of an order: a counter, or seconds since 1970. */
const NUMBER = '-?\\d{1,400}(?:\\.\\d{1,400})?|-?Infinity';
/** Of a list of codes: the order, what they are in the order of besides the id (`-` where there is nothing), and the id. */
const CODE_MARK = new RegExp(`^(?<order>${CODE_ORDERS.join('|')}):(?<at>${NUMBER}|-):${ID}$`, 's');
/** Of a list of uses: ids are taken in blocks by each process, so the time comes first, in seconds since 1970. */
const USE_MARK = new RegExp(`^at:(?<at>-?\\d{1,18}(?:\\.\\d{1,6})?|-?Infinity|none):${ID}$`, 's');

/** Of a list of campaigns. */
const CAMPAIGN_MARK = /^(?<order>campaign):(?<id>\d{1,18})$/;

/** After what a page begins, as it goes into a statement. */
export interface Mark {
  id: string;
  /** Seconds, in a list of uses; none where the use has no time. In a list of codes what they are in the order of. */
  at?: string | undefined;
  /** Of a list of codes. */
  order?: string | undefined;
}

function cursorField(pattern: RegExp) {
  return v.nullish(
    v.pipe(
      v.string(RULE),
      v.maxLength(2_000, RULE),
      v.rawTransform(({ dataset, addIssue, NEVER }): Mark => {
        const text = Buffer.from(dataset.value, 'base64url').toString('utf8');
        const { id, at, order } = pattern.exec(text)?.groups ?? {};
        if (id === undefined) {
          addIssue({ message: RULE });
          return NEVER;
        }
        return { id, at: at === 'none' ? undefined : at, order };
      }),
    ),
  );
}

export const codeCursor = cursorField(CODE_MARK);
export const useCursor = cursorField(USE_MARK);
export const campaignCursor = cursorField(CAMPAIGN_MARK);

/** @throws ValidationError for an id that the host's cannot be: the cursor is of another list. */
export function requireMark(host: Host, table: HostTable, id: string): string {
  const read = idType(host.layout.types[table === 'codes' ? 'codeId' : 'useId']).read(id);
  if (read !== undefined) return read;
  throw badCursor();
}

export function badCursor(message = RULE): ValidationError {
  return new ValidationError([{ path: 'cursor', message }]);
}

/**
 * @param found up to one item more than a page holds, which tells that there is a next page
 * @param markOf what the list is in the order of, and the place of an item in it
 */
export function toPage<Item extends { id: string }>(
  found: Item[],
  limit: number,
  markOf: (item: Item) => string,
): Page<Item> {
  const items = found.slice(0, limit);
  const last = items.at(-1);
  if (found.length <= limit || last === undefined) return { items, nextCursor: null };
  const mark = `${markOf(last)}:${last.id}`;
  return { items, nextCursor: Buffer.from(mark).toString('base64url') };
}

import * as v from 'valibot';

/** One page of a list, and where the next one begins. */
export interface Page<Item> {
  /** Up to `limit` of them, in the order of the list. */
  items: Item[];
  /** To be handed in as `cursor`; `null` after the last page. Opaque. */
  nextCursor: string | null;
}

const RULE = 'must be the nextCursor of an earlier page';
const LARGEST_BIGINT = 2n ** 63n - 1n;
const ID = '(?<id>\\d{1,19})';
/** Of a list of codes: their ids grow with time. */
const CODE_MARK = new RegExp(`^id:${ID}$`);
/** Of a list of uses: ids are taken in blocks by each process, so the time comes first, in seconds since 1970. */
const USE_MARK = new RegExp(`^at:(?<at>-?\\d{1,18}(?:\\.\\d{1,6})?|-?Infinity|none):${ID}$`);

/** After what a page begins, as it goes into a statement. */
export interface Mark {
  id: string;
  /** Seconds, in a list of uses; none where the use has no time. */
  at?: string | undefined;
}

function cursorField(pattern: RegExp) {
  return v.nullish(
    v.pipe(
      v.string(RULE),
      v.maxLength(200, RULE),
      v.rawTransform(({ dataset, addIssue, NEVER }): Mark => {
        const text = Buffer.from(dataset.value, 'base64url').toString('utf8');
        const { id, at } = pattern.exec(text)?.groups ?? {};
        if (id === undefined || BigInt(id) > LARGEST_BIGINT) {
          addIssue({ message: RULE });
          return NEVER;
        }
        return { id, at: at === 'none' ? undefined : at };
      }),
    ),
  );
}

export const codeCursor = cursorField(CODE_MARK);
export const useCursor = cursorField(USE_MARK);

/**
 * @param found up to one item more than a page holds, which tells that there is a next page
 * @param timeOf where the list is in the order of time, the seconds of an item
 */
export function toPage<Item extends { id: string }>(
  found: Item[],
  limit: number,
  timeOf?: (item: Item) => string,
): Page<Item> {
  const items = found.slice(0, limit);
  const last = items.at(-1);
  if (found.length <= limit || last === undefined) return { items, nextCursor: null };
  const mark = timeOf ? `at:${timeOf(last)}:${last.id}` : `id:${last.id}`;
  return { items, nextCursor: Buffer.from(mark).toString('base64url') };
}

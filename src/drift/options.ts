import * as v from 'valibot';
import {
  listOf,
  optionsOf,
  type Progress,
  progressCallback,
  type SchemaOption,
  schemaEntries,
  trueOrFalse,
  wholeNumber,
} from '../options.js';

/** Which codes and campaigns are looked at. Without any: all of them. With `promoCodeIds` no campaigns, unless they are named. */
export interface DriftFilter extends SchemaOption {
  /** Only codes and campaigns of this shop, and uses without a code that name this shop. */
  shopId?: string | number | bigint | undefined;
  /** Only codes with these ids. */
  promoCodeIds?: readonly (string | number | bigint)[] | undefined;
  /** Only campaigns with these ids, and codes only where `promoCodeIds` names some. */
  campaignIds?: readonly (string | number | bigint)[] | undefined;
}

export interface CheckDriftOptions extends DriftFilter {
  /** At most so many records, those with the lowest ids. Default: all. */
  limit?: number | undefined;
}

export interface StreamDriftOptions extends DriftFilter {
  /** How many codes one statement compares; bounds the memory. Default: 1,000. */
  batchSize?: number | undefined;
  /** Called after every batch. */
  onProgress?: ((progress: Progress) => void) | undefined;
}

export interface RepairDriftOptions extends DriftFilter {
  /** Only tell what would be corrected; takes no lock. Default: `false`. */
  dryRun?: boolean | undefined;
  /** Milliseconds to wait for the lock on a code. Default: 5,000. */
  lockTimeoutMs?: number | undefined;
  /** Called after every batch. */
  onProgress?: ((progress: Progress) => void) | undefined;
}

export interface ScrubDriftOptions extends SchemaOption {
  /** Rows to read each second on average, of uses and of codes, at the most. Default: 100,000. Not together with `duration`. */
  rowsPerSecond?: number | undefined;
  /**
   * Milliseconds over which one walk over all codes is spread, about: how many rows there are is estimated by the server. Not
   * together with `rowsPerSecond`.
   */
  duration?: number | undefined;
  /** Ends it behind the codes that are being compared; the next call goes on there. */
  signal?: AbortSignal | undefined;
  /** Called after every piece, with the codes of the walk that are done, those of earlier calls included. */
  onProgress?: ((progress: Progress) => void) | undefined;
}

/** Of whatever type the ids of the host are, which is known later. */
const id = v.pipe(
  v.union([v.string(), v.number(), v.bigint()], 'must be an id, as a string, number or bigint'),
  v.check((value) => typeof value !== 'number' || Number.isSafeInteger(value), 'must be a whole number that is exact'),
  v.transform(String),
);

/** More are what streamDrift() is for. */
const MOST_IDS = 1_000_000;
const ids = listOf(id, MOST_IDS, 'must be an array of ids', 'ids');

const filterEntries = {
  ...schemaEntries,
  shopId: v.optional(
    v.pipe(v.union([v.string(), v.number(), v.bigint()], 'must be a string, number or bigint'), v.transform(String)),
  ),
  promoCodeIds: v.optional(ids),
  campaignIds: v.optional(ids),
};

export const checkDriftOptions = v.optional(
  optionsOf({ ...filterEntries, limit: v.optional(wholeNumber(1, 1_000_000)) }),
  {},
);
export const streamDriftOptions = v.optional(
  optionsOf({ ...filterEntries, batchSize: v.optional(wholeNumber(1, 100_000), 1_000), onProgress: progressCallback }),
  {},
);
export const repairDriftOptions = v.optional(
  optionsOf({
    ...filterEntries,
    dryRun: v.optional(trueOrFalse, false),
    lockTimeoutMs: v.optional(wholeNumber(1, 600_000), 5_000),
    onProgress: progressCallback,
  }),
  {},
);

const MOST_ROWS_PER_SECOND = 1_000_000_000;
const LONGEST_WALK_MS = 366 * 86_400_000;

export const scrubDriftOptions = v.optional(
  v.pipe(
    optionsOf({
      ...schemaEntries,
      rowsPerSecond: v.optional(wholeNumber(1, MOST_ROWS_PER_SECOND)),
      duration: v.optional(wholeNumber(1, LONGEST_WALK_MS)),
      signal: v.optional(v.instance(AbortSignal, 'must be an AbortSignal')),
      onProgress: progressCallback,
    }),
    v.forward(
      v.partialCheck(
        [['rowsPerSecond'], ['duration']],
        ({ rowsPerSecond, duration }) => rowsPerSecond === undefined || duration === undefined,
        'must not be given together with rowsPerSecond: each of the two says how fast it goes',
      ),
      ['duration'],
    ),
  ),
  {},
);

export type ParsedFilter = SchemaOption & {
  shopId?: string | undefined;
  promoCodeIds?: string[] | undefined;
  campaignIds?: string[] | undefined;
};

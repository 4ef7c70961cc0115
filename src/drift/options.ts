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

export type ParsedFilter = SchemaOption & {
  shopId?: string | undefined;
  promoCodeIds?: string[] | undefined;
  campaignIds?: string[] | undefined;
};

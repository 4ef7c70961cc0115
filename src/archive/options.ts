import * as v from 'valibot';
import {
  identifier,
  optionsOf,
  type Progress,
  progressCallback,
  type SchemaOption,
  schemaEntries,
  trueOrFalse,
  wholeNumber,
} from '../options.js';
import { dateField } from '../repository/date-fields.js';

/** A table by its name, in the schema of the uses, or with a schema of its own. */
export type TableRef = string | { schema?: string | undefined; table: string };

interface CarryOptions extends SchemaOption {
  /**
   * Whether it is kept how often each customer has used a code, so that limits per customer, of codes and of campaigns, go on
   * holding. `false`: only the totals are kept, which takes next to no room; a customer whose uses are archived can then use a code
   * again up to its limit. Default: `true`.
   */
  keepCustomers?: boolean | undefined;
  /** Milliseconds to wait for a lock. Default: 5,000. */
  lockTimeoutMs?: number | undefined;
}

export interface ArchiveOptions extends CarryOptions {
  /** Uses that were recorded before this moment are archived. A `Date`, or an ISO 8601 string with an offset. */
  before: Date | string;
  /** How many uses one transaction archives at the most. Default: 1,000. */
  batchSize?: number | undefined;
  /**
   * A table that takes what is removed, in the same transaction. It has to have the columns of the uses, by name; it may have
   * others. Without it the rows are gone.
   */
  into?: TableRef | undefined;
  /** Ends it between two batches; what was archived so far stays archived. */
  signal?: AbortSignal | undefined;
  /** Called after every batch. */
  onProgress?: ((progress: Progress) => void) | undefined;
}

export interface ArchivePartitionOptions extends CarryOptions {
  /** A partition of the uses. */
  partition: TableRef;
  /** What is done with it: `'detach'` leaves it as a table of its own, `'drop'` removes it with its rows. */
  action: 'detach' | 'drop';
}

const RULE =
  "must be the name of a table, or { schema, table }; a name with its schema is { schema: 'old', table: 'uses' }";

const tableRef = v.pipe(
  v.union([identifier, optionsOf({ schema: v.optional(identifier), table: identifier })], RULE),
  v.transform((given) => (typeof given === 'string' ? { table: given } : given)),
);

const carryEntries = {
  ...schemaEntries,
  keepCustomers: v.optional(trueOrFalse, true),
  lockTimeoutMs: v.optional(wholeNumber(1, 600_000), 5_000),
};

export const archiveOptions = optionsOf({
  ...carryEntries,
  before: dateField,
  batchSize: v.optional(wholeNumber(1, 100_000), 1_000),
  into: v.optional(tableRef),
  signal: v.optional(v.instance(AbortSignal, 'must be an AbortSignal')),
  onProgress: progressCallback,
});

export const archivePartitionOptions = optionsOf({
  ...carryEntries,
  partition: tableRef,
  action: v.picklist(['detach', 'drop'], "must be 'detach' or 'drop'"),
});

export type ParsedTable = v.InferOutput<typeof tableRef>;

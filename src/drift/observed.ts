import { driftChannel } from '../diagnostics/channels.js';
import type { DriftEvent } from '../diagnostics/events.js';
import type { Trace } from '../diagnostics/operation.js';
import type { Layout } from '../host/layout.js';
import type { ParsedFilter } from './options.js';

export type DriftTrace = Trace<DriftEvent>;

/** Runs a comparison and reports it to the subscribers of `pg-promo-codes:drift`, where there are any. */
export function observeDrift<Result>(
  method: DriftEvent['method'],
  work: (trace?: DriftTrace) => Promise<Result>,
  shard?: string,
): Promise<Result> {
  return driftChannel.run(() => ({ ...newEvent(method), shard }), work);
}

/** The same for records that come one by one. What is bound to the start does not reach the statements of a loop. */
export async function* observeLoop<Record>(
  method: DriftEvent['method'],
  records: (trace: DriftTrace) => AsyncGenerator<Record, void, void>,
): AsyncGenerator<Record, void, void> {
  const trace = driftChannel.begin(newEvent(method));
  let isWhole = false;
  trace.start(() => undefined);
  try {
    for await (const record of records(trace)) {
      trace.note(({ drifted }) => ({ drifted: drifted + 1 }));
      yield record;
    }
    isWhole = true;
  } catch (error) {
    trace.fail(error);
    throw error;
  } finally {
    if (!isWhole) trace.note(() => ({ isPartial: true }));
    trace.end();
  }
}

/** What is known when the arguments have been checked and the tables were found. */
export function noteScope(
  trace: DriftTrace,
  { schema }: Layout,
  { shopId, promoCodeIds, campaignIds }: ParsedFilter,
  limit?: number,
): void {
  const isPartial = [shopId, promoCodeIds, campaignIds, limit].some((value) => value !== undefined);
  trace.note(() => ({ schema, isPartial }));
}

function newEvent(method: DriftEvent['method']): DriftEvent {
  return { method, schema: undefined, isPartial: false, codes: 0, drifted: 0, repaired: 0, durationMs: 0 };
}

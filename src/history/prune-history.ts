import type { Call } from '../redemption/calls.js';

/** What `pruneHistory` did. */
export interface HistoryPruneReport {
  /** The months that were dropped, such as `2025-03`, the oldest first. */
  dropped: string[];
}

/** Drops the months that end before a moment, and prepares those to come. */
export async function pruneHistory(call: Call, before: Date): Promise<HistoryPruneReport> {
  const statement = `SELECT pg_catalog.array_to_json(:"library".drop_promo_code_history($1::timestamptz))::text AS dropped`;
  const { rows } = await call.write((db) => db.query(call.sql(statement), [before.toISOString()]));
  return { dropped: JSON.parse(String(rows[0]!.dropped)) };
}

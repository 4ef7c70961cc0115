import type { Queryable } from './database.js';

/** A transaction of the library, as it can be asked for after its connection broke. */
export interface OwnTransaction {
  /** Its number; none where the server only reads. */
  xid: string | null;
  /** When the server was started: another server, or the same one after a restart, knows nothing of the number. */
  serverStart: string;
  /** Seconds since 1970 on the server's clock. */
  began: string;
}

/**
 * Selected by the statement that begins a transaction. The number is given out with it, so that nothing has to be asked before
 * the COMMIT.
 */
export const OWN_TRANSACTION = `CASE WHEN pg_is_in_recovery() THEN NULL ELSE pg_current_xact_id()::text END AS xid,
  extract(epoch FROM pg_postmaster_start_time())::text AS start, extract(epoch FROM clock_timestamp())::text AS began`;

export function toOwnTransaction(row: Record<string, unknown>): OwnTransaction {
  return {
    xid: row.xid === null ? null : String(row.xid),
    serverStart: String(row.start),
    began: String(row.began),
  };
}

/** What became of a transaction; `unknown` where the server cannot know. */
export type Fate = 'committed' | 'aborted' | 'in progress' | 'unknown';

/**
 * Asks what became of a transaction whose COMMIT got no answer. After a crash a server may give its number to another
 * transaction, so the answer counts only where there was none since: a crash, unlike everything else that goes on by itself,
 * resets the statistics of the write-ahead log.
 *
 * Source: PostgreSQL, "Transaction ID and Snapshot Information Functions" (`pg_xact_status`).
 */
export async function fateOf(connection: Queryable, { xid, serverStart, began }: OwnTransaction): Promise<Fate> {
  if (xid === null) return 'unknown';
  const { rows } = await connection.query(
    `SELECT CASE WHEN extract(epoch FROM pg_postmaster_start_time())::text = $2
                  AND extract(epoch FROM w.stats_reset) < $3::numeric
                 THEN pg_xact_status($1::text::xid8) END AS fate
       FROM pg_stat_wal AS w`,
    [xid, serverStart, began],
  );
  const fate: unknown = rows[0]?.fate;
  return fate === 'committed' || fate === 'aborted' || fate === 'in progress' ? fate : 'unknown';
}

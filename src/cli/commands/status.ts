import { version } from '../../../package.json';
import housekeepingSql from '../../../sql/cli/housekeeping.sql';
import { SQL_REVISION } from '../../host/installation.js';
import type { InstallationState } from '../../inspect/inspect-triggers.js';
import type { Host } from '../../redemption/host.js';
import { EXIT } from '../command-error.js';
import { readHostTables, runFile } from '../host-tables.js';
import type { Session } from '../session.js';
import { statusText } from '../status-text.js';
import { print } from '../terminal.js';

/** What `status` shows: the answer of `inspectTriggers`, and what an operator wants to know beside it. */
export interface Status extends InstallationState {
  /** The schema of the host's tables. */
  schema: string;
  versions: {
    /** Of this package. */
    library: string;
    /** The revision of the SQL that this package brings; the installed one is `revision`. */
    sqlRevision: number;
    server: string;
  };
  timeZone: string;
  customerMatching: 'folded' | 'exact';
  /** Holds whose time has run out; `null` where it cannot be read. More than 100,000 are not counted. */
  dueHolds: number | null;
  /** Idempotency keys older than 90 days, in the same way. */
  oldKeys: number | null;
  /** Since when everything has been compared by `scrub`; `null` where not everything has been, or it cannot be read. */
  oldestCheck: Date | null;
}

export async function status(session: Session): Promise<number> {
  const { pool, target } = await session.connection();
  const { inspectTriggers, oldestDriftCheck } = await import('../../index.js');
  const state = await inspectTriggers(pool, session.installation);
  const host = await readHostTables(session, pool);
  const { rows } = await pool.query("SELECT pg_catalog.current_setting('server_version') AS server");
  const { layout } = host;
  const shown: Status = {
    ...state,
    schema: layout.schema,
    versions: { library: version, sqlRevision: SQL_REVISION, server: String(rows[0]?.server).split(' ')[0]! },
    timeZone: layout.timeZone,
    customerMatching: layout.customerMatching,
    ...(await housekeeping(session, host)),
    oldestCheck: await oldestDriftCheck(pool, session.installation).catch(() => null),
  };
  print(session.terminal, session.flags.json ? JSON.stringify(shown) : statusText(shown, target, session.terminal));
  return state.ok && !state.reconcilePending ? EXIT.ok : EXIT.notInOrder;
}

/** What can be cleaned up, where the tables of the library are there and this role may read them. */
async function housekeeping(session: Session, host: Host): Promise<Pick<Status, 'dueHolds' | 'oldKeys'>> {
  const pool = await session.pool();
  const [row] = await runFile(pool, host, housekeepingSql, []).catch(() => []);
  const numberOf = (text: string | null | undefined) => (text == null ? null : Number(text));
  return { dueHolds: numberOf(row?.due_holds), oldKeys: numberOf(row?.old_keys) };
}

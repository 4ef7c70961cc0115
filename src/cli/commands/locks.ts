import lockSessionsSql from '../../../sql/cli/lock-sessions.sql';
import sessionColumnsSql from '../../../sql/cli/session-columns.sql';
import tableLockSessionsSql from '../../../sql/cli/table-lock-sessions.sql';
import { isPromoCodesError, LockTimeoutError } from '../../errors.js';
import { withoutPasswords } from '../../passwords.js';
import type { Queryable } from '../../postgres/database.js';
import type { Host } from '../../redemption/host.js';
import type { PromoCode } from '../../repository/promo-code.js';
import { EXIT } from '../command-error.js';
import { findOneCode, readHostTables, runFile } from '../host-tables.js';
import type { Session } from '../session.js';
import { counted, list, table, visible } from '../table.js';
import { print } from '../terminal.js';

/** A session that holds the row of a code or of its campaign, or waits for it. */
interface LockSession {
  /** The campaign whose row it is; `null`: it is that of the code. */
  campaignId: string | null;
  /** Whether it holds the row; otherwise it waits. */
  holds: boolean;
  /** The process of the server; `null` for a transaction that was prepared. */
  pid: number | null;
  /** The name of a transaction that was prepared. */
  prepared: string | null;
  user: string;
  application: string;
  client: string;
  /** As in `pg_stat_activity`. */
  state: string;
  /** When its transaction began; `null` where this role may not see it. */
  since: Date | null;
  /** How many seconds ago that was, by the clock of the server. */
  seconds: number | null;
  statementSince: Date | null;
  /** What it runs, or ran last. */
  statement: string;
}

/** A reader waits for nobody but for DDL, which is then the answer. */
const LOCK_TIMEOUT_MS = 2_000;
const SESSION_COLUMNS = { session_columns: sessionColumnsSql.replace(/^--.*\n/gm, '').trim() };
const LONGEST_STATEMENT = 300;

export async function locks(session: Session, name: string, { shop }: { shop?: string }): Promise<number> {
  const pool = await session.pool();
  const client = await pool.connect();
  try {
    await client.query("SELECT pg_catalog.set_config('lock_timeout', $1, false)", [`${LOCK_TIMEOUT_MS}ms`]);
    const host = await readHostTables(session, client);
    const rows = await findRows(client, host, name, shop);
    const sessions = rows.flatMap((row) => row.sessions);
    const text = rows.map((row) => report(row)).join('\n\n');
    print(session.terminal, session.flags.json ? JSON.stringify(sessions) : text);
    return EXIT.ok;
  } finally {
    // With its setting it is of no use to anybody else.
    client.release(true);
  }
}

/** A row that is locked, or a table, and by whom. */
interface Locked {
  title: string;
  sessions: LockSession[];
}

/** Where the row of a code is, and that of a campaign. */
const ROW_OF_CODE = { locked_table: ':"codes"', locked_id: 'c.:"code_id"', locked_type: ':code_id_type' };
const ROW_OF_CAMPAIGN = { locked_table: ':"library".promo_code_campaigns', locked_id: 'c.id', locked_type: 'bigint' };

/** The row of the code, and that of its campaign where somebody holds it: a redemption needs both. */
async function findRows(db: Queryable, host: Host, name: string, shop: string | undefined): Promise<Locked[]> {
  let code: PromoCode;
  try {
    code = await findOneCode(db, host, name, shop);
  } catch (error) {
    if (!(error instanceof LockTimeoutError)) throw error;
    const rows = await runFile(db, host, tableLockSessionsSql, [], SESSION_COLUMNS);
    return [{ title: `The table ${visible(host.layout.codes.name)}`, sessions: rows.map((row) => toSession(row)) }];
  }
  const ofShop = code.shopId === '' ? '' : `, shop ${visible(code.shopId)}`;
  const title = `The row of ${visible(code.code)} (id ${code.id}${ofShop})`;
  const found = [{ title, sessions: await findSessions(db, host, ROW_OF_CODE, code.id) }];
  const { campaignId } = code;
  if (campaignId === null) return found;
  const sessions = await findSessions(db, host, ROW_OF_CAMPAIGN, campaignId);
  if (sessions.length === 0) return found;
  return [
    ...found,
    { title: `The row of its campaign ${campaignId}`, sessions: sessions.map((one) => ({ ...one, campaignId })) },
  ];
}

async function findSessions(db: Queryable, host: Host, row: typeof ROW_OF_CODE, id: string): Promise<LockSession[]> {
  const ask = (isMultixact: boolean) =>
    runFile(db, host, lockSessionsSql, [id, isMultixact], { ...row, ...SESSION_COLUMNS });
  let rows = await ask(false);
  // Several transactions that lock a row at the same time are a multixact, and only that shows whether there is one.
  if (rows.length === 0) {
    rows = await ask(true).catch((error: unknown) => {
      if (isPromoCodesError(error) && error.sqlState !== undefined) return [];
      throw error;
    });
  }
  return rows.map((found) => toSession(found));
}

function toSession(row: Record<string, string | null>): LockSession {
  const date = (seconds: string | null | undefined) => (seconds == null ? null : new Date(Number(seconds) * 1_000));
  return {
    campaignId: null,
    holds: row.holds === 'true',
    pid: row.pid == null ? null : Number(row.pid),
    prepared: row.prepared ?? null,
    user: row.user ?? '',
    application: row.application ?? '',
    client: row.client ?? '',
    state: row.state ?? '',
    since: date(row.since),
    seconds: row.seconds == null ? null : Math.max(0, Math.floor(Number(row.seconds))),
    statementSince: date(row.statement_since),
    statement: withoutPasswords(row.statement ?? ''),
  };
}

function report({ title, sessions }: Locked): string {
  const holders = sessions.filter(({ holds }) => holds);
  const waiting = sessions.filter(({ holds }) => !holds);
  if (holders.length === 0) return `${title} is held by nobody.`;
  const parts = holders.map((holder) => `${title} is held by ${describeHolder(holder)}`);
  if (waiting.length > 0) {
    const columns = ['process', 'application', 'user', 'transaction', 'statement'].map((name) => ({ title: name }));
    const rows = waiting.map((one) => [
      String(one.pid),
      one.application,
      one.user,
      one.seconds === null ? '' : duration(one.seconds),
      one.statement,
    ]);
    parts.push(`${counted(waiting.length, 'session waits', 'sessions wait')} for it:\n${table(columns, rows)}`);
  }
  return parts.join('\n\n');
}

function describeHolder({ pid, prepared, user, application, client, state, since, seconds, statement }: LockSession) {
  const age = since === null ? '' : `${since.toISOString()} (${duration(seconds ?? 0)})`;
  if (pid === null) {
    const name = `'${(prepared ?? '').replaceAll("'", "''")}'`;
    return `the prepared transaction ${visible(name, 200)}, since ${age}\nTo do: COMMIT PREPARED ${name}; or ROLLBACK PREPARED ${name};`;
  }
  const hidden = state === '' || statement === '<insufficient privilege>';
  return [
    `process ${pid}:`,
    list([
      ['  application', visible(application) || '(none)'],
      ['  user', `${visible(user)}${client ? `, from ${client}` : ''}`],
      ['  transaction', age ? `since ${age}` : '(not to be seen)'],
      ['  state', state || '(not to be seen)'],
      ['  statement', visible(statement, LONGEST_STATEMENT)],
    ]),
    hidden
      ? 'To see more, connect as a member of pg_read_all_stats, or as the user of that session.'
      : `To do: let it commit or roll back; this ends it, and rolls its transaction back:\n  SELECT pg_terminate_backend(${pid});`,
  ].join('\n');
}

/** `3 s`, `12 min`, `5 h`. */
function duration(seconds: number): string {
  if (seconds < 120) return `${Math.floor(seconds)} s`;
  return seconds < 7_200 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3_600)} h`;
}

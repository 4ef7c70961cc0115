import campaignLockHolderSql from '../../sql/redemption/campaign-lock-holder.sql';
import lockHolderSql from '../../sql/redemption/lock-holder.sql';
import missingGrantsSql from '../../sql/redemption/missing-grants.sql';
import { InsufficientPrivilegeError, type LockHolder, LockTimeoutError } from '../errors.js';
import { withRules } from '../host/rules.js';
import { type Database, isPool } from '../postgres/database.js';
import { takeConnection } from '../postgres/lease.js';
import { now } from '../postgres/timers.js';
import type { Host } from './host.js';

const lockHolder = withRules(lockHolderSql);
const campaignLockHolder = withRules(campaignLockHolderSql);

/** Whose lock was waited for. */
export type Locked = { id: string } | { code: string; shopId: string };

/** No error waits longer than this for its explanation, and none is asked for more often. */
const PATIENCE_MS = 300;
const REMEMBERED_MS = 1_000;

/**
 * Finds out, on another connection of the pool, what the server does not say with an error: who holds a lock, and which
 * rights are missing. What cannot be found out in time stays unsaid.
 */
export class Explainer {
  readonly #recent = new Map<string, { at: number; rows: Promise<Row | undefined> }>();

  constructor(
    private readonly db: Database,
    /** What is known of the host's tables; nothing is explained before. */
    private readonly host: () => Host | undefined,
  ) {}

  /** The same error, with the SQL that the owner has to run. */
  async privileges(error: InsufficientPrivilegeError): Promise<InsufficientPrivilegeError> {
    if (error.sql !== undefined) return error;
    const row = await this.#ask('grants', missingGrantsSql, []);
    if (!row?.statements) return error;
    return new InsufficientPrivilegeError(
      `${error.message} The role ${row.role} lacks rights that this takes; the owner of the tables can run the SQL in this ` +
        'error\'s "sql".',
      { sqlState: error.sqlState, cause: error.cause, sql: row.statements },
    );
  }

  /** The same error, with the code and the holder of its lock. */
  async lock(error: LockTimeoutError, locked: Locked): Promise<LockTimeoutError> {
    if (error.promoCodeId !== undefined) return error;
    const named = 'id' in locked ? [locked.id, null, null] : [null, locked.code, locked.shopId];
    const key = JSON.stringify(named);
    let row = await this.#ask(`lock ${key}`, lockHolder, [...named, false]);
    // Several transactions that lock a row at the same time are a multixact.
    if (row && !row.pid) row = (await this.#ask(`locks ${key}`, lockHolder, [...named, true])) ?? row;
    if (!row?.id) return error;
    // Where nobody holds the code, it may have been its campaign.
    const campaign = row.pid ? undefined : await this.#ask(`campaign of ${row.id}`, campaignLockHolder, [row.id]);
    const holder = holderOf(campaign?.pid ? campaign : row);
    const of = campaign?.pid ? `the campaign ${campaign.id} of ` : '';
    const by = holder
      ? ` It is held by process ${holder.pid} of the server (application ${JSON.stringify(holder.applicationName)}), in a ` +
        `transaction since ${holder.since.toISOString()}.`
      : '';
    return new LockTimeoutError(
      `The lock of ${of}the promo code ${row.code} (id ${row.id}${row.shop ? `, shop ${row.shop}` : ''}) was not granted in time. Nothing was ` +
        `written; try again when the transaction that holds it has ended.${by}`,
      { sqlState: error.sqlState, cause: error.cause, promoCodeId: row.id, holder },
    );
  }

  async #ask(key: string, sql: string, values: unknown[]): Promise<Row | undefined> {
    const { db } = this;
    const host = this.host();
    if (!isPool(db) || !host) return undefined;
    const time = now();
    for (const [name, { at }] of this.#recent) if (time - at > REMEMBERED_MS) this.#recent.delete(name);
    const known = this.#recent.get(key);
    if (known) return known.rows;
    const asking = async (): Promise<Row | undefined> => {
      const connection = await takeConnection(db, PATIENCE_MS);
      connection.isReading = true;
      try {
        const { rows } = await connection.within(PATIENCE_MS, connection.query(host.sql(sql), values));
        connection.release();
        return rows[0];
      } catch {
        connection.destroy();
        return undefined;
      }
    };
    const rows = asking().catch(() => undefined);
    this.#recent.set(key, { at: time, rows });
    return rows;
  }
}

type Row = Partial<Record<string, string | null>>;

function holderOf({ pid, application, since }: Row): LockHolder | undefined {
  if (!pid || !since) return undefined;
  return { pid: Number(pid), applicationName: application ?? '', since: new Date(Number(since) * 1_000) };
}

import carriedSql from '../../sql/archive/carried.sql';
import deleteSql from '../../sql/archive/delete.sql';
import findSql from '../../sql/archive/find.sql';
import lockSql from '../../sql/archive/lock.sql';
import tablesSql from '../../sql/archive/tables.sql';
import { PromoCodesError } from '../errors.js';
import { parseArguments } from '../options.js';
import type { Database } from '../postgres/database.js';
import { pauseBeforeRetry } from '../postgres/retry.js';
import { translateError } from '../postgres/server-errors.js';
import { SqlState, sqlStateOf } from '../postgres/sqlstate.js';
import { inTransaction, type Transaction, withConnection } from '../postgres/transaction.js';
import { type ArchiveHost, adoptCollation, readArchiveHost, requireTimes, whileArchiving } from './archive-host.js';
import { type Into, readInto } from './into.js';
import { type ArchiveOptions, archiveOptions } from './options.js';

/** What was archived. */
export interface ArchiveReport {
  /** How many rows were removed from the table of uses, those that were taken back before included. */
  archived: number;
}

/**
 * Removes old uses and keeps what they count: *counter = carried forward + rows*. Counters, limits of codes, customers and campaigns,
 * budgets, drift and repair are as before; `usesByCode`, `usesByCustomer` and the days of statistics do not show what is archived.
 *
 * It works in batches, each a transaction of its own that locks the codes of its uses in the order of their ids: redemptions go on
 * beside it. It reads the table page by page and needs no index. It may be ended at any moment, by `signal` or by a crash, and be
 * called again: what was committed is archived, and no use counts twice. A use that somebody changes while it runs may be left for the
 * next run. Holds that are still open, and uses whose code does not exist, are left.
 *
 * To archive is not to take back: with a history, nothing is recorded. A repeated call with the idempotency key of a use that was
 * archived is answered with that use, as long as the key is kept; `rollbackUse` and `amendUse` do not find it any more.
 *
 * For the owner of the library. With a client that is inside a transaction everything is part of it, and its codes stay locked until its
 * end.
 *
 * @example
 * const { archived } = await archiveUses(pool, { before: new Date(Date.now() - 2 * 365 * 86_400_000), into: 'old_uses' });
 * @throws ValidationError for an unknown option or value, and for a table `into` that lacks columns; nothing was archived.
 * @throws NotInstalledError where the triggers are missing or not in order; the batch was undone.
 * @throws InsufficientPrivilegeError for another role than the owner; nothing was archived.
 * @throws LockTimeoutError when a code stayed locked for longer than `lockTimeoutMs`; batches before it are committed.
 */
export async function archiveUses(db: Database, options: ArchiveOptions): Promise<ArchiveReport> {
  const parsed = parseArguments(db, archiveOptions, options, 'archiveUses()');
  const host = await readArchiveHost(db, parsed);
  requireTimes(host);
  try {
    const { tables, into } = await withConnection(db, async (connection) => ({
      into: parsed.into && (await readInto(connection, host, parsed.into)),
      tables: (await connection.query(host.sql(tablesSql))).rows,
    }));
    // Every role that may not archive is told so, also where nothing is to be archived.
    await inTransaction(db, (tx) => whileArchiving(tx, host, parsed, () => adoptCollation(tx, host)));
    const run = new Run(db, host, parsed, into);
    return await run.archive(
      tables.map(({ schema, name, pages }) => ({ schema: String(schema), name: String(name), pages: Number(pages) })),
    );
  } catch (error) {
    throw translateError(error);
  }
}

/** A table in which uses stand. */
interface Part {
  schema: string;
  name: string;
  pages: number;
}

/** What one transaction has done. */
interface Batch {
  archived: number;
  /** How many uses were found; where others have changed some of them meanwhile, fewer are archived. */
  found: number;
  /** Where the last one stood. */
  last: string | null;
}

/** A batch reads so many pages for each 1,000 uses that it may archive: as a rule these are the uses of a page. */
const PAGES_PER_THOUSAND = 20;
/** Where nothing is to be archived, a step reads twice as many pages as the one before, up to 64 MiB. */
const MOST_PAGES = 8_192;
const ATTEMPTS = 5;

class Run {
  private readonly before: string;

  constructor(
    private readonly db: Database,
    private readonly host: ArchiveHost,
    private readonly options: Omit<ArchiveOptions, 'before' | 'into'> & {
      before: Date;
      batchSize: number;
      keepCustomers: boolean;
      lockTimeoutMs: number;
    },
    private readonly into: Into | undefined,
  ) {
    this.before = options.before.toISOString();
  }

  async archive(parts: Part[]): Promise<ArchiveReport> {
    const { batchSize, signal, onProgress } = this.options;
    const total = parts.reduce((sum, { pages }) => sum + pages, 0);
    const fewest = Math.max(1, Math.ceil((batchSize * PAGES_PER_THOUSAND) / 1_000));
    let archived = 0;
    let done = 0;
    for (const part of parts) {
      let step = fewest;
      for (let place = '(0,0)'; pageOf(place) < part.pages; ) {
        if (signal?.aborted) return { archived };
        const end = Math.min(pageOf(place) + step, part.pages);
        const batch = await this.batch(part, place, `(${end},0)`);
        archived += batch.archived;
        place = batch.found === batchSize && batch.last !== null ? batch.last : `(${end},0)`;
        step = batch.found > 0 ? fewest : Math.min(step * 2, MOST_PAGES);
        onProgress?.({ phase: 'archive', done: done + pageOf(place), total });
      }
      done += part.pages;
    }
    return { archived };
  }

  /** Somebody who takes codes and uses in another order than the library may deadlock with a batch, which costs no more than a retry. */
  private async batch(part: Part, from: string, to: string): Promise<Batch> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await inTransaction(this.db, (tx) =>
          whileArchiving(tx, this.host, this.options, () => this.archiveBetween(tx, part, from, to)),
        );
      } catch (error) {
        if (sqlStateOf(error) !== SqlState.deadlockDetected || attempt === ATTEMPTS) throw error;
        await pauseBeforeRetry(attempt, error);
      }
    }
  }

  private async archiveBetween(tx: Transaction, part: Part, from: string, to: string): Promise<Batch> {
    const { host, before } = this;
    const names = { part_schema: part.schema, part: part.name };
    const { rows } = await tx.query(host.sql(findSql, names), [from, to, before, this.options.batchSize]);
    const found = Number(rows[0]?.uses);
    if (found === 0) return { archived: 0, found, last: null };
    const { places, codes, last } = rows[0]!;
    const locked = await tx.query(host.sql(lockSql), [codes]);
    const present: unknown = locked.rows[0]?.codes;
    const carriedBefore = await this.carried(tx, present);
    const statement = deleteSql.replace(':further_parts', () => this.into?.part ?? '');
    const gone = await tx.query(host.sql(statement, { ...names, ...this.into?.names }), [
      places,
      present,
      before,
      host.slack,
    ]);
    const { archived, counted } = gone.rows[0]!;
    // A trigger that is disabled carries nothing; then nothing may be deleted.
    if ((await this.carried(tx, present)) - carriedBefore < BigInt(String(counted))) throw notCarried(host);
    return { archived: Number(archived), found, last: String(last) };
  }

  private async carried(tx: Transaction, codes: unknown): Promise<bigint> {
    const { rows } = await tx.query(this.host.sql(carriedSql), [codes]);
    return BigInt(String(rows[0]?.uses));
  }
}

/** The page of a place such as `(17,3)`. */
function pageOf(place: string): number {
  return Number(/^\((\d+),/.exec(place)?.[1]);
}

function notCarried({ layout }: ArchiveHost): PromoCodesError {
  return new PromoCodesError(
    'NOT_INSTALLED',
    `What the archived uses count was not carried forward: the trigger that counts deleted uses of ${layout.schema}.` +
      `${layout.uses.name} is missing, disabled or outdated. This batch was undone. installTriggers() puts it right.`,
  );
}

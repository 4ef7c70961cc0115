import { isPromoCodesError, ValidationError } from '../errors.js';
import { alarmIn, endAlarm, now } from '../postgres/timers.js';
import type { Call } from '../redemption/calls.js';
import { HISTORY_ANSWER, type HistoryRecord, type HistoryRow, toHistoryRecord } from './history-record.js';

/** What a follower is asked with. */
export interface Following {
  /** The id of the record behind which it begins. */
  after: string;
  /** How long the server may be out of reach. */
  patienceMs: number;
  /** Each of them ends it. */
  signals: readonly AbortSignal[];
}

/** Runs a step of a follower as a call of its repository. */
export type Step = <Result>(work: (call: Call) => Promise<Result>) => Promise<Result>;

/** Records that are read at once. */
const PAGE = 500;
/** Between looks: the first when there was nothing, twice as long each time, up to the last. */
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 1_000;
/** So many ids before a beginning are looked at for transactions that were still open: one statement may write many. */
const LOOK_BACK = 100_000n;
/** So many of them, the last ones, are waited for where they are missing. */
const MOST_HOLES = 1_000;
/** What a server answers that is restarted, busy or out of reach, or nothing. */
const PASSING: ReadonlySet<string> = new Set([
  ...['CONNECTION_FAILED', 'CONNECTION_LOST', 'POOL_EXHAUSTED', 'TIMEOUT', 'RETRIES_EXHAUSTED', 'LOCK_TIMEOUT'],
]);

/**
 * Records in the order of their ids, each when it is certain that no earlier one is still to come.
 *
 * An id is taken from a sequence, under the lock of the code, by a transaction that has its own number already. So whatever
 * happened before a record was written has a lower id, and an id that is missing is that of a transaction which is open or was
 * undone. Which of both is known once all transactions have ended that had a number when the id was missed.
 */
export async function* followRecords(
  step: Step,
  { after, patienceMs, signals }: Following,
): AsyncGenerator<HistoryRecord, void, void> {
  const ended = anyOf(signals);
  try {
    const begun = await persistently(() => step((call) => begin(call, after)), patienceMs, ended);
    if (!begun) return;
    let holes: Holes = begun;
    let position = BigInt(after);
    /** Ids up to this one are settled once all transactions below the bound have ended. */
    let mark: Mark | undefined;
    let pauseMs = FIRST_PAUSE_MS;
    for (;;) {
      const { ids } = holes;
      const page = await persistently(() => step((call) => readPage(call, position, ids)), patienceMs, ended);
      if (!page) return;
      const { records, horizon } = page;
      const settled = mark && horizon >= mark.bound ? mark.id : position;
      let hasMoved = false;
      for (const record of records) {
        const id = BigInt(record.id);
        if (id > settled && id !== position + 1n) break;
        if (id > position) position = id;
        else ids.delete(record.id);
        hasMoved = true;
        yield record;
        if (ended.aborted) return;
      }
      if (horizon >= holes.bound) holes = { ids: new Set(), bound: horizon };
      const last = BigInt(records.at(-1)?.id ?? 0);
      if (last > position && (!mark || mark.id <= position || horizon >= mark.bound)) {
        // Asked after the page was read: every transaction that has an id up to its last had a number by then.
        const bound = await persistently(() => step(readBound), patienceMs, ended);
        if (bound === undefined) return;
        mark = { id: last, bound };
      }
      pauseMs = hasMoved ? FIRST_PAUSE_MS : Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
      if (!hasMoved) await pauseUnless(ended, pauseMs);
      if (ended.aborted) return;
    }
  } finally {
    ended.release();
  }
}

/** What is known once all transactions below a bound have ended. */
interface Mark {
  id: bigint;
  bound: bigint;
}

/** Ids before the beginning that were missing then, and may be those of open transactions until the bound. */
interface Holes {
  ids: Set<string>;
  bound: bigint;
}

interface PageOfRecords {
  records: HistoryRecord[];
  /** All transactions with lower numbers had ended when the page was read. */
  horizon: bigint;
}

async function readPage(call: Call, position: bigint, holes: ReadonlySet<string>): Promise<PageOfRecords> {
  // One statement, and so one snapshot: a transaction that has ended is seen with all that it wrote.
  const statement = `SELECT s.horizon::text AS horizon, r.*
    FROM (SELECT pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot()) AS horizon) AS s
    LEFT JOIN (SELECT ${HISTORY_ANSWER} FROM :"library".promo_code_history AS h WHERE h.id = ANY ($2::bigint[])
                UNION ALL
               (SELECT ${HISTORY_ANSWER} FROM :"library".promo_code_history AS h
                 WHERE h.id > $1::bigint ORDER BY h.id LIMIT ${PAGE})) AS r ON true
   ORDER BY r.id::bigint`;
  const { rows } = await call.read((db) =>
    db.query(call.sql(statement), [String(position), `{${[...holes].join(',')}}`]),
  );
  const found: (HistoryRow & { horizon: string })[] = rows;
  return {
    records: found.flatMap((row) => (row.id === null ? [] : [toHistoryRecord(row)])),
    horizon: BigInt(found[0]!.horizon),
  };
}

/**
 * A number above those of all transactions that there are. `age` counts from the next one, in 32 bits, in a transaction that has
 * none itself; the end of a snapshot, which may be lower, has the bits above.
 */
async function readBound(call: Call): Promise<bigint> {
  const { rows } = await call.read((db) =>
    db.query(`SELECT pg_catalog.age('3'::pg_catalog.xid)::text AS behind,
                     pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot())::text AS ended`),
  );
  return boundOf(BigInt(rows[0]!.behind), BigInt(rows[0]!.ended));
}

const BITS = 0xffff_ffffn;

/** @param behind how far number 3 is behind the next one, as a signed number of 32 bits */
export function boundOf(behind: bigint, ended: bigint): bigint {
  const next = (behind + 3n) & BITS;
  return ended + ((next - (ended & BITS)) & BITS);
}

/**
 * What may still come before a cursor that no follower has given: it may be that of a record behind an id whose transaction is
 * open.
 */
async function begin(call: Call, after: string): Promise<Holes> {
  if (call.hosted) {
    const message = 'must be a pool: a single client may be inside a transaction, which a follower would wait for';
    throw new ValidationError([{ path: 'pool', message }]);
  }
  const cursor = BigInt(after);
  const first = cursor > LOOK_BACK ? cursor - LOOK_BACK : 0n;
  const statement = `SELECT (SELECT max(h.id)::text FROM :"library".promo_code_history AS h) AS newest,
    (SELECT pg_catalog.string_agg(m.id::text, ',')
       FROM (SELECT n.id FROM pg_catalog.generate_series($1::bigint, $2::bigint) AS n(id)
             EXCEPT
             SELECT h.id FROM :"library".promo_code_history AS h WHERE h.id >= $1::bigint AND h.id <= $2::bigint
              ORDER BY id DESC LIMIT ${MOST_HOLES}) AS m) AS missing`;
  const { rows } = await call.read((db) => db.query(call.sql(statement), [String(first + 1n), after]));
  const { newest, missing } = rows[0]!;
  if (newest !== null && BigInt(newest) < cursor) {
    const message =
      `must be the id of a record, and the newest one is ${newest}. Was the database restored to an earlier time? Then what ` +
      'was followed since has not happened here; begin behind the last record that has';
    throw new ValidationError([{ path: 'after', message, received: after }]);
  }
  const ids = new Set<string>(missing === null ? [] : String(missing).split(','));
  return { ids, bound: ids.size === 0 ? 0n : await readBound(call) };
}

/** Repeats a step while the server is out of reach; nothing when the follower is ended meanwhile. */
async function persistently<Result>(
  work: () => Promise<Result>,
  patienceMs: number,
  ended: Ending,
): Promise<Result | undefined> {
  const began = now();
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    if (ended.aborted) return undefined;
    try {
      return await ended.before(work());
    } catch (error) {
      if (ended.aborted || (isPromoCodesError(error) && error.code === 'CLOSED')) return undefined;
      const isPassing = isPromoCodesError(error) && PASSING.has(error.code);
      if (!isPassing || now() - began + pauseMs > patienceMs) throw error;
    }
    await pauseUnless(ended, pauseMs);
  }
}

/** What ends a follower. */
interface Ending {
  readonly aborted: boolean;
  /** Waits for work, but not after the end. */
  before<Result>(work: Promise<Result>): Promise<Result | undefined>;
  onEnd(listener: () => void): () => void;
  /** Listens no more. */
  release(): void;
}

function anyOf(signals: readonly AbortSignal[]): Ending {
  const listeners = new Set<() => void>();
  const end = (): void => {
    for (const listener of listeners) listener();
  };
  for (const signal of signals) signal.addEventListener('abort', end);
  const ending: Ending = {
    get aborted() {
      return signals.some(({ aborted }) => aborted);
    },
    before: (work) =>
      new Promise((resolve, reject) => {
        const forget = ending.onEnd(() => resolve(undefined));
        work.then(resolve, reject).finally(forget);
      }),
    onEnd(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    release() {
      for (const signal of signals) signal.removeEventListener('abort', end);
    },
  };
  return ending;
}

function pauseUnless(ended: Ending, ms: number): Promise<void> {
  return new Promise((resolve) => {
    if (ended.aborted) return resolve();
    const done = (): void => {
      forget();
      endAlarm(alarm);
      resolve();
    };
    const alarm = alarmIn(ms, done);
    const forget = ended.onEnd(done);
  });
}

import { redeemChannel } from '../diagnostics/channels.js';
import type { RedeemEvent } from '../diagnostics/events.js';
import type { Trace } from '../diagnostics/operation.js';
import { OutcomeUnknownError, PromoCodesError, RetryableTransactionError } from '../errors.js';
import type { Attempt } from '../postgres/attempts.js';
import type { Queryable } from '../postgres/database.js';
import { SqlState, sqlStateOf } from '../postgres/sqlstate.js';
import { Answer, conflict, isIdInUse, ofRequest, tooLarge, toSettled, unanswered, wrongColumns } from './answers.js';
import { asPromoCodesError, concernOf } from './batch-errors.js';
import type { Call } from './calls.js';
import { findLostUses } from './lost-uses.js';
import { codesOf, numberOf, PARTS_AT_ONCE, type Part, partsOf, Slots } from './parts.js';
import { type RedeemResult, refusal } from './results.js';
import { columnsOfBatch, isPlain, redeemStatements, valuesOfBatch, valuesOfOne } from './statements.js';
import type { UseIds } from './use-ids.js';

/** One request, checked, with amounts as text. */
export interface RedeemRequest {
  code: string;
  shopId: string;
  customerAddress: string;
  baseReward: string;
  /** The bonus that the host computed by its own rules. */
  bonusAmount?: string | undefined;
  transactionId?: string | undefined;
  idempotencyKey?: string | undefined;
  ttlSeconds?: number | undefined;
  /** Further columns of the host, as they go into JSON. */
  columns?: Record<string, unknown> | undefined;
}

/** How requests are sent: in which call, and what the repository has for all calls. */
export interface Sending {
  call: Call;
  ids: UseIds;
  uniformRefusals: boolean;
  /** Callers of other partitions may reach other databases. */
  partition: string;
  /** Whether all of it is one transaction, which a conflict of keys undoes. */
  strict: boolean;
  /** Milliseconds that a lock is waited for where nothing is in doubt, if that is shorter than usual. */
  patienceMs?: number | undefined;
}

/** A request on its way, with what its attempts so far have left. */
export interface Attempted<Request = RedeemRequest> {
  request: Request;
  /** The id that its use is going to have. */
  useId?: string | undefined;
  /** What its attempts locked, those of the first ones first: a repetition waits for them to end. */
  callIds?: readonly string[] | undefined;
  /** A connection broke under an earlier attempt, which may have recorded it. */
  inDoubt?: boolean | undefined;
  /** The campaign that its code was in when it was answered; `null`: none. */
  campaign?: string | null | undefined;
  /** The call that it is of, where somebody listens. */
  trace?: Trace<RedeemEvent> | undefined;
}

/** What became of a request; an error concerns this one alone. */
export type Settled<Result = RedeemResult> = Result | PromoCodesError;

/**
 * What goes together waits this long for locks. Then each code goes by itself, and the one that somebody holds with all the
 * patience that there is: so it does not hold up the others.
 */
export const PATIENCE_MS = 200;
/** How often other ids are taken when those that were reserved turn out to be in use already. */
const ID_ATTEMPTS = 5;
const ID_TAKEN = 'id_taken';
/** So many connections broke under a statement when its requests are shared out to several. */
const BROKEN_BEFORE_PARTS = 2;

/**
 * Sends requests as one statement and gives what became of them, in their order.
 *
 * Every request has the id that its use is going to have. When a connection breaks, the repetition first looks for uses of
 * those ids; then it waits until the attempt before it has ended (an advisory lock that both take), and looks once more
 * under the lock of the code: what was recorded is found, what was not is done now. So a call makes at most one use and
 * knows which.
 *
 * Nothing became of a request in doubt whose code somebody holds, where the batch had others: its callers have to go once
 * more, by themselves.
 */
export async function redeemBatch(sending: Sending, requests: readonly Attempted[]): Promise<(Settled | undefined)[]> {
  const settled = new Map<Attempted, Settled>();
  const held = new Set<Attempted>();
  let open: readonly Attempted[] = requests;
  const { host } = sending.call;
  if (!requests.every(({ request }) => host.canWrite(request.code, request.shopId))) {
    open = requests.filter((entry) => {
      if (host.canWrite(entry.request.code, entry.request.shopId)) return true;
      settled.set(entry, refusal('not_found', undefined, sending.uniformRefusals));
      return false;
    });
  }
  for (let attempt = 1; open.length > 0; attempt += 1) {
    let answers: Map<Attempted, Settled>;
    try {
      if (attempt > ID_ATTEMPTS) throw sequenceBehind(sending);
      const missing = withoutIds(sending, open);
      if (missing) await takeIds(sending, missing);
      answers = await deliver(sending, open, held);
    } catch (error) {
      // What was answered before stays so; the error is that of the others.
      if (sending.strict || settled.size === 0) throw afterAnswers(error, settled);
      answers = new Map(open.map((entry) => [entry, asPromoCodesError(error)]));
    }
    if (answers.size === requests.length) return requests.map((entry) => answers.get(entry)!);
    for (const [entry, answer] of answers) settled.set(entry, answer);
    open = open.filter((entry) => !settled.has(entry) && !held.has(entry));
    if (open.length > 0) sending.ids.discard();
    for (const entry of open) entry.useId = undefined;
  }
  return requests.map((entry) => settled.get(entry));
}

function sequenceBehind(sending: Sending): PromoCodesError {
  return new PromoCodesError(
    'SEQUENCE_BEHIND',
    `The sequence of ${useIdOf(sending.call)} gives ids that are in use already. Set it past the highest id, with setval().`,
  );
}

/** An error is definite only as long as nothing of its batch was recorded. */
function afterAnswers(error: unknown, answers: ReadonlyMap<Attempted, Settled>): unknown {
  const recorded = [...answers.values()].filter((answer) => !(answer instanceof PromoCodesError) && answer.ok).length;
  if (recorded === 0 || error instanceof OutcomeUnknownError) return error;
  const { message, sqlState } = asPromoCodesError(error);
  return new OutcomeUnknownError(
    `${recorded} redemptions of the batch were recorded, and then the others failed: ${message} Look for the uses, or repeat ` +
      'the call with the same idempotency keys.',
    { sqlState, cause: error },
  );
}

/** Requests that wait for ids to be reserved; as a rule there are enough for all that have none. */
function withoutIds(sending: Sending, entries: readonly Attempted[]) {
  const { ids, call } = sending;
  const without = entries.filter(({ useId }) => useId === undefined);
  if (without.length === 0) return undefined;
  const taken = call.hosted ? undefined : ids.takeReserved(without.length, sending);
  if (taken === undefined) return without;
  for (let place = 0; place < without.length; place += 1) without[place]!.useId = taken[place]!;
  return undefined;
}

async function takeIds(sending: Sending, without: Attempted[]): Promise<void> {
  const taken = await sending.ids.take(without.length, sending);
  without.forEach((entry, index) => {
    entry.useId = taken[index]!;
  });
}

/** The column of the ids of uses, as messages name it. */
function useIdOf({ host }: Call): string {
  const { schema, uses } = host.layout;
  return `${schema}.${uses.name}.${uses.columns.id}`;
}

/** What a statement, retries included, came to. Requests without an answer and not in `rest` need other ids. */
interface Sent {
  answers: Map<Attempted, Settled>;
  /** Requests in doubt that have to be shared out to several statements, and whether each code is to go by itself. */
  rest: readonly Attempted[];
  perCode: boolean;
}

/** Answers all but those in `held` and those whose ids are in use already, in one statement, or in parts where that broke too often. */
async function deliver(
  sending: Sending,
  entries: readonly Attempted[],
  held: Set<Attempted>,
): Promise<Map<Attempted, Settled>> {
  const callIds = [numberOf(entries[0]!.useId!)];
  for (const entry of entries) entry.callIds ??= callIds;
  const { answers, rest, perCode } = await send(sending, entries);
  return rest.length === 0 ? answers : new Map([...answers, ...(await deliverInParts(sending, rest, perCode, held))]);
}

/**
 * The parts of a batch in doubt, each on a connection of its own: they wait for its earlier attempts and not for each other.
 * A code that somebody holds concerns its own callers, and the others do not wait for their answers.
 */
async function deliverInParts(
  sending: Sending,
  entries: readonly Attempted[],
  perCode: boolean,
  held: Set<Attempted>,
): Promise<Map<Attempted, Settled>> {
  const slots = new Slots(PARTS_AT_ONCE);
  const answers = new Map<Attempted, Settled>();
  const isPatient = codesOf(entries).size === 1;
  const carry = async (part: Part): Promise<void> => {
    try {
      const sent = await slots.use(() => send(sending, part, isPatient));
      for (const [entry, answer] of sent.answers) answers.set(entry, answer);
      if (sent.perCode && codesOf(sent.rest).size === 1) for (const entry of sent.rest) held.add(entry);
      else if (sent.rest.length > 0) await share(sent.rest, sent.perCode);
    } catch (error) {
      for (const entry of part) answers.set(entry, asPromoCodesError(error));
    }
  };
  const share = async (requests: Part, byCode: boolean): Promise<void> => {
    await Promise.all(partsOf(requests, byCode).map(carry));
  };
  await share(entries, perCode);
  return answers;
}

/** @param isPatient whether what is in doubt waits for locks as long as there is time; left out: where it cannot be shared out */
async function send(sending: Sending, entries: readonly Attempted[], isPatient?: boolean): Promise<Sent> {
  const { call, strict, patienceMs = Number.POSITIVE_INFINITY, ids } = sending;
  let isInDoubt = entries.some(({ inDoubt }) => inDoubt);
  const answers = new Map<Attempted, Settled>();
  let open = entries;
  let broken = 0;
  const work = async (connection: Queryable, attempt: Attempt): Promise<Answer | 'broken' | 'late'> => {
    if (attempt.inDoubt) {
      broken += 1;
      ids.discard();
      for (const entry of entries) entry.inDoubt = true;
      isInDoubt = true;
    }
    if (isInDoubt) {
      for (const [entry, row] of await attempt.reads(findLostUses(connection, call.host, open))) {
        answers.set(entry, toSettled(sending, row, entry));
      }
      open = open.filter((entry) => !answers.has(entry));
      if (open.length === 0 || (broken >= BROKEN_BEFORE_PARTS && open.length > 1 && !strict)) return 'broken';
    }
    const isHasty = isInDoubt && !(isPatient ?? !isSplittable(sending, entries));
    const waitMs = Math.min(
      attempt.lockTimeoutMs,
      isHasty ? PATIENCE_MS : isInDoubt ? attempt.lockTimeoutMs : patienceMs,
    );
    const common = [call.hosted ? null : `{${entries[0]!.callIds!.join(',')}}`, waitMs];
    if (redeemChannel.isHeard) noteSent(open);
    const [only] = open;
    const query =
      open.length === 1 && isPlain(only!)
        ? connection.query(call.sql(redeemStatements.one), [...valuesOfOne(only!), ...common])
        : connection.query(call.sql(redeemStatements.batch), [
            ...valuesOfBatch(open),
            isInDoubt,
            strict,
            ...common,
            columnsOfBatch(open),
          ]);
    try {
      const { rows } = await query;
      return new Answer(String(rows[0]?.answer));
    } catch (error) {
      if (isHasty && sqlStateOf(error) === SqlState.lockNotAvailable) return 'late';
      throw error;
    }
  };
  try {
    const answer = await call.run(work, isInDoubt);
    if (typeof answer === 'string') return { answers, rest: open, perCode: answer === 'late' };
    for (let place = 0; place < open.length; place += 1) {
      const entry = open[place]!;
      const row = answer.of(entry, place);
      if (row) entry.campaign = answer.campaignOf(row);
      if (row?.[1] !== ID_TAKEN) answers.set(entry, row ? toSettled(sending, row, entry) : unanswered(entry));
    }
    if (redeemChannel.isHeard) noteCampaigns(open, answers);
    return { answers, rest: [], perCode: false };
  } catch (error) {
    const failure = failureOf(sending, entries, error);
    if (failure === ID_TAKEN) return { answers, rest: [], perCode: false };
    // What was found stays known. Where one request may be the bad one, the others are sent without it, and find theirs.
    if (answers.size === 0 || strict || concernOf(failure) !== 'all')
      throw strict ? afterAnswers(failure, answers) : failure;
    for (const entry of open) answers.set(entry, failure);
    return { answers, rest: [], perCode: false };
  }
}

/** Requests of one call stand together and have one trace. */
function noteSent(entries: readonly Attempted[]): void {
  let last: Trace<RedeemEvent> | undefined;
  for (const { trace } of entries) {
    if (trace === undefined || trace === last) continue;
    trace.note(({ attempts, waitedMs }) => ({
      attempts: attempts + 1,
      waitedMs: attempts === 0 ? trace.elapsedMs : waitedMs,
      batchSize: entries.length,
    }));
    last = trace;
  }
}

/** The campaign of the codes of each call, where all are of one, and the caller is told of the codes. */
function noteCampaigns(entries: readonly Attempted[], answers: ReadonlyMap<Attempted, Settled>): void {
  const found = new Map<Trace<RedeemEvent>, Set<string | null>>();
  for (const entry of entries) {
    const { trace, campaign = null } = entry;
    if (trace === undefined) continue;
    const answer = answers.get(entry);
    const isTold =
      answer !== undefined && !(answer instanceof PromoCodesError) && (answer.ok || answer.promoCodeId !== undefined);
    const campaigns = found.get(trace) ?? new Set();
    found.set(trace, campaigns.add(isTold ? campaign : null));
  }
  for (const [trace, [campaign, ...others]] of found) {
    if (campaign && others.length === 0) trace.note(() => ({ campaignId: campaign }));
  }
}

/** Whether the requests may be shared out to several transactions, and are of several codes. */
function isSplittable({ strict, call }: Sending, entries: readonly Attempted[]): boolean {
  return !strict && !call.hosted && codesOf(entries).size > 1;
}

/** The error of a statement as the library tells it; or that its ids are in use already, which undid all of it. */
function failureOf(
  { call, ids, strict }: Sending,
  entries: readonly Attempted[],
  error: unknown,
): PromoCodesError | typeof ID_TAKEN {
  const isInDoubt = entries.some(({ inDoubt }) => inDoubt);
  const cause = error instanceof PromoCodesError ? error.cause : error;
  const sqlState = sqlStateOf(cause);
  if (sqlState === undefined || isInDoubt) ids.discard();
  if (sqlState === SqlState.keyConflict) return conflict(cause);
  if (isInDoubt) return asPromoCodesError(error);
  if (sqlState === SqlState.numberTooLarge) return tooLarge(cause);
  if (entries.length === 1 && entries[0]!.request.columns !== undefined && sqlState?.startsWith('22'))
    return wrongColumns(cause);
  if (isIdInUse(cause, call.host.layout)) {
    if (!call.hosted) return ID_TAKEN;
    ids.discard();
    return new RetryableTransactionError(`The sequence of ${useIdOf(call)} was set back; run the transaction again.`, {
      sqlState: SqlState.uniqueViolation,
      cause,
    });
  }
  return strict ? ofRequest(asPromoCodesError(error), entries) : asPromoCodesError(error);
}

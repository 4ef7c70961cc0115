import type { AnsweredUse, Call, CallKind, History, Request } from '../log.js';
import type { CodeRow, HoldRow, Rows, UseRow } from './rows.js';
import type { Rule, Violation } from './violation.js';

/**
 * What a call says about its effect.
 * - `'done'`: acknowledged, with the host's transaction where it is a part of one.
 * - `'none'`: an error that leaves no doubt, or a transaction that was rolled back.
 * - `'unknown'`: OUTCOME_UNKNOWN, a lost COMMIT, or a process that was killed.
 */
export type Status = 'done' | 'none' | 'unknown';

/** A request with all calls that sent it. */
export interface SentRequest {
  request: Request;
  calls: { call: Call; place: number }[];
}

/** A use that was answered, with the call that told of it first. */
export interface AcknowledgedUse {
  use: AnsweredUse;
  call: Call;
  request: Request;
  expiresAt: number | undefined;
}

const SENDING: readonly CallKind[] = ['redeem', 'redeemMany', 'reserve'];

/** The logs and the rows, so that one can be found from the other. */
export class Evidence {
  readonly history: History;
  readonly rows: Rows;
  readonly requests = new Map<string, SentRequest>();
  readonly usesById = new Map<string, UseRow>();
  readonly usesByOrigin = new Map<string, UseRow[]>();
  readonly holds = new Map<string, HoldRow>();
  readonly codes = new Map<string, CodeRow>();
  /** Also of codes that are gone, as far as their creation was answered. */
  readonly codeNames = new Map<string, string>();
  /** By the id of the use. */
  readonly acknowledged = new Map<string, AcknowledgedUse[]>();
  readonly violations: Violation[] = [];
  readonly #byUse = new Map<string, Call[]>();
  readonly #byCode = new Map<string, Call[]>();

  constructor(history: History, rows: Rows) {
    this.history = history;
    this.rows = rows;
    for (const row of rows.uses) {
      this.usesById.set(row.id, row);
      push(this.usesByOrigin, originOf(row.transaction), row);
    }
    for (const hold of rows.holds) this.holds.set(hold.useId, hold);
    for (const row of rows.codes) {
      this.codes.set(row.id, row);
      this.codeNames.set(row.id, nameOf(row.shop, row.code));
    }
    for (const call of history.calls.values()) this.#add(call);
  }

  status(call: Call): Status {
    const fate = call.tx === undefined ? undefined : this.history.fates.get(call.tx)?.fate;
    if (call.tx !== undefined) {
      if (call.error || fate === 'rolled_back') return 'none';
      return fate === 'committed' ? 'done' : 'unknown';
    }
    if (call.end === undefined) return 'unknown';
    if (!call.error) return 'done';
    return call.error.code === 'OUTCOME_UNKNOWN' ? 'unknown' : 'none';
  }

  /** When its effect was certain; never, for one in doubt. */
  settledAt(call: Call): number {
    if (this.status(call) !== 'done') return Number.POSITIVE_INFINITY;
    const committed = call.tx === undefined ? undefined : this.history.fates.get(call.tx)?.at;
    return committed ?? call.end!;
  }

  /** Calls of these kinds about a use. */
  onUse(useId: string, ...kinds: CallKind[]): Call[] {
    return (this.#byUse.get(useId) ?? []).filter(({ kind }) => kinds.includes(kind));
  }

  /** Calls of these kinds about a code. */
  onCode(codeId: string, ...kinds: CallKind[]): Call[] {
    return (this.#byCode.get(codeId) ?? []).filter(({ kind }) => kinds.includes(kind));
  }

  /** Those that had their effect, or may have had it. */
  possible(calls: readonly Call[]): Call[] {
    return calls.filter((call) => this.status(call) !== 'none');
  }

  done(calls: readonly Call[]): Call[] {
    return calls.filter((call) => this.status(call) === 'done');
  }

  report(rule: Rule, message: string, calls: readonly Call[], rows: readonly unknown[] = []): void {
    this.violations.push({ rule, message, calls: [...new Set(calls.map(({ id }) => id))], rows: [...rows] });
  }

  #add(call: Call): void {
    const { kind, args, result } = call;
    if (args.useId !== undefined) push(this.#byUse, args.useId, call);
    if (args.codeId !== undefined) push(this.#byCode, args.codeId, call);
    if ((kind === 'create' || kind === 'ensure') && result?.codeId !== undefined) {
      this.codeNames.set(result.codeId, nameOf(args.shop!, args.code!));
    }
    if (!SENDING.includes(kind)) return;
    args.requests?.forEach((request, place) => {
      const sent = this.requests.get(request.origin) ?? { request, calls: [] };
      sent.calls.push({ call, place });
      this.requests.set(request.origin, sent);
      const answer = result?.answers?.[place];
      if (!answer?.use || this.status(call) !== 'done') return;
      push(this.acknowledged, answer.use.id, { use: answer.use, call, request, expiresAt: answer.expiresAt });
    });
  }
}

export function originOf(transaction: string | null): string {
  return transaction?.split('/')[0] ?? '';
}

/** The call that left its mark in a transaction id, if one did. */
export function markOf(transaction: string | null): string | undefined {
  return transaction?.split('/')[1];
}

export function nameOf(shop: string, code: string): string {
  return `${shop} ${code.trim().toUpperCase()}`;
}

export function foldCustomer(customer: string): string {
  return customer.trim().toLowerCase();
}

function push<Item>(map: Map<string, Item[]>, key: string, item: Item): void {
  const items = map.get(key);
  if (items) items.push(item);
  else map.set(key, [item]);
}

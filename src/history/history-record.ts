import { type PromoCodeUse, toDate } from '../redemption/promo-code-use.js';

/**
 * What happened to a use.
 *
 * - `redeemed`: it began to count; `reserved`: as a hold.
 * - `confirmed`: a hold became a use for good.
 * - `released`: a hold was given back, because it expired or gave way (`reason` is `expired` or `replaced`).
 * - `amended`: amounts, purchase, customer or time changed.
 * - `moved`: it is a use of another code since; `before` has the one that it was of.
 * - `rolled_back`: it counts no more, by whatever path: `rollbackUse`, a DELETE, a cascade, a status.
 * - `truncated`: it was removed by TRUNCATE.
 */
export type HistoryKind =
  | ('redeemed' | 'reserved' | 'confirmed' | 'released')
  | ('amended' | 'moved' | 'rolled_back' | 'truncated');

/** One thing that happened to a use. */
export interface HistoryRecord {
  /** Grows with each record. What `after` of `history` and `followHistory` takes. */
  id: string;
  /** When it was written, by the database's clock; its transaction may have committed later. */
  at: Date;
  /** What happened. */
  kind: HistoryKind;
  /** The use that it happened to. */
  useId: string;
  /** Its code; after a move the new one. */
  promoCodeId: string;
  /** The shop of the code. Empty where the host has no shops. */
  shopId: string;
  /** The customer, as customers are matched. */
  customerAddress: string;
  /** The use as it was; `null` where it did not count before. */
  before: PromoCodeUse | null;
  /** The use as it is since; `null` where it counts no more. */
  after: PromoCodeUse | null;
  /** Why, where it was said. */
  reason: string | null;
  /** Who did it, where it was said. */
  actor: string | null;
  /** The host's own name for the purchase. */
  transactionId: string | null;
}

/** A record as it is read, everything as text, under names that no library which renames columns changes. */
export interface HistoryRow {
  id: string;
  at: string;
  kind: string;
  use: string | null;
  code: string | null;
  shop: string | null;
  customer: string | null;
  before: string | null;
  after: string | null;
  reason: string | null;
  actor: string | null;
  transaction: string | null;
}

/** Its columns, of a statement that reads the table as `h`. */
export const HISTORY_ANSWER = `h.id::text AS id, extract(epoch FROM h.at)::text AS at, h.kind AS kind, h.use_id::text AS use,
  h.promo_code_id::text AS code, h.shop_id AS shop, h.customer_address AS customer, h.before::text AS before,
  h.after::text AS after, h.reason AS reason, h.actor AS actor, h.transaction_id AS transaction`;

export function toHistoryRecord(row: HistoryRow): HistoryRecord {
  const before = toState(row.before);
  const after = toState(row.after);
  // Of tables that were dropped, the ids are those of that time.
  const use = after ?? before;
  return {
    id: row.id,
    at: toDate(row.at),
    kind: row.kind as HistoryKind,
    useId: row.use ?? use?.id ?? '',
    promoCodeId: row.code ?? use?.promoCodeId ?? '',
    shopId: row.shop ?? '',
    customerAddress: row.customer ?? '',
    before,
    after,
    reason: row.reason,
    actor: row.actor,
    transactionId: row.transaction,
  };
}

/** As the rule `history_state` writes it. */
function toState(text: string | null): PromoCodeUse | null {
  if (text === null) return null;
  const state: Record<keyof PromoCodeUse, string | null> = JSON.parse(text);
  return {
    id: state.id ?? '',
    promoCodeId: state.promoCodeId ?? '',
    customerAddress: state.customerAddress ?? '',
    shopId: state.shopId ?? '',
    transactionId: state.transactionId,
    baseReward: state.baseReward ?? '0',
    bonusAmount: state.bonusAmount ?? '0',
    totalReward: state.totalReward ?? '0',
    usedAt: toMoment(state.usedAt),
  };
}

const INFINITIES: Record<string, string> = { infinity: 'Infinity', '-infinity': '-Infinity' };

function toMoment(text: string | null): Date {
  if (text === null || text in INFINITIES) return toDate(text === null ? null : INFINITIES[text]!);
  return new Date(text);
}

import { withRules } from '../host/rules.js';
import type { Call } from '../redemption/calls.js';
import { HISTORY_ANSWER, type HistoryRecord, toHistoryRecord } from './history-record.js';

/** One page of the history, and where the next one begins. */
export interface HistoryPage {
  /** Up to `limit` of them, the oldest first. */
  items: HistoryRecord[];
  /** To be handed in as `after`; `null` after the last page. */
  nextCursor: string | null;
}

/** Which records are asked for. */
export interface HistoryFilter {
  promoCodeId?: string | undefined;
  useId?: string | undefined;
  customerAddress?: string | undefined;
  shopId?: string | undefined;
  /** The id of the record behind which the page begins. */
  after?: string | undefined;
  limit: number;
}

const ASKED_CUSTOMER = withRules(':asked_customer($::text)');

/** The conditions of a filter: on what a record is of, and where that has changed, on what it was of before. */
interface Condition {
  now: string;
  before?: string;
}

/** A page of what is visible to its statement. Each filter has an index in the order of ids. */
export async function readHistory(call: Call, filter: HistoryFilter): Promise<HistoryPage> {
  const { promoCodeId, useId, customerAddress, shopId, after = '0', limit } = filter;
  if (!call.host.canWrite(customerAddress ?? '', shopId ?? '')) return { items: [], nextCursor: null };
  const values: unknown[] = [after, limit + 1];
  const conditions: Condition[] = [];
  const add = (value: string | undefined, toCondition: (place: string) => Condition): void => {
    if (value !== undefined) conditions.push(toCondition(`$${values.push(value)}`));
  };
  add(useId, (place) => ({ now: `h.use_id = ${place}:::use_id_type` }));
  add(promoCodeId, (place) => either('promo_code_id', `${place}:::code_id_type`));
  // Under the collation of the column of the history, which its index has.
  add(customerAddress, (place) =>
    either('customer_address', `(${ASKED_CUSTOMER.replaceAll('$', () => place)} COLLATE pg_catalog."default")`),
  );
  add(shopId, (place) => ({ now: `h.shop_id = ${place}::text` }));
  const statement = `SELECT ${HISTORY_ANSWER} FROM (${source(conditions)}) AS h ORDER BY h.id LIMIT $2::integer`;
  const { rows } = await call.read((db) => db.query(call.sql(statement), values));
  const items = rows.slice(0, limit).map(toHistoryRecord);
  return { items, nextCursor: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
}

function either(column: string, value: string): Condition {
  return { now: `h.${column} = ${value}`, before: `h.former_${column} = ${value}` };
}

/** The first condition is looked up, by one index for what is and one for what was; the others are looked at. */
function source([first, ...others]: Condition[]): string {
  const rest = others.map(({ now, before }) => ` AND ${before ? `(${now} OR ${before})` : now}`).join('');
  const part = (condition: string) =>
    `SELECT h.* FROM :"library".promo_code_history AS h WHERE h.id > $1::bigint${condition}${rest} ORDER BY h.id LIMIT $2::integer`;
  if (!first) return part('');
  const { now, before } = first;
  if (!before) return part(` AND ${now}`);
  return `(${part(` AND ${now}`)}) UNION ALL (${part(` AND ${before} AND NOT coalesce(${now}, false)`)})`;
}

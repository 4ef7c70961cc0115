import { ValidationError } from '../errors.js';
import { withRules } from '../host/rules.js';
import type { Host } from '../redemption/host.js';
import { epochOf } from '../redemption/moments.js';
import { type CodeState, stateInSql } from './code-state.js';
import type { Call } from './context.js';
import { type CodeOrder, type Mark, type Page, requireMark, toPage } from './cursor.js';
import { type CodeRow, codeColumns, type PromoCode, toPromoCode } from './promo-code.js';

export interface ListFilter {
  shopId?: string | undefined;
  state?: CodeState | undefined;
  search?: string | undefined;
  orderBy: CodeOrder;
  activeOnly: boolean;
  limit: number;
  cursor?: Mark | null | undefined;
}

/** What a list is in the order of besides the id, as a number that is never NULL, and which way. */
interface Order {
  key: string;
  isRising: boolean;
}

/** Ids that are numbers grow with time; a list of codes with other ids goes by the time when they were made. */
function orderOf(host: Host, order: CodeOrder): Order | undefined {
  switch (order) {
    case 'newest': {
      const key = `coalesce(${epochOf(host, 'codes', 'createdAt')}, 0)::numeric`;
      return host.layout.types.codeId !== 'bigint' && host.has('codes', 'createdAt')
        ? { key, isRising: false }
        : undefined;
    }
    case 'timesUsed':
      return { key: `coalesce(${USES}, 0::bigint)::numeric`, isRising: false };
    case 'totalBonusIssued':
      return { key: `coalesce(${BONUS}::numeric, 0::numeric)`, isRising: false };
    case 'endDate':
      return { key: `coalesce(${epochOf(host, 'codes', 'endDate')}, 'infinity')::numeric`, isRising: true };
  }
}

const USES = withRules(':uses_counted(c)');
const BONUS = withRules(':bonus_counted(c)');

export async function listCodes(call: Call, filter: ListFilter): Promise<Page<PromoCode>> {
  const { shopId, state, search, orderBy, activeOnly, limit, cursor } = filter;
  const order = orderOf(call.host, orderBy);
  if (cursor && (cursor.order ?? 'newest') !== orderBy) {
    throw new ValidationError([
      { path: 'cursor', message: `must be the nextCursor of a list with orderBy ${orderBy}` },
    ]);
  }
  // What the database cannot even write is in no column.
  if (!call.host.canWrite(shopId ?? '', search ?? '')) return { items: [], nextCursor: null };
  const values: unknown[] = [];
  const value = (given: unknown) => `$${values.push(given)}`;
  const conditions: string[] = [];
  if (shopId !== undefined) conditions.push(`c.:"code_shop_id"::text = ${value(shopId)}::text`);
  if (activeOnly) conditions.push('c.:"is_active"');
  if (state !== undefined) conditions.push(`${stateInSql(call)} = ${value(state)}::text`);
  if (search !== undefined) {
    const wanted = folded(`${value(search)}::text`);
    const isIn = (column: string) => `strpos(${folded(`c.:"${column}"::text`)}, ${wanted}) > 0`;
    conditions.push(`(${isIn('code')} OR ${isIn('name')})`);
  }
  if (cursor) {
    const sign = order?.isRising ? '>' : '<';
    const id = `${value(requireMark(call.host, 'codes', cursor.id))}:::code_id_type`;
    conditions.push(
      order
        ? `(${order.key}, c.:"code_id") ${sign} (${value(cursor.at ?? '0')}::numeric, ${id})`
        : `c.:"code_id" ${sign} ${id}`,
    );
  }
  const way = order?.isRising ? 'ASC' : 'DESC';
  // One more than the limit, where there is one, tells that there is a next page.
  const statement = `SELECT ${codeColumns(call.host)}${order ? `, (${order.key})::text AS mark` : ''}
     FROM :"codes" AS c
    WHERE ${['true', ...conditions].join(' AND ')}
    ORDER BY ${order ? `${order.key} ${way}, ` : ''}c.:"code_id" ${way} LIMIT ${value(limit + 1)}::integer`;
  const { rows } = await call.read((db) => db.query(call.sql(statement), values));
  const marks = new Map(rows.map((row) => [row.id, row.mark]));
  return toPage(
    rows.map((row: CodeRow) => toPromoCode(call.host, row)),
    limit,
    order && (({ id }) => `${orderBy}:${marks.get(id)}`),
  );
}

/** Without case, under a collation in which texts have parts, whatever the column has. */
function folded(text: string): string {
  return `upper(${text} COLLATE "default")`;
}

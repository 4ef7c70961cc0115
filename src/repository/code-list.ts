import { idType } from '../host/ids.js';
import { type ListKey, listKey } from '../host/list-order.js';
import { withRules } from '../host/rules.js';
import { identityKind, inType } from '../redemption/column-types.js';
import type { Host } from '../redemption/host.js';
import { asColumn } from '../redemption/moments.js';
import { type CodeState, stateInSql } from './code-state.js';
import type { Call } from './context.js';
import { badCursor, type CodeOrder, type Mark, type Page, requireMark, toPage } from './cursor.js';
import { type CodeRow, codeColumns, type PromoCode, toPromoCode } from './promo-code.js';

export interface ListFilter {
  shopId?: string | undefined;
  state?: CodeState | undefined;
  search?: string | undefined;
  orderBy: CodeOrder;
  activeOnly: boolean;
  campaignId?: string | undefined;
  limit: number;
  cursor?: Mark | null | undefined;
}

/** Gives a value to a statement, and what stands for it there. */
type Bind = (value: unknown) => string;

/** What a list is in the order of besides the id, and which way. */
interface Order {
  /** None where only ids are left. */
  key?: Key;
  isRising: boolean;
}

/** What a page goes on by. */
interface Key {
  /** Never NULL; that of an index, see `listIndexes` of `renderSql`. */
  expression: string;
  /** As it goes into a cursor. */
  mark: string;
  /** What was read from a cursor, as the expression compares with it; nothing for what it cannot hold. */
  read(at: string, bind: Bind): string | undefined;
}

/**
 * Ids that are numbers grow with time; a list of codes with other ids goes by the time when they were made.
 * @param ofShop whether the codes are those of one shop
 */
function orderOf(host: Host, order: CodeOrder, ofShop: boolean): Order {
  switch (order) {
    case 'newest':
      if (host.layout.types.codeId === 'bigint') return { ...(ofShop && { key: idKey() }), isRising: false };
      return { ...(host.has('codes', 'createdAt') && { key: momentKey(host, 'createdAt') }), isRising: false };
    case 'timesUsed':
    case 'totalBonusIssued':
      return { key: numberKey(host, order), isRising: false };
    case 'endDate':
      return { ...(host.has('codes', order) && { key: momentKey(host, order) }), isRising: true };
  }
}

function idKey(): Key {
  const expression = listKey('id', 'c.');
  return {
    expression,
    mark: `(${expression})::text`,
    read: (at, bind) => (idType('bigint').read(at) === undefined ? undefined : `${bind(at)}:::code_id_type`),
  };
}

/** Of hosts without the counter. */
const COUNTED = { timesUsed: withRules(':uses_counted(c)'), totalBonusIssued: withRules(':bonus_counted(c)') };

function numberKey(host: Host, role: 'timesUsed' | 'totalBonusIssued'): Key {
  const isColumn = host.has('codes', role);
  const type = isColumn ? host.baseTypeOf('codes', role) : role === 'timesUsed' ? 'bigint' : 'numeric';
  const expression = isColumn ? listKey(role, 'c.') : COUNTED[role];
  return {
    expression,
    mark: `(${expression})::text`,
    read(at, bind) {
      if (at === '-') return undefined;
      if (identityKind(type) !== 'whole') return `${bind(at)}::numeric`;
      const value = inType(type, at);
      return value === undefined ? undefined : `${bind(value)}::${type}`;
    },
  };
}

const SECONDS_OF_DAY = 86_400n;
/** PostgreSQL's own bounds, in days from 1970. */
const FIRST_DAY = -2_440_000n;
const LAST_DAY = 106_700_000n;

/** As the column has it, without a time zone that a local time may be twice in. */
function momentKey(host: Host, role: ListKey & ('createdAt' | 'endDate')): Key {
  const type = host.baseTypeOf('codes', role).replace(/\(\d+\)/, '');
  const expression = listKey(role, 'c.');
  const isZoned = type.endsWith('with time zone');
  return {
    expression,
    mark: `extract(epoch FROM ${expression})::text`,
    read(at, bind) {
      if (at.endsWith('Infinity')) return `${bind(at)}::${type}`;
      const [, sign, whole = '', fraction = ''] = /^(-?)(\d{1,20})(?:\.(\d+))?$/.exec(at) ?? [];
      if (sign === undefined) return undefined;
      const seconds = BigInt(whole);
      const days = seconds / SECONDS_OF_DAY;
      const rest = `${seconds % SECONDS_OF_DAY}.${fraction.slice(0, 6) || '0'}`;
      if (sign === '-' ? -days < FIRST_DAY : days > LAST_DAY) return undefined;
      const interval = `pg_catalog.make_interval(days => ${bind(`${sign}${days}`)}::integer, secs => ${bind(`${sign}${rest}`)}::double precision)`;
      const moment = `('epoch'::timestamp + ${interval})`;
      return isZoned ? `(${moment} AT TIME ZONE 'UTC')` : `${moment}::${type}`;
    },
  };
}

/** Each page is one scan of an index in the order that is asked for, as far as there is one: see `listIndexes` of `renderSql`. */
export async function listCodes(call: Call, filter: ListFilter): Promise<Page<PromoCode>> {
  const { host } = call;
  const { shopId, search, orderBy, limit, cursor } = filter;
  const shop = host.has('codes', 'shopId') ? shopId : undefined;
  const { key, isRising } = orderOf(host, orderBy, shop !== undefined);
  if (cursor && cursor.order !== orderBy) {
    throw badCursor(`must be the nextCursor of a list with orderBy ${orderBy}`);
  }
  // What the database cannot even write is in no column.
  if (!host.canWrite(shopId ?? '', search ?? '')) return { items: [], nextCursor: null };
  const values: unknown[] = [];
  const bind: Bind = (value) => `$${values.push(value)}`;
  const conditions = conditionsOf(call, filter, key, bind);
  if (shop !== undefined) conditions.push(isOfShop(host, shop, bind));
  const order = [...(key ? [key.expression] : []), 'c.:"code_id"'];
  if (cursor) {
    const end = [
      ...(key ? [placeOf(key, cursor, bind)] : []),
      `${bind(requireMark(host, 'codes', cursor.id))}:::code_id_type`,
    ];
    conditions.push(`ROW(${order.join(', ')}) ${isRising ? '>' : '<'} ROW(${end.join(', ')})`);
  }
  const byOrder = (parts: string[]) => parts.map((part) => `${part} ${isRising ? 'ASC' : 'DESC'}`).join(', ');
  // One more than the limit, where there is one, tells that there is a next page. What is looked up for each code stands around the
  // page: it would count in the choice of its index.
  const statement = `SELECT ${codeColumns(host)}${key ? `, ${key.mark} AS mark` : ''}
     FROM (SELECT c.*${key ? `, ${key.expression} AS pg_promo_codes_key` : ''}
             FROM :"codes" AS c
            WHERE ${['true', ...conditions].join(' AND ')}
            ORDER BY ${byOrder(order)}
            LIMIT ${bind(limit + 1)}::integer) AS c
    ORDER BY ${byOrder([...(key ? ['c.pg_promo_codes_key'] : []), 'c.:"code_id"'])}`;
  const { rows } = await call.read((db) => db.query(call.sql(statement), values));
  const marks = new Map(rows.map((row) => [row.id, row.mark]));
  return toPage(
    rows.map((row: CodeRow) => toPromoCode(host, row)),
    limit,
    ({ id }) => `${orderBy}:${key ? marks.get(id) : '-'}`,
  );
}

/** Of the type of the column where that is what an index compares; other types compare otherwise than their texts do. */
function isOfShop(host: Host, shopId: string, bind: Bind): string {
  const type = host.typeOf('codes', 'shopId');
  const kind = identityKind(type);
  return kind === 'whole' || kind === 'uuid'
    ? `c.:"code_shop_id" = ${bind(shopId)}::${type}`
    : `c.:"code_shop_id"::text = ${bind(shopId)}::text`;
}

function placeOf({ read }: Key, { at = '' }: Mark, bind: Bind): string {
  const value = read(at, bind);
  if (value === undefined) throw badCursor();
  return value;
}

function conditionsOf(
  call: Call,
  { state, search, activeOnly, campaignId, orderBy }: ListFilter,
  key: Key | undefined,
  bind: Bind,
): string[] {
  const conditions: string[] = [];
  /** What is looked at code by code, in the order of the list. */
  const filters: string[] = activeOnly ? ['c.:"is_active"'] : [];
  if (campaignId !== undefined) {
    conditions.push(`EXISTS (SELECT FROM :"library".promo_code_campaign_codes AS k
      WHERE k.promo_code_id = c.:"code_id" AND k.campaign_id = ${bind(campaignId)}::bigint)`);
  }
  if (state !== undefined) {
    filters.push(`${stateInSql(call)} = ${bind(state)}::text`);
    // In the order of the end, the index begins or ends where the state does.
    const now = asColumn(call.host, 'codes', 'endDate', 'now()');
    const isOver = { expired: '<', redeemable: '>=', used_up: '>=', scheduled: undefined, inactive: undefined }[state];
    if (orderBy === 'endDate' && key && isOver) conditions.push(`${key.expression} ${isOver} ${now}`);
  }
  if (search !== undefined) {
    const wanted = folded(`${bind(`%${search.replaceAll(/[\\%_]/g, '\\$&')}%`)}::text`);
    const isIn = (column: string) => `${folded(`c.:"${column}"::text`)} LIKE ${wanted}`;
    filters.push(`(${isIn('code')} OR ${isIn('name')})`);
  }
  // Without coalesce() the planner would expect one code in two hundred, and sort the whole shop for a page.
  if (filters.length > 0) conditions.push(`coalesce(${filters.join(' AND ')}, false)`);
  return conditions;
}

/** Without case, under a collation in which texts have parts, whatever the column has. */
function folded(text: string): string {
  return `upper(${text} COLLATE "default")`;
}

import { createHash } from 'node:crypto';
import type { Layout } from '../host/layout.js';
import { type ListKey, listKey } from '../host/list-order.js';
import { renderSqlFile } from '../host/render.js';
import { campaignIndexStatements } from '../inspect/indexes.js';
import { quoteIdentifier } from '../postgres/identifiers.js';

/** An order of `list`: the suffix of the name of its index, and its key besides the id; none: the newest first. */
interface Order {
  suffix: string;
  key?: ListKey;
}

/**
 * What redemptions do not write: such an index costs them nothing. (One on a counter would be written by each of them, in
 * every index of the table, since PostgreSQL then has no heap-only update.)
 */
const AT_REST: Order[] = [{ suffix: 'shop_newest_idx' }, { suffix: 'shop_end_idx', key: 'endDate' }];
const COUNTERS: Order[] = [
  { suffix: 'shop_used_idx', key: 'timesUsed' },
  { suffix: 'shop_bonus_idx', key: 'totalBonusIssued' },
];

/** The indexes on tables of our own by which a page of `list` is one scan of an index. */
export function ownListIndexes(layout: Layout): string[] {
  return statementsOf(layout, AT_REST);
}

/** The same for any tables, those on the counters and that of the customers of campaigns included. */
export function listIndexes(layout: Layout): string[] {
  return [...statementsOf(layout, [...AT_REST, ...COUNTERS]), ...campaignIndexStatements(layout)];
}

function statementsOf(layout: Layout, orders: readonly Order[]): string[] {
  const { id, shopId, createdAt } = layout.codes.columns;
  if (id === null) return [];
  const shop = shopId === null ? [] : [':"code_shop_id"'];
  // Ids that are numbers grow with time.
  const newest = layout.types.codeId === 'bigint' || createdAt === null ? 'id' : 'createdAt';
  return orders.flatMap(({ suffix, key = newest }) => {
    // Without shops the newest are in the order of the primary key.
    if (layout.codes.columns[key] === null || (key === 'id' && shopId === null)) return [];
    const columns = [...shop, listKey(key), ':"code_id"'];
    const name = quoteIdentifier(indexName(layout.codes.name, suffix));
    return renderSqlFile(
      `CREATE INDEX IF NOT EXISTS :index_text ON :"codes" (${columns.join(', ')});`,
      layout,
      {},
      {
        index_text: name,
      },
    );
  });
}

/** Names of indexes are for a whole schema, and PostgreSQL cuts longer ones. */
export function indexName(table: string, suffix: string): string {
  const name = `${table}_${suffix}`;
  if (Buffer.byteLength(name) <= 63) return name;
  return `promo_${createHash('sha256').update(table).digest('hex').slice(0, 20)}_${suffix}`;
}

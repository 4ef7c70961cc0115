import type { Queryable } from '../postgres/database.js';
import { quoteIdentifier } from '../postgres/identifiers.js';
import type { AnswerRow } from './answers.js';
import { USE_COLUMNS } from './promo-code-use.js';
import type { Attempted } from './redeem.js';

/**
 * Looks for uses that earlier attempts of these requests may have made, with nothing that a fresh connection would have to
 * compile first. A use that is found under the request's own id, code and customer answers the request. One that is not
 * found proves nothing: its attempt may still be under way, and only a function that takes the attempt's lock can tell.
 */
export async function findLostUses(
  connection: Queryable,
  schema: string,
  entries: readonly Attempted[],
): Promise<Map<Attempted, AnswerRow>> {
  const of = quoteIdentifier(schema);
  const { rows } = await connection.query(
    `SELECT q.n::integer AS n, ${USE_COLUMNS}, extract(epoch FROM h.expires_at)::text AS expires
       FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[]) WITH ORDINALITY AS q(id, code, shop, customer, n)
       JOIN ${of}.promo_code_uses AS u ON u.id = q.id
       JOIN ${of}.promo_codes AS c ON c.id = u.promo_code_id
       LEFT JOIN ${of}.promo_code_holds AS h ON h.use_id = u.id AND h.released_at IS NULL
      WHERE c.shop_id::text = q.shop AND upper(c.code::text) = upper(btrim(q.code))
        AND u.customer_address::text IN (btrim(q.customer), lower(btrim(q.customer)))
        AND coalesce(h.expires_at > clock_timestamp(), true)`,
    [
      `{${entries.map(({ useId }) => useId).join(',')}}`,
      entries.map(({ request }) => request.code),
      entries.map(({ request }) => request.shopId),
      entries.map(({ request }) => request.customerAddress),
    ],
  );
  return new Map(
    rows.map(({ n, use_id, code_id, customer, shop, transaction, base, bonus, total, used, expires }) => [
      entries[Number(n) - 1]!,
      [n, 'found', use_id, code_id, customer, shop, transaction, base, bonus, total, used, expires],
    ]),
  );
}

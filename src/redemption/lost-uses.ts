import { withRules } from '../host/rules.js';
import type { Queryable } from '../postgres/database.js';
import type { AnswerRow } from './answers.js';
import type { Host } from './host.js';
import { useColumns } from './promo-code-use.js';
import type { Attempted } from './redeem.js';
import { arrayOfIds } from './statements.js';

const FROM = withRules(`
  FROM unnest($1:::use_id_type[], $2::text[], $3::text[], $4::text[]) WITH ORDINALITY AS q(id, code, shop, customer, n)
  JOIN :"uses" AS u ON u.:"use_id" = q.id
  JOIN :"codes" AS c ON c.:"code_id" = u.:"promo_code_id"
  LEFT JOIN :"library".promo_code_holds AS h ON h.use_id = u.:"use_id" AND h.released_at IS NULL
 WHERE c.:"code_shop_id"::text = q.shop AND upper(c.:"code"::text) = upper(btrim(q.code)) AND :counts(u)
   AND :customer(u) = :asked_customer(q.customer)
   AND coalesce(h.expires_at > clock_timestamp(), true)`);

/**
 * Looks for uses that earlier attempts of these requests may have made, with nothing that a fresh connection would have to
 * compile first. A use that is found under the request's own id, code and customer answers the request. One that is not
 * found proves nothing: its attempt may still be under way, and only a function that takes the attempt's lock can tell.
 */
export async function findLostUses(
  connection: Queryable,
  host: Host,
  entries: readonly Attempted[],
): Promise<Map<Attempted, AnswerRow>> {
  const { rows } = await connection.query(
    host.sql(`SELECT q.n::integer AS n, ${useColumns(host)}, extract(epoch FROM h.expires_at)::text AS expires${FROM}`),
    [
      arrayOfIds(entries.map(({ useId }) => useId)),
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

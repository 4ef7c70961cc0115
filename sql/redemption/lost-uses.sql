-- Uses that earlier attempts of requests ($1 their ids, $2 codes, $3 shops, $4 customers) have made: those with the id, the
-- code and the customer of the request. Each is a JSON array of texts, in the order of the columns of
-- redeem_promo_codes_in_order.
SELECT pg_catalog.array_to_json(ARRAY[q.n::text, 'found', :use_texts(), extract(epoch FROM h.expires_at)::text])::text AS answer
  FROM unnest($1:::use_id_type[], $2::text[], $3::text[], $4::text[]) WITH ORDINALITY AS q(id, code, shop, customer, n)
  JOIN :"uses" AS u ON u.:"use_id" = q.id
  JOIN :"codes" AS c ON c.:"code_id" = u.:"promo_code_id"
  LEFT JOIN :"library".promo_code_holds AS h ON :is_use_of_hold() AND h.released_at IS NULL
 WHERE :counts(u) AND :code_is(q.shop, q.code) AND :folded(u.:"customer_address"::text) = :asked_customer(q.customer)
   AND coalesce(h.expires_at > clock_timestamp(), true)

-- code_id(shop, code): the id of a code; first as it is written, which an index on the code finds as well.
coalesce(
  (SELECT c.id FROM :"schema".promo_codes AS c
    WHERE :code_is($shop, $code) AND c.code::text = btrim($code)
    ORDER BY c.id LIMIT 1),
  (SELECT c.id FROM :"schema".promo_codes AS c
    WHERE :code_is($shop, $code)
    ORDER BY c.id LIMIT 1))

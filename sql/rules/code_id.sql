-- code_id(shop, code): the id of a code; first as it is written, which an index on the code finds as well.
coalesce(
  (SELECT c.:"code_id" FROM :"codes" AS c
    WHERE :code_is($shop, $code) AND c.:"code"::text = btrim($code)
    ORDER BY upper(c.:"code"::text), c.:"code_id" LIMIT 1),
  (SELECT c.:"code_id" FROM :"codes" AS c
    WHERE :code_is($shop, $code)
    ORDER BY upper(c.:"code"::text), c.:"code_id" LIMIT 1))

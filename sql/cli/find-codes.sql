-- The codes of this name ($1), compared without case; with $2 those of this shop.
SELECT :code_columns
  FROM :"codes" AS c
 WHERE upper(c.:"code"::text) = :asked_code($1::text)
   AND ($2::text IS NULL OR c.:"code_shop_id"::text = $2)
 ORDER BY c.:"code_id"
 LIMIT 20

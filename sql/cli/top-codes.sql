-- The codes of a shop ($1; NULL: of all) with the most uses.
SELECT :code_columns
  FROM :"codes" AS c
 WHERE ($1::text IS NULL OR c.:"code_shop_id"::text = $1)
   AND :uses_counted(c) > 0
 ORDER BY :uses_counted(c) DESC, c.:"code_id"
 LIMIT 10

-- The next codes behind $1 (NULL: from the first on), at the most $2: how many, and the last of them.
SELECT count(*)::text AS codes, (pg_catalog.array_agg(b.id ORDER BY b.id DESC))[1]::text AS last
  FROM (SELECT c.:"code_id" AS id
          FROM :"codes" AS c
         WHERE $1::text IS NULL OR c.:"code_id" > $1::text:::code_id_type
         ORDER BY c.:"code_id"
         LIMIT $2::bigint) AS b

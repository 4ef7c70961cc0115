-- Locks the codes $1 in the order of their ids, as everybody does who counts. Answers those that are there, and what they carry so far,
-- which the next statement reads again.
WITH locked AS MATERIALIZED (
  SELECT c.:"code_id" AS id
    FROM :"codes" AS c
   WHERE c.:"code_id" = ANY ((SELECT $1::text:::code_id_type[]):::code_id_type[])
   ORDER BY c.:"code_id"
     FOR NO KEY UPDATE
)
SELECT coalesce(pg_catalog.array_agg(l.id), '{}')::text AS codes FROM locked AS l;

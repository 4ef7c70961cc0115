-- Which uses of one table (of a partitioned one, a partition) are to be archived, in the order in which they stand there: behind the
-- place $1, before the place $2, older than $3, at most $4. Pages are read one after another, whatever indexes there are.
SELECT count(*)::text AS uses, pg_catalog.array_agg(f.place)::text AS places, pg_catalog.array_agg(DISTINCT f.code)::text AS codes,
       (pg_catalog.array_agg(f.place ORDER BY f.place DESC))[1]::text AS last
  FROM (SELECT u.ctid AS place, u.:"promo_code_id" AS code
          FROM ONLY :"part_schema".:"part" AS u
         WHERE u.ctid > $1::text::tid AND u.ctid < $2::text::tid AND :is_archivable($3::timestamptz)
         ORDER BY u.ctid
         LIMIT $4::integer) AS f;

-- Archives the uses at the places $1, as far as they are still there and of the codes $2, which are locked. The trigger of the table
-- carries forward what they count. $4: see keep_archived_uses. Answers how many there were, and how many of them count.
-- The list of codes is read in a query of its own: as an expression it would be made of its text for each use.
WITH gone AS (
  DELETE FROM ONLY :"part_schema".:"part" AS u
   WHERE u.ctid = ANY ($1::text::tid[]) AND :is_archivable($3::timestamptz)
     AND (u.:"promo_code_id" IS NULL OR u.:"promo_code_id" = ANY ((SELECT $2::text:::code_id_type[]):::code_id_type[]))
  RETURNING u.*
)
/*if use_id*/
, :keep_archived_uses(gone AS u, $4::interval)
/*fi*/
:further_parts
SELECT count(*)::text AS archived, (count(*) FILTER (WHERE u.:"promo_code_id" IS NOT NULL AND :counts(u)))::text AS counted
  FROM gone AS u;

-- Keeps what calls may still ask for, see keep_archived_uses; $1 is the slack. Answers how many uses the partition has.
WITH gone AS (
  SELECT u.* FROM :"part_schema".:"part" AS u
)
/*if use_id and used_at*/
, :keep_archived_uses(gone AS u, $1::interval)
/*fi*/
SELECT count(*)::text AS archived, $1::interval::text AS slack FROM gone AS u;

-- What can be cleaned up: holds that are due, and idempotency keys older than 90 days. More than 100,000 are not counted.
SELECT (SELECT count(*) FROM (
          SELECT FROM :"library".promo_code_holds AS h JOIN :"uses" AS u ON :is_use_of_hold()
           WHERE :hold_is_due() LIMIT 100001) AS due)::text AS due_holds,
       (SELECT count(*) FROM (
          SELECT FROM :"library".promo_code_idempotency_keys AS k
           WHERE k.created_at <= now() - '90 days'::interval LIMIT 100001) AS old)::text AS old_keys

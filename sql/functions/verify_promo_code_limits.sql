-- Refuses uses beyond a limit, whoever wrote them (option enforceLimits). Fires after the counting trigger of the same
-- statement, so the codes are locked and their counters include the new rows; under the lock nobody else adds a use.
CREATE OR REPLACE FUNCTION :"schema".verify_promo_code_limits()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, :"schema", pg_temp
SET row_security = off
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  -- Codes that gained a use, and customers that gained a use of a code. Changing an amount gains nothing.
  gained bigint[];
  codes bigint[];
  customers text[];
  over record;
BEGIN
  IF TG_LEVEL = 'ROW' THEN
    codes := ARRAY[NEW.promo_code_id::bigint];
    customers := ARRAY[lower(btrim(NEW.customer_address::text))];
    gained := codes;
    IF TG_OP = 'UPDATE' AND NEW.promo_code_id = OLD.promo_code_id THEN
      gained := NULL;
      IF lower(btrim(NEW.customer_address::text)) = lower(btrim(OLD.customer_address::text)) THEN
        RETURN NULL;
      END IF;
    END IF;
  ELSIF TG_OP = 'INSERT' THEN
    SELECT pg_catalog.array_agg(n.code), pg_catalog.array_agg(n.customer)
      INTO codes, customers
      FROM (SELECT DISTINCT promo_code_id, lower(btrim(customer_address::text)) FROM new_uses) AS n(code, customer);
    gained := codes;
  ELSE
    SELECT pg_catalog.array_agg(m.code), pg_catalog.array_agg(m.customer), pg_catalog.array_agg(m.code) FILTER (WHERE m.of_code > 0::numeric)
      INTO codes, customers, gained
      FROM (
        SELECT w.code, w.customer, sum(w.weight) AS of_customer, sum(sum(w.weight)) OVER (PARTITION BY w.code) AS of_code
          FROM (
            SELECT promo_code_id, lower(btrim(customer_address::text)), 1 FROM new_uses
            UNION ALL
            SELECT promo_code_id, lower(btrim(customer_address::text)), -1 FROM old_uses
          ) AS w(code, customer, weight)
         GROUP BY w.code, w.customer
      ) AS m
     WHERE m.of_customer > 0::bigint;
  END IF;
  IF codes IS NULL THEN
    RETURN NULL;
  END IF;

  -- Held already where a counter moved; a use that only changed hands has not locked its code yet. The write that changes
  -- nothing makes such a change visible to transactions with an older snapshot, which then fail with 40001.
  PERFORM FROM :"schema".promo_codes AS c WHERE c.id = ANY (codes) ORDER BY c.id FOR NO KEY UPDATE;
  IF TG_OP = 'UPDATE' THEN
    UPDATE :"schema".promo_codes AS c SET updated_at = c.updated_at WHERE c.id = ANY (codes);
  END IF;

  SELECT c.id, c.code, c.total_usage_limit, c.times_used
    INTO over
    FROM :"schema".promo_codes AS c
   WHERE c.id = ANY (gained) AND c.times_used::numeric > c.total_usage_limit::numeric
   ORDER BY c.id
   LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'promo code % may be used % times in total', over.code, over.total_usage_limit
      USING ERRCODE = 'PC002', TABLE = 'promo_code_uses', SCHEMA = TG_TABLE_SCHEMA,
            DETAIL = pg_catalog.format('promo_codes.id %s would have %s uses.', over.id, over.times_used);
  END IF;

  SELECT c.id, c.code, c.per_customer_limit, n.customer, used.times
    INTO over
    FROM unnest(codes, customers) AS n(code, customer)
    JOIN :"schema".promo_codes AS c ON c.id::bigint = n.code AND c.per_customer_limit IS NOT NULL
   CROSS JOIN LATERAL (
     SELECT count(*) AS times
       FROM :"schema".promo_code_uses AS u
      WHERE u.promo_code_id = n.code AND lower(btrim(u.customer_address::text)) = n.customer
   ) AS used
   WHERE used.times::numeric > c.per_customer_limit::numeric
   ORDER BY c.id
   LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'promo code % may be used % times by one customer', over.code, over.per_customer_limit
      USING ERRCODE = 'PC003', TABLE = 'promo_code_uses', SCHEMA = TG_TABLE_SCHEMA,
            DETAIL = pg_catalog.format('Customer %s would have %s uses of promo_codes.id %s.', over.customer, over.times, over.id);
  END IF;
  RETURN NULL;
END
$body$;

REVOKE ALL ON FUNCTION :"schema".verify_promo_code_limits() FROM PUBLIC;

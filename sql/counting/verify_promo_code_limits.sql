-- Refuses uses beyond a limit, whoever wrote them (option enforceLimits). Fires after the counting trigger of the same
-- statement, so the codes are locked and their counters include the new rows; under the lock nobody else adds a use.
CREATE OR REPLACE FUNCTION :"library".verify_promo_code_limits()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, :"schema", pg_temp
SET row_security = off
SET enable_seqscan = off
SET enable_sort = off
SET jit = off
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  -- Codes that gained a use, and customers that gained a use of a code. Changing an amount gains nothing.
  gained :code_id_type[];
  codes :code_id_type[];
  customers text[];
  /*if max_total_bonus*/
  -- Codes with a budget that have more to pay than before.
  paying :code_id_type[];
  /*fi*/
  over record;
BEGIN
  IF TG_LEVEL = 'STATEMENT' THEN
    :leave_detached()
  END IF;
  IF TG_LEVEL = 'ROW' THEN
    /*if not deleted*/
    IF NOT :counts(NEW) THEN
      RETURN NULL;
    END IF;
    /*fi*/
    codes := ARRAY[CAST(NEW.:"promo_code_id" AS :code_id_type)];
    customers := ARRAY[:customer(NEW)];
    gained := codes;
    /*if max_total_bonus*/
    IF NEW.:"bonus_amount"::numeric > 0::numeric THEN
      paying := codes;
    END IF;
    /*fi*/
    IF TG_OP = 'UPDATE' AND NEW.:"promo_code_id" = OLD.:"promo_code_id" AND :counts(OLD) THEN
      gained := NULL;
      /*if max_total_bonus*/
      IF NEW.:"bonus_amount"::numeric <= OLD.:"bonus_amount"::numeric THEN
        paying := NULL;
      END IF;
      /*fi*/
      IF :customer(NEW) = :customer(OLD) THEN
        codes := NULL;
      END IF;
    END IF;
  ELSIF TG_OP = 'INSERT' THEN
    SELECT pg_catalog.array_agg(g.code), pg_catalog.array_agg(g.customer)
      INTO codes, customers
      FROM (SELECT DISTINCT n.:"promo_code_id", :customer(n) FROM new_uses AS n WHERE :counts(n)) AS g(code, customer);
    gained := codes;
  ELSE
    SELECT pg_catalog.array_agg(m.code), pg_catalog.array_agg(m.customer),
           pg_catalog.array_agg(m.code) FILTER (WHERE m.of_code > 0::numeric)
      INTO codes, customers, gained
      FROM (
        SELECT w.code, w.customer, sum(w.weight) AS of_customer, sum(sum(w.weight)) OVER (PARTITION BY w.code) AS of_code
          FROM (
            SELECT n.:"promo_code_id", :customer(n), 1 FROM new_uses AS n WHERE :counts(n)
            UNION ALL
            SELECT o.:"promo_code_id", :customer(o), -1 FROM old_uses AS o WHERE :counts(o)
          ) AS w(code, customer, weight)
         GROUP BY w.code, w.customer
      ) AS m
     WHERE m.of_customer > 0::bigint;
  END IF;
  /*if max_total_bonus*/
  IF TG_LEVEL = 'ROW' THEN
    paying := (SELECT pg_catalog.array_agg(c.:"code_id") FROM :"codes" AS c
                WHERE c.:"code_id" = ANY (paying) AND c.:"max_total_bonus" IS NOT NULL);
  ELSIF TG_OP = 'INSERT' THEN
    paying := (SELECT pg_catalog.array_agg(c.:"code_id")
                 FROM (SELECT n.:"promo_code_id" FROM new_uses AS n WHERE :counts(n)
                        GROUP BY n.:"promo_code_id" HAVING sum(n.:"bonus_amount"::numeric) > 0::numeric) AS w(code)
                 JOIN :"codes" AS c ON c.:"code_id" = w.code AND c.:"max_total_bonus" IS NOT NULL);
  ELSE
    paying := (SELECT pg_catalog.array_agg(c.:"code_id")
                 FROM (SELECT b.code
                         FROM (SELECT n.:"promo_code_id", n.:"bonus_amount"::numeric FROM new_uses AS n WHERE :counts(n)
                               UNION ALL
                               SELECT o.:"promo_code_id", - o.:"bonus_amount"::numeric FROM old_uses AS o WHERE :counts(o)
                              ) AS b(code, bonus)
                        GROUP BY b.code HAVING sum(b.bonus) > 0::numeric) AS w
                 JOIN :"codes" AS c ON c.:"code_id" = w.code AND c.:"max_total_bonus" IS NOT NULL);
  END IF;
  -- Without a customer of their own.
  codes := pg_catalog.array_cat(codes, paying);
  /*fi*/
  IF codes IS NULL THEN
    RETURN NULL;
  END IF;

  -- Held already where a counter moved; a use that only changed hands has not locked its code yet. The write that changes
  -- nothing makes such a change visible to transactions with an older snapshot, which then fail with 40001.
  PERFORM FROM :"codes" AS c WHERE c.:"code_id" = ANY (codes) ORDER BY c.:"code_id" FOR NO KEY UPDATE;
  /*if updated_at*/
  IF TG_OP = 'UPDATE' THEN
    UPDATE :"codes" AS c SET :"updated_at" = c.:"updated_at" WHERE c.:"code_id" = ANY (codes);
  END IF;
  /*fi*/

  -- What a code is called, and how far it goes, is not for everybody who may add uses. A row trigger on a partition without statement
  -- triggers, which has an argument, counts a use that comes from another partition before the statement gives back what it was
  -- there: the rows say how many there are.
  SELECT c.:"code_id" AS id
    INTO over
    FROM :"codes" AS c
   WHERE c.:"code_id" = ANY (gained) AND :uses_counted(c)::numeric > c.:"total_usage_limit"::numeric
     AND (TG_NARGS = 0 OR (SELECT count(*) FROM :"uses" AS u WHERE u.:"promo_code_id" = c.:"code_id" AND :counts(u))::numeric
                          > c.:"total_usage_limit"::numeric)
   ORDER BY ROW(c.:"code_id")
   LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'promo code % has no use left', over.id
      USING ERRCODE = 'PC002', TABLE = :'uses_name', SCHEMA = TG_TABLE_SCHEMA;
  END IF;

  SELECT c.:"code_id" AS id
    INTO over
    FROM pg_catalog.unnest(codes) WITH ORDINALITY AS g(code, place)
    JOIN :"codes" AS c ON c.:"code_id" = g.code AND c.:"per_customer_limit" IS NOT NULL
   WHERE :customer_uses(
           g.code, customers[g.place],
           greatest(least(c.:"per_customer_limit"::numeric, 2147483647::numeric), 0::numeric)::bigint + 1::bigint, true)::numeric
         + CASE WHEN :has_carried_customers() THEN :carried_customer_uses(g.code, customers[g.place])::numeric ELSE 0::numeric END
         > c.:"per_customer_limit"::numeric
   ORDER BY ROW(c.:"code_id")
   LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'promo code % has no use left for this customer', over.id
      USING ERRCODE = 'PC003', TABLE = :'uses_name', SCHEMA = TG_TABLE_SCHEMA;
  END IF;

  /*if max_total_bonus*/
  -- Row by row the counter does not hold yet what the statement is still to give back, and the rows do.
  SELECT c.:"code_id" AS id
    INTO over
    FROM :"codes" AS c
   WHERE c.:"code_id" = ANY (paying) AND :bonus_counted(c)::numeric > c.:"max_total_bonus"::numeric
     AND (TG_LEVEL = 'STATEMENT' OR (TG_OP = 'INSERT' AND TG_NARGS = 0)
          OR (SELECT sum(:finite_bonus(u)) FROM :"uses" AS u WHERE u.:"promo_code_id" = c.:"code_id" AND :counts(u))
             + :carried_bonus(c.:"code_id") > c.:"max_total_bonus"::numeric)
   ORDER BY ROW(c.:"code_id")
   LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'the budget of promo code % does not hold this bonus', over.id
      USING ERRCODE = 'PC009', TABLE = :'uses_name', COLUMN = :'bonus_amount', SCHEMA = TG_TABLE_SCHEMA;
  END IF;
  /*fi*/
  RETURN NULL;
END
$body$;

REVOKE ALL ON FUNCTION :"library".verify_promo_code_limits() FROM PUBLIC;

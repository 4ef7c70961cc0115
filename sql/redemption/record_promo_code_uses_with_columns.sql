-- Inserts accepted uses (the outcome is NULL) for record_promo_code_uses alone, and answers as that does, where requests fill
-- further columns of the host: one statement for all that fill the same ones, so that the others have their defaults.
CREATE OR REPLACE FUNCTION :"library".record_promo_code_uses_with_columns(outcomes text[], use_ids :use_id_type[], code_ids :code_id_type[], customers text[], transactions text[], bases numeric[], bonuses numeric[], with_holds boolean, columns jsonb[])
RETURNS TABLE (request integer, outcome text, use_id text, code_id text, customer text, shop text, transaction text, base text, bonus text, total text, used text, expires text)
LANGUAGE plpgsql
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  alike record;
BEGIN
  FOR alike IN
    SELECT k.names, pg_catalog.array_agg(k.n ORDER BY k.n) AS places,
           (SELECT pg_catalog.string_agg(pg_catalog.format(', %I', a.attname), '' ORDER BY a.attnum)
              FROM pg_attribute AS a WHERE a.attrelid = :'uses'::regclass::oid AND a.attname::text = ANY (k.names)) AS targets,
           (SELECT pg_catalog.string_agg(pg_catalog.format(', p.%I', a.attname), '' ORDER BY a.attnum)
              FROM pg_attribute AS a WHERE a.attrelid = :'uses'::regclass::oid AND a.attname::text = ANY (k.names)) AS sources,
           (SELECT pg_catalog.string_agg(pg_catalog.format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum)
              FROM pg_attribute AS a WHERE a.attrelid = :'uses'::regclass::oid AND a.attname::text = ANY (k.names)) AS definitions
      FROM (SELECT a.n, coalesce((SELECT pg_catalog.array_agg(o.name ORDER BY o.name)
                                    FROM jsonb_object_keys(a.more) AS o(name)), '{}'::text[]) AS names
              FROM unnest(outcomes, columns) WITH ORDINALITY AS a(outcome, more, n)
             WHERE a.outcome IS NULL) AS k
     GROUP BY k.names
  LOOP
    -- Put together, not by format(): the name of a table or column may hold what that would take for a place of its own.
    RETURN QUERY EXECUTE $insert$
      INSERT INTO :"uses" AS u (:use_columns() $insert$ || coalesce(alike.targets, ''::text) || $insert$)
      OVERRIDING SYSTEM VALUE
      SELECT :use_values(q.id, a.code_id, q.customer, a.shop, q.transaction, q.base, a.bonus) $insert$ || coalesce(alike.sources, ''::text) || $insert$
      :requested_uses(
        (SELECT r.id, r.code_id,
                :"library".promo_code_value(r.customer, (CAST(NULL AS :"uses")).:"customer_address") AS customer,
                /*if transaction_id*/
                :"library".promo_code_value(r.transaction, (CAST(NULL AS :"uses")).:"transaction_id") AS transaction,
                /*fi*/
                /*if not transaction_id*/
                r.transaction,
                /*fi*/
                r.base, r.given, r.more
           FROM unnest($2, $3, $4, $5, $6, $7, $8) WITH ORDINALITY AS r(id, code_id, customer, transaction, base, given, more, n)
          WHERE r.n = ANY ($1)) AS q, true)
      CROSS JOIN LATERAL jsonb_to_record(coalesce(q.more, '{}'::jsonb)) AS p($insert$ || coalesce(alike.definitions, '"pg-promo-codes" text'::text) || $insert$)
      RETURNING NULL::integer, 'redeemed', :use_texts(), CASE WHEN $9 THEN :new_expiry() END
      $insert$
      USING alike.places, use_ids, code_ids, customers, transactions, bases, bonuses, columns, with_holds;
  END LOOP;
END
$body$;

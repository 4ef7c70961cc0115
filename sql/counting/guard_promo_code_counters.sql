-- Stands before every write to promo_codes that could leave its counters untrue. The argument is the option
-- counterWrites: 'allow', 'ignore' or 'reject'.
CREATE OR REPLACE FUNCTION :"library".guard_promo_code_counters()
RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  counter_writes text := TG_ARGV[0];
  uses_written boolean := false;
  bonus_written boolean := false;
  counters text;
  statement text;
  marker text;
  moved record;
BEGIN
  IF TG_OP = 'UPDATE' THEN
    -- The library's own writes carry the marker. Unlike pg_trigger_depth() it tells them from a trigger of the host.
    IF NEW.:"code_id" = OLD.:"code_id"
       AND (counter_writes = 'allow' OR current_setting('pg_promo_codes.counting', true) = 'on') THEN
      RETURN NEW;
    END IF;
    /*if times_used*/
    uses_written := NEW.:"times_used" IS DISTINCT FROM OLD.:"times_used";
    /*fi*/
    /*if total_bonus_issued*/
    bonus_written := NEW.:"total_bonus_issued" IS DISTINCT FROM OLD.:"total_bonus_issued";
    /*fi*/
  ELSE
    /*if times_used*/
    uses_written := coalesce(NEW.:"times_used"::bigint, 0::bigint) <> 0::bigint;
    /*fi*/
    /*if total_bonus_issued*/
    bonus_written := coalesce(NEW.:"total_bonus_issued"::numeric, 0::numeric) <> 0::numeric;
    /*fi*/
  END IF;

  IF (uses_written OR bonus_written) AND counter_writes <> 'allow' THEN
    counters := pg_catalog.concat_ws(' and ', CASE WHEN uses_written THEN :'times_used' END,
                          CASE WHEN bonus_written THEN :'total_bonus_issued' END);
    IF counter_writes = 'reject' THEN
      RAISE EXCEPTION '% of % are kept by triggers and cannot be written (promo code %)',
        pg_catalog.concat_ws(' and ', :'times_used', :'total_bonus_issued'), TG_TABLE_NAME, NEW.:"code_id"
        USING ERRCODE = 'PC001', TABLE = TG_TABLE_NAME, SCHEMA = TG_TABLE_SCHEMA,
              HINT = pg_catalog.format('Insert, update or delete rows of %s instead; the counters follow.', :'uses_name');
    END IF;

    -- One warning for a statement of the client, however many rows it writes and however many statements a function makes
    -- of it. A trigger after the statement could count the rows, but would cost every insert of a use as well.
    statement := extract(epoch FROM statement_timestamp())::text;
    IF statement IS DISTINCT FROM current_setting('pg_promo_codes.warned', true) THEN
      marker := set_config('pg_promo_codes.warned', statement, true);
      RAISE WARNING USING
        MESSAGE = CASE TG_OP
          WHEN 'UPDATE' THEN pg_catalog.format(
            'what this statement writes to %s of %s is ignored: promo code %s keeps %s, as triggers have counted them',
            counters, TG_TABLE_NAME, NEW.:"code_id", pg_catalog.concat_ws(' and ',
              /*list*/
              /*if times_used*/
              :'times_used' || ' ' || coalesce(OLD.:"times_used"::text, 'NULL'),
              /*fi*/
              /*if total_bonus_issued*/
              :'total_bonus_issued' || ' ' || coalesce(OLD.:"total_bonus_issued"::text, 'NULL'),
              /*fi*/
              /*end*/))
          ELSE pg_catalog.format(
            'what this statement writes to %s of %s is ignored: the new promo code %s starts without uses, and triggers count them',
            counters, TG_TABLE_NAME, NEW.:"code_id") END,
        HINT = 'Remove the code that writes these columns, or choose another counterWrites with installTriggers(): '
            || '"allow" lets it write, "reject" makes it an error. A counter that has drifted is corrected by repairDrift().',
        TABLE = TG_TABLE_NAME, SCHEMA = TG_TABLE_SCHEMA;
    END IF;
  END IF;

  IF TG_OP = 'UPDATE' AND NEW.:"code_id" = OLD.:"code_id" THEN
    /*if times_used*/
    NEW.:"times_used" := OLD.:"times_used";
    /*fi*/
    /*if total_bonus_issued*/
    NEW.:"total_bonus_issued" := OLD.:"total_bonus_issued";
    /*fi*/
    RETURN NEW;
  END IF;

  IF (uses_written OR bonus_written) AND TG_OP = 'INSERT' AND counter_writes = 'allow' THEN
    /*if times_used*/
    NEW.:"times_used" := coalesce(NEW.:"times_used", 0);
    /*fi*/
    /*if total_bonus_issued*/
    NEW.:"total_bonus_issued" := coalesce(NEW.:"total_bonus_issued", 0);
    /*fi*/
    RETURN NEW;
  END IF;

  -- A code with another id stays in its campaign. What a code of that id has left behind, which this transaction has deleted, goes
  -- before. The uses that are there now are counted, as by every write to memberships.
  IF TG_OP = 'UPDATE' AND (:campaign_of(OLD.:"code_id") IS NOT NULL OR :campaign_of(NEW.:"code_id") IS NOT NULL) THEN
    PERFORM FROM :"library".promo_code_campaigns AS g
      WHERE g.id IN (:campaign_of(OLD.:"code_id"), :campaign_of(NEW.:"code_id"))
      ORDER BY g.id
      FOR KEY SHARE;
    marker := set_config('pg_promo_codes.renaming', 'on', true);
    DELETE FROM :"library".promo_code_campaign_codes AS m
     WHERE m.promo_code_id = NEW.:"code_id" AND NOT EXISTS (SELECT FROM :"codes" AS c WHERE c.:"code_id" = m.promo_code_id);
    UPDATE :"library".promo_code_campaign_codes AS m SET promo_code_id = NEW.:"code_id" WHERE m.promo_code_id = OLD.:"code_id";
    marker := set_config('pg_promo_codes.renaming', '', true);
  END IF;
  -- What it carries forward goes along. The campaign has left that out with the old id, so it comes back with the new one.
  IF TG_OP = 'UPDATE' AND :has_carried() THEN
    DELETE FROM :"library".promo_code_carried_customers AS k
     WHERE k.promo_code_id = NEW.:"code_id" AND NOT EXISTS (SELECT FROM :"codes" AS c WHERE c.:"code_id" = k.promo_code_id);
    DELETE FROM :"library".promo_code_carried_totals AS k
     WHERE k.promo_code_id = NEW.:"code_id" AND NOT EXISTS (SELECT FROM :"codes" AS c WHERE c.:"code_id" = k.promo_code_id);
    UPDATE :"library".promo_code_carried_customers AS k SET promo_code_id = NEW.:"code_id" WHERE k.promo_code_id = OLD.:"code_id";
    UPDATE :"library".promo_code_carried_totals AS k SET promo_code_id = NEW.:"code_id" WHERE k.promo_code_id = OLD.:"code_id"
    RETURNING k.uses, k.bonus, :campaign_of(NEW.:"code_id") AS campaign_id INTO moved;
    IF FOUND AND moved.campaign_id IS NOT NULL THEN
      PERFORM :"library".apply_promo_code_campaign_stats(ARRAY[moved.campaign_id], ARRAY[moved.uses], ARRAY[moved.bonus]);
    END IF;
  END IF;

  -- A new id starts at zero. Uses that carry it already, or that a foreign key with ON UPDATE CASCADE brings along after
  -- this, are counted by their own triggers or by the recount at commit.
  /*if times_used*/
  NEW.:"times_used" := 0;
  /*fi*/
  /*if total_bonus_issued*/
  NEW.:"total_bonus_issued" := 0;
  /*fi*/
  RETURN NEW;
END
$body$;

REVOKE ALL ON FUNCTION :"library".guard_promo_code_counters() FROM PUBLIC;

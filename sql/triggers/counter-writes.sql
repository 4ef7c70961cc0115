-- For counterWrites 'ignore' and 'reject'. The marker is set by the library's own functions around their writes; unlike
-- pg_trigger_depth() it also tells a counting trigger of the host from ours.
CREATE OR REPLACE TRIGGER guard_promo_code_counters_on_update
  BEFORE UPDATE ON :"schema".promo_codes
  FOR EACH ROW WHEN ((((old.times_used IS DISTINCT FROM new.times_used) OR (old.total_bonus_issued IS DISTINCT FROM new.total_bonus_issued)) AND (NOT (old.id IS DISTINCT FROM new.id)) AND (current_setting('pg_promo_codes.counting'::text, true) IS DISTINCT FROM 'on'::text)))
  EXECUTE FUNCTION :"schema".guard_promo_code_counters(:'counter_writes');

-- record_new_uses(uses): records rows named n that were inserted, as far as they count.
:history_columns()
SELECT CASE WHEN :is_reserved(n) OR EXISTS (
                   SELECT FROM :"library".promo_code_holds AS hold
                    WHERE hold.use_id = n.:"use_id" AND hold.released_at IS NULL AND hold.created_at = now())
            THEN 'reserved' ELSE 'redeemed' END,
       NULL, :history_state(n), NULL, NULL, :history_values(n, NULL)
  FROM $uses
 WHERE :counts(n)

-- is_archiving(): whether the transaction archives what it deletes. A role that cannot act as the owner of this function, with whose
-- rights it runs, cannot say so.
(coalesce(current_setting('pg_promo_codes.archiving', true), '') IN ('customers', 'totals')
 AND pg_has_role(session_user, current_user, 'MEMBER'))

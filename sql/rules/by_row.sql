-- by_row(): the partitions whose rows this transaction has counted by row triggers, as a list of their oids; NULL without any.
nullif(current_setting('pg_promo_codes.by_row', true), '')

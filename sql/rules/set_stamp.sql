-- set_stamp(): where the variable stamp, of the type of the column and now() so far, is not for moments, it becomes the time of
-- the host's zone, whatever that of the session.
IF NOT :"library".promo_code_keeps_zone(:'codes'::regclass) THEN
  stamp := now() AT TIME ZONE :'time_zone';
END IF;

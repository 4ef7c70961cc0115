-- require_free_ids(accepted, condition): accepts nothing where a use u, for which the condition holds, has an id already. It is looked
-- for only where no key of the table would refuse it, and after the code was locked, under which a repetition was recorded. No attempt
-- reaches the server a day after it was sent.
IF $accepted AND :"library".promo_code_ids_may_repeat(:'uses'::regclass) THEN
  /*if used_at*/
  IF :"library".promo_code_uses_are_by_time(:'uses'::regclass) THEN
    lately := now() - '1 day'::interval;
    $accepted := NOT EXISTS (SELECT FROM :"uses" AS u WHERE $condition AND u.:"used_at" >= lately);
  ELSE
  /*fi*/
    $accepted := NOT EXISTS (SELECT FROM :"uses" AS u WHERE $condition);
  /*if used_at*/
  END IF;
  /*fi*/
END IF;

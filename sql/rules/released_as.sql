-- released_as(use): why this transaction has released the hold that a use was; NULL where it was none, or is rolled back.
(SELECT mark.released_as FROM :"library".promo_code_holds AS mark
  WHERE mark.use_id = $use.:"use_id" AND mark.released_at >= now() AND mark.released_as IN ('expired', 'replaced'))

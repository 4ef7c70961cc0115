-- take_back(condition): takes uses u back.
/*if deleted*/
DELETE FROM :"uses" AS u WHERE $condition
/*fi*/
/*if rolled_back_at*/
UPDATE :"uses" AS u SET :"rolled_back" = CAST(:stamp() AS :rolled_back_type) WHERE $condition AND :counts(u)
/*fi*/
/*if status*/
UPDATE :"uses" AS u SET :"rolled_back" = CAST(:'taken_back' AS :rolled_back_type) WHERE $condition AND :counts(u)
/*fi*/

-- bonus(given, base): the bonus of one use of c: the one given, otherwise that of the code for the base reward, rounded once.
:"schema".promo_code_bonus(
  $given, :"schema".promo_code_is_percentage(c.bonus_type::text), c.bonus_value::numeric, c.max_bonus::numeric, $base,
  :"schema".promo_code_places('promo_code_uses'::regclass, 'promo_codes'::regclass))

-- asked_code(code): the code of a request, as it is compared: without case, and under the collation of the column.
upper(btrim(coalesce($code, (CAST(NULL AS :"schema".promo_codes)).code::text)))

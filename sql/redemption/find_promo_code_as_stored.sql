-- The code that a host has stored with a character around it that nobody types (the CR of a CSV file, a byte order mark, a
-- space), with a zero-width space in it, or in decomposed characters. What callers type comes without these. It is asked for
-- where nothing else was found, so it looks for so many spellings by the index on codes, and for no others.
CREATE OR REPLACE FUNCTION :"library".find_promo_code_as_stored(shop text, wanted text)
RETURNS :code_id_type
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  plain text := :asked_code(wanted);
  spellings text[] := ARRAY[plain || chr(13), plain || chr(13) || chr(10), plain || chr(10), plain || chr(9), plain || ' ',
                            ' ' || plain];
  found_id :code_id_type;
BEGIN
  IF getdatabaseencoding() = 'UTF8' THEN
    spellings := pg_catalog.array_cat(
      pg_catalog.array_cat(spellings, ARRAY[chr(65279) || plain, plain || chr(160), chr(160) || plain, plain || chr(8203),
                                            normalize(plain, NFD)]),
      ARRAY(SELECT overlay(plain PLACING chr(8203) FROM p.place FOR 0)
              FROM generate_series(1, least(length(plain), 32)) AS p(place)));
  END IF;
  SELECT c.:"code_id" INTO found_id
    FROM :"codes" AS c
   WHERE c.:"code_shop_id"::text = shop AND upper(c.:"code"::text) = ANY (spellings)
   ORDER BY ROW(c.:"code_id")
   LIMIT 1;
  RETURN found_id;
END
$body$;

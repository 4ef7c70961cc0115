-- Takes ids from the sequence of promo_code_uses ahead of their use, so that a caller whose connection breaks can ask for
-- its own use by its id. An identity column asks no right on its sequence of those who insert, hence the owner's rights
-- here; who is asking is known from the role that is set, or else from the login.
CREATE OR REPLACE FUNCTION :"library".reserve_promo_code_use_ids(how_many integer)
RETURNS text[]
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  -- By the search_path of this function, so that the name of the schema needs no quoting.
  uses oid := to_regclass(:'uses');
  numbers oid;
  ids text[];
BEGIN
  IF NOT has_table_privilege(coalesce(nullif(current_setting('role'), 'none'), session_user)::name, uses, 'INSERT') THEN
    RAISE EXCEPTION 'permission denied for table promo_code_uses' USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF how_many NOT BETWEEN 1 AND 10000 THEN
    RAISE EXCEPTION 'from 1 to 10000 ids can be reserved at once, not %', how_many USING ERRCODE = '22023';
  END IF;

  -- The sequence of an identity or serial column, or the one that the column's default names.
  SELECT d.objid INTO numbers
    FROM pg_depend AS d
    JOIN pg_attribute AS a ON a.attrelid = uses AND a.attname = 'id' AND a.attnum = d.refobjsubid
    JOIN pg_class AS s ON s.oid = d.objid AND s.relkind = 'S'
   WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = uses
     AND d.deptype IN ('a', 'i')
   LIMIT 1;
  IF numbers IS NULL THEN
    SELECT d.refobjid INTO numbers
      FROM pg_attrdef AS f
      JOIN pg_attribute AS a ON a.attrelid = f.adrelid AND a.attnum = f.adnum AND a.attname = 'id'
      JOIN pg_depend AS d ON d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid AND d.refclassid = 'pg_class'::regclass
      JOIN pg_class AS s ON s.oid = d.refobjid AND s.relkind = 'S'
     WHERE f.adrelid = uses
     LIMIT 1;
  END IF;
  IF numbers IS NULL THEN
    RAISE EXCEPTION 'promo_code_uses.id takes its values from no sequence'
      USING ERRCODE = 'PC006', TABLE = 'promo_code_uses', COLUMN = 'id',
            HINT = 'Make it an identity column, or give it a default of nextval().';
  END IF;
  SELECT pg_catalog.array_agg(nextval(numbers::regclass)::text) INTO ids FROM generate_series(1, how_many);
  RETURN ids;
END
$body$;

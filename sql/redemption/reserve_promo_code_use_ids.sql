-- Takes ids for uses ahead of their use, so that a caller whose connection breaks can ask for its own use by its id: from the
-- sequence of the column, or else as its default makes them, and random ones where UUIDs and texts have no default. An identity
-- column asks no right on its sequence of those who insert, hence the owner's rights here; who is asking is known from the role
-- that is set, or else from the login.
CREATE OR REPLACE FUNCTION :"library".reserve_promo_code_use_ids(how_many integer)
RETURNS text[]
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = pg_catalog, :"schema", pg_temp
AS $body$
-- pg-promo-codes 2
#variable_conflict use_variable
DECLARE
  uses oid := :'uses'::regclass::oid;
  numbers oid;
  maker text;
  ids text[];
BEGIN
  IF NOT has_table_privilege(coalesce(nullif(current_setting('role'), 'none'), session_user::text)::name, uses, 'INSERT') THEN
    RAISE EXCEPTION 'permission denied for table %', :'uses_name' USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF how_many < 1 OR how_many > 10000 THEN
    RAISE EXCEPTION 'from 1 to 10000 ids can be reserved at once, not %', how_many USING ERRCODE = '22023';
  END IF;

  -- The sequence of an identity or serial column, or the one that the column's default names.
  SELECT d.objid INTO numbers
    FROM pg_depend AS d
    JOIN pg_attribute AS a ON a.attrelid = uses AND a.attname = :'use_id'::name AND a.attnum::integer = d.refobjsubid
    JOIN pg_class AS s ON s.oid = d.objid AND s.relkind = 'S'::"char"
   WHERE d.classid = 'pg_class'::regclass::oid AND d.refclassid = 'pg_class'::regclass::oid AND d.refobjid = uses
     AND d.deptype IN ('a'::"char", 'i'::"char")
   LIMIT 1;
  IF numbers IS NULL THEN
    SELECT d.refobjid INTO numbers
      FROM pg_attrdef AS f
      JOIN pg_attribute AS a ON a.attrelid = f.adrelid AND a.attnum = f.adnum AND a.attname = :'use_id'::name
      JOIN pg_depend AS d ON d.classid = 'pg_attrdef'::regclass::oid AND d.objid = f.oid AND d.refclassid = 'pg_class'::regclass::oid
      JOIN pg_class AS s ON s.oid = d.refobjid AND s.relkind = 'S'::"char"
     WHERE f.adrelid = uses
     LIMIT 1;
  END IF;
  /*if number_uses*/
  IF numbers IS NOT NULL THEN
    SELECT pg_catalog.array_agg(nextval(numbers::regclass)::text) INTO ids FROM generate_series(1, how_many);
    RETURN ids;
  END IF;
  /*fi*/
  SELECT pg_get_expr(f.adbin, f.adrelid) INTO maker
    FROM pg_attrdef AS f
    JOIN pg_attribute AS a ON a.attrelid = f.adrelid AND a.attnum = f.adnum AND a.attname = :'use_id'::name
   WHERE f.adrelid = uses;
  /*if number_uses*/
  IF maker IS NULL THEN
    RAISE EXCEPTION '%.% takes its values from no sequence', :'uses_name', :'use_id'
      USING ERRCODE = 'PC006', TABLE = :'uses_name', COLUMN = :'use_id',
            HINT = 'Make it an identity column, or give it a default, such as one of nextval().';
  END IF;
  /*fi*/
  EXECUTE pg_catalog.format('SELECT pg_catalog.array_agg(m.id) FROM (SELECT (%s)::text AS id FROM pg_catalog.generate_series(1, $1)) AS m',
                            coalesce(maker, 'pg_catalog.gen_random_uuid()'))
     INTO ids USING how_many;
  RETURN ids;
END
$body$;

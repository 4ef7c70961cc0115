-- column_levels(): a part of a WITH RECURSIVE with the tables in host: each column, and below it the types that its domains
-- are of.
levels AS (
  SELECT h.oid AS relation, a.attnum, a.atttypid AS type, a.atttypmod AS modifier, a.attnotnull AS not_null,
         a.atthasdef OR a.attidentity <> ''::"char" AS has_default
    FROM host AS h
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid = h.oid AND a.attnum > 0::smallint AND NOT a.attisdropped
  UNION ALL
  SELECT l.relation, l.attnum, t.typbasetype, t.typtypmod, t.typnotnull, t.typdefault IS NOT NULL
    FROM levels AS l
    JOIN pg_catalog.pg_type AS t ON t.oid = l.type AND t.typtype = 'd'::"char"
)

-- The sequences that ids come from: that of the column, or the one that its default names. Ids that come from none have no row.
SELECT w.part AS part, q.seqstart::text AS start, q.seqincrement::text AS increment,
       -- Who may not read it learns how it begins.
       CASE WHEN pg_catalog.has_sequence_privilege(q.seqrelid, 'USAGE, SELECT')
            THEN pg_catalog.pg_sequence_last_value(q.seqrelid::pg_catalog.regclass)::text END AS last
  FROM (VALUES ('codes'::text, $2::text, $3::text), ('uses'::text, $4::text, $5::text)) AS w(part, of_table, of_column)
  JOIN pg_catalog.pg_namespace AS n ON n.nspname::text = $1::text
  JOIN pg_catalog.pg_class AS c ON c.relnamespace = n.oid AND c.relname::text = w.of_table
  JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid AND a.attname::text = w.of_column
 CROSS JOIN LATERAL (
         SELECT x.oid FROM (
           SELECT d.objid AS oid, 1 AS place
             FROM pg_catalog.pg_depend AS d
            WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass::oid
              AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass::oid
              AND d.refobjid = c.oid AND d.refobjsubid = a.attnum::integer AND d.deptype IN ('a'::"char", 'i'::"char")
            UNION ALL
           SELECT d.refobjid, 2
             FROM pg_catalog.pg_attrdef AS f
             JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass::oid AND d.objid = f.oid
              AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass::oid
            WHERE f.adrelid = c.oid AND f.adnum = a.attnum
         ) AS x
         JOIN pg_catalog.pg_sequence AS o ON o.seqrelid = x.oid
         ORDER BY x.place LIMIT 1
       ) AS s
  JOIN pg_catalog.pg_sequence AS q ON q.seqrelid = s.oid

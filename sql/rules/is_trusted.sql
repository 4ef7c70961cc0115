-- is_trusted(owner, tables): whether what belongs to a role may be relied on, given the table h of the host: that role may do
-- with the table what it likes anyway, or the current role may do with that role what it likes. A superuser may with
-- everybody, which says nothing.
(EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.oid = $owner AND (r.rolsuper OR r.rolname = current_user))
 OR pg_catalog.pg_has_role($owner, 'USAGE')
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user AND r.rolsuper)
 OR EXISTS (SELECT FROM $tables AND pg_catalog.pg_has_role($owner, h.relowner, 'USAGE')))

-- trusted_owner(owner): whether what belongs to this role may be relied on. Others could put something else there. The current
-- role, as a member of what it is a member of, superusers, and whoever may put triggers on the codes (in `host`). A superuser is a
-- member of every role, which says nothing.
(EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.oid = $owner AND (r.rolsuper OR r.rolname = current_user))
 OR EXISTS (SELECT FROM host AS h WHERE h.part = 'codes'::text AND pg_catalog.has_table_privilege($owner, h.oid, 'TRIGGER'))
 OR (pg_catalog.pg_has_role($owner, 'USAGE')
     AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user AND r.rolsuper)))

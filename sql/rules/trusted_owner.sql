-- trusted_owner(owner): whether what belongs to this role may be relied on. Others could put something else there. The current
-- role, as a member of what it is a member of, superusers, the owner of the codes (in `host`), and who has written what the
-- triggers of the codes call. A superuser is a member of every role, which says nothing.
(EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.oid = $owner AND (r.rolsuper OR r.rolname = current_user))
 OR EXISTS (SELECT FROM host AS h WHERE h.part = 'codes'::text AND h.relowner = $owner)
 OR (pg_catalog.pg_has_role($owner, 'USAGE')
     AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user AND r.rolsuper))
 OR EXISTS (SELECT FROM host AS h
              JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = h.oid
              JOIN pg_catalog.pg_proc AS f ON f.oid = t.tgfoid
             WHERE h.part = 'codes'::text AND f.proowner = $owner))

-- is_trusted(role): whether what belongs to a role may be relied on: it is the current one or a superuser, its schema or its
-- tables are those of the host, or it may hang triggers on them. The rights of the current role count, but a superuser has
-- those of everybody. The tables stand in host.
(EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.oid = $role AND (r.rolsuper OR r.rolname = current_user))
 OR (pg_catalog.pg_has_role($role, 'USAGE')
     AND NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = current_user AND r.rolsuper))
 OR EXISTS (SELECT FROM pg_catalog.pg_namespace AS n WHERE n.nspname::text = place.schema AND n.nspowner = $role)
 OR (EXISTS (SELECT FROM host AS h)
     AND NOT EXISTS (SELECT FROM host AS h WHERE NOT pg_catalog.has_table_privilege($role, h.oid, 'TRIGGER'))))

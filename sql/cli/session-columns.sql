-- What is shown of a session a, in a transaction that may have been prepared.
coalesce(a.usename, '') AS "user", coalesce(a.application_name, '') AS application,
       coalesce(host(a.client_addr), '') AS client, coalesce(a.state, '') AS state,
       extract(epoch FROM coalesce(a.xact_start, s.prepared))::text AS since,
       extract(epoch FROM a.query_start)::text AS statement_since,
       extract(epoch FROM now() - coalesce(a.xact_start, s.prepared))::text AS seconds,
       coalesce(a.query, '') AS statement

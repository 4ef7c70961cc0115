import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Server } from './options';

/** PostgreSQL needs a moment to notice that a connection was closed. */
const PATIENCE_MS = 3_000;

/** In a server that is ours alone, anything that is not PostgreSQL's is a leftover; elsewhere only what carries the run's mark. */
const CLUSTER_LEFTOVERS = `
  select 'database ' || quote_ident(datname) as leftover from pg_database
    where not datistemplate and datname not in ('postgres', current_database()) and ($2 or strpos(datname, $1) > 0)
  union all
  select 'role ' || quote_ident(rolname) from pg_roles
    where rolname not like 'pg\\_%' and rolname <> current_user and ($2 or strpos(rolname, $1) > 0)
  union all
  select 'replication slot ' || slot_name from pg_replication_slots where $2 or strpos(slot_name, $1) > 0
  union all
  select 'prepared transaction ' || gid from pg_prepared_xacts where $2 or strpos(gid, $1) > 0
  union all
  select format('connection of %s (%s): %s', application_name, state, left(query, 200)) from pg_stat_activity
    where backend_type = 'client backend' and pid <> pg_backend_pid() and ($2 or strpos(application_name, $1) > 0)`;

const SCHEMA_LEFTOVERS = `
  select 'schema ' || quote_ident(nspname) as leftover from pg_namespace
    where nspname not like 'pg\\_%' and nspname not in ('information_schema', 'public')
      and ($2 or strpos(nspname, $1) > 0)
  union all
  select 'table in public: ' || quote_ident(relname) from pg_class
    where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm') and $2`;

/** Says what a finished run has left in the server: databases, roles, schemas, connections, slots. */
export async function findLeftovers(
  server: Pick<Server, 'url' | 'shared'>,
  run: string,
  patienceMs: number = PATIENCE_MS,
): Promise<string[]> {
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  try {
    const limit = Date.now() + patienceMs;
    for (;;) {
      const { rows } = await client.query<{ leftover: string }>(`${CLUSTER_LEFTOVERS} union all ${SCHEMA_LEFTOVERS}`, [
        run,
        !server.shared,
      ]);
      if (rows.length === 0 || Date.now() > limit) return rows.map((row) => row.leftover);
      await sleep(50);
    }
  } finally {
    await client.end();
  }
}

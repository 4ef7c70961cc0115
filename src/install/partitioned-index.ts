import type { HostDescription, HostTable } from '../host/description.js';
import type { Queryable } from '../postgres/database.js';
import { quoteIdentifier } from '../postgres/identifiers.js';
import type { IndexToBuild } from './build-index.js';
import { withShortLocks } from './short-locks.js';

interface Part {
  oid: string;
  parent: string | null;
  /** Whether it has partitions itself. */
  branches: boolean;
  path: string;
  schema: string;
}

/**
 * A partitioned table takes no concurrent build, but its partitions do: an empty index on the parent, which locks nothing
 * for longer than a moment, then one on each partition, which becomes a part of the parent's. The parent's index is valid
 * when the last one is; what a build that failed has left is removed first.
 */
export async function buildOnPartitions(
  connection: Queryable,
  host: HostDescription,
  index: IndexToBuild,
  waitMs: number,
): Promise<void> {
  const { name } = index.object;
  const { columns } = index.definition;
  const parts = await partsOf(connection, host, index.table);
  const nameOn = (part: Part) => quoteIdentifier(part.parent === null ? name : `${name.slice(0, 40)}_p${part.oid}`);
  const pathOf = (part: Part) => `${quoteIdentifier(part.schema)}.${nameOn(part)}`;

  const [root] = parts;
  if (!root) return;
  if (index.object.state === 'outdated') await connection.query(`DROP INDEX IF EXISTS ${pathOf(root)}`);
  for (const part of parts) {
    if (part.parent !== null) {
      const concurrently = part.branches ? '' : 'CONCURRENTLY ';
      await connection.query(`DROP INDEX ${concurrently}IF EXISTS ${pathOf(part)}`);
    }
  }
  for (const part of parts) {
    if (part.branches)
      await createEmpty(connection, `CREATE INDEX ${nameOn(part)} ON ONLY ${part.path} ${columns}`, waitMs);
    else await connection.query(`CREATE INDEX CONCURRENTLY ${nameOn(part)} ON ${part.path} ${columns}`);
  }
  // The leaves first: an index of a branch is valid only when those of its partitions are.
  for (const part of [...parts].reverse()) {
    const parent = parts.find(({ oid }) => oid === part.parent);
    if (parent) await connection.query(`ALTER INDEX ${pathOf(parent)} ATTACH PARTITION ${pathOf(part)}`);
  }
}

/** It builds nothing, but waits for writers, and new ones queue up behind it: with as little patience as other DDL. */
async function createEmpty(connection: Queryable, statement: string, lockTimeoutMs: number): Promise<void> {
  await withShortLocks(lockTimeoutMs, 'one', async (waitMs) => {
    await connection.query('BEGIN');
    try {
      await connection.query(`SELECT set_config('lock_timeout', $1, true)`, [`${waitMs}ms`]);
      await connection.query(statement);
      await connection.query('COMMIT');
    } catch (error) {
      await connection.query('ROLLBACK');
      throw error;
    }
  });
}

/** The table and its partitions, parents before children. */
async function partsOf(connection: Queryable, host: HostDescription, table: HostTable): Promise<Part[]> {
  const { rows } = await connection.query(
    `WITH RECURSIVE parts AS (
       SELECT c.oid, NULL::oid AS parent, 0 AS level
         FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = $1::pg_catalog.name AND c.relname = $2::pg_catalog.name
       UNION ALL
       SELECT i.inhrelid, i.inhparent, parts.level + 1
         FROM parts JOIN pg_catalog.pg_inherits AS i ON i.inhparent = parts.oid
     )
     SELECT parts.oid::text AS oid, parts.parent::text AS parent, (c.relkind = 'p'::"char")::text AS branches,
            n.nspname::text AS schema, c.relname::text AS name
       FROM parts
       JOIN pg_catalog.pg_class AS c ON c.oid = parts.oid AND c.relkind IN ('r', 'p')
       JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
      ORDER BY parts.level, parts.oid`,
    [host.schema, host[table].name],
  );
  return rows.map((row) => ({
    oid: row.oid,
    parent: row.parent,
    branches: row.branches === 'true',
    schema: row.schema,
    path: `${quoteIdentifier(row.schema)}.${quoteIdentifier(row.name)}`,
  }));
}

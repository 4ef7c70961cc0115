import type { TestSchema } from './schema';

/** The host that a schema has, and what its structure was when its test began. */
const hosts = new WeakMap<TestSchema, { kind: string; structure: string }>();

/**
 * An empty host of this kind in both schemas. One that the last test has left as it was is emptied, which takes a tenth of
 * the time of a new one.
 */
export async function hostOf(t: TestSchema, kind: string, create: () => Promise<void>): Promise<void> {
  const earlier = hosts.get(t);
  if (earlier?.kind === kind && earlier.structure === (await structureOf(t))) return emptyTables(t);
  hosts.delete(t);
  await t.sql('DROP SCHEMA IF EXISTS :"schema", :"library" CASCADE; CREATE SCHEMA :"schema"');
  await create();
  hosts.set(t, { kind, structure: await structureOf(t) });
}

/** Past every trigger and foreign key, and without TRUNCATE, which makes new files and so another structure. */
async function emptyTables(t: TestSchema): Promise<void> {
  await t.sql(
    `DO $empty$
     DECLARE
       found record;
     BEGIN
       SET LOCAL session_replication_role = replica;
       FOR found IN
         SELECT c.oid, c.relkind, n.nspname, c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
          WHERE n.nspname IN (:'schema', :'library') AND c.relkind IN ('r', 'S')
       LOOP
         IF found.relkind = 'r' THEN
           EXECUTE format('DELETE FROM %I.%I', found.nspname, found.relname);
         ELSE
           PERFORM setval(found.oid, s.seqstart, false) FROM pg_sequence AS s WHERE s.seqrelid = found.oid;
         END IF;
       END LOOP;
     END
     $empty$`,
  );
}

/** Where the objects of a schema are listed: the catalog, the id of an object in it, and what the object belongs to. */
const OF_A_SCHEMA = [
  ['pg_namespace', 'oid', 'oid'],
  ['pg_class', 'oid', 'relnamespace'],
  ['pg_proc', 'oid', 'pronamespace'],
  ['pg_type', 'oid', 'typnamespace'],
  ['pg_constraint', 'oid', 'connamespace'],
  ['pg_default_acl', 'oid', 'defaclnamespace'],
] as const;
const OF_A_TABLE = [
  ['pg_attribute', 'attnum', 'attrelid'],
  ['pg_attrdef', 'oid', 'adrelid'],
  ['pg_trigger', 'oid', 'tgrelid'],
  ['pg_rewrite', 'oid', 'ev_class'],
  ['pg_policy', 'oid', 'polrelid'],
  ['pg_sequence', 'seqrelid', 'seqrelid'],
  ['pg_inherits', 'inhrelid', 'inhparent'],
  ['pg_index', 'indexrelid', 'indrelid'],
  ['pg_publication_rel', 'oid', 'prrelid'],
] as const;

/** Differs as soon as anything but rows was created, changed or removed in either schema. */
async function structureOf(t: TestSchema): Promise<string> {
  const schemas = `SELECT oid FROM pg_namespace WHERE nspname IN (:'schema', :'library')`;
  const tables = `SELECT oid FROM pg_class WHERE relnamespace IN (${schemas})`;
  const functions = `SELECT oid FROM pg_proc WHERE pronamespace IN (${schemas})`;
  const versions = (catalog: string, id: string, condition: string) =>
    `SELECT '${catalog}' AS catalog, ${id}::text AS id, xmin::text AS version FROM ${catalog} WHERE ${condition}`;
  const parts = [
    ...OF_A_SCHEMA.map(([catalog, id, owner]) => versions(catalog, id, `${owner} IN (${schemas})`)),
    ...OF_A_TABLE.map(([catalog, id, owner]) => versions(catalog, id, `${owner} IN (${tables})`)),
    ...[tables, functions].map((objects) => versions('pg_description', 'objoid', `objoid IN (${objects})`)),
  ];
  const { rows } = await t.sql<{ structure: string }>(
    `SELECT md5(string_agg(concat_ws(' ', catalog, id, version), ',' ORDER BY catalog, id, version)) AS structure
       FROM (${parts.join(' UNION ALL ')}) AS parts`,
  );
  return rows[0]!.structure;
}

import { readdirSync, readFileSync } from 'node:fs';
import type pg from 'pg';

/** Types that columns of hosts, of the library and of the system catalogs have, and what is computed from them. */
const TYPES = [
  ...[
    'text',
    'varchar',
    'bpchar',
    'name',
    '"char"',
    'oid',
    'regclass',
    'regtype',
    'regnamespace',
    'regprocedure',
    'xid',
  ],
  ...['int2', 'int4', 'int8', 'numeric', 'float4', 'float8', 'bool', 'timestamptz', 'timestamp', 'date', 'interval'],
  ...['uuid', 'jsonb', 'json', 'bytea', 'int2vector', 'oidvector', 'pg_node_tree'],
];

const SYMBOLS = [
  ...['=', '<>', '<', '<=', '>', '>=', '~~', '!~~', '~~*', '~', '!~', '~*', '!~*', '@>', '<@', '?', '&&'],
  ...['+', '-', '*', '/', '%', '||', '&', '|', '->', '->>', '#>>', '^', '<<'],
];

/**
 * Traps of a stranger in a schema: operators for all pairs of types, and functions for all types that the parameters of a
 * function of `pg_catalog` take, as far as `pg_catalog` has none for exactly these types. Each is an error that names it.
 * What is resolved by nothing but a better match than `pg_catalog` has falls into one of them.
 *
 * @returns how many operators and functions there are
 */
export async function layTraps(
  stranger: pg.ClientBase,
  schema: string,
): Promise<[operators: number, functions: number]> {
  await stranger.query('SET search_path = pg_catalog; SET check_function_bodies = off');
  await stranger.query(`SELECT set_config('traps.schema', $1, false)`, [schema]);
  await stranger.query(`SELECT set_config('traps.types', $1, false)`, [
    `{${TYPES.map((type) => JSON.stringify(type)).join(',')}}`,
  ]);
  await stranger.query(`SELECT set_config('traps.symbols', $1, false)`, [SYMBOLS.join(' ')]);
  await stranger.query(`SELECT set_config('traps.names', $1, false)`, [[...wordsOfLibrary()].join(' ')]);
  await stranger.query(OPERATORS);
  await stranger.query(FUNCTIONS);
  const { rows } = await stranger.query(
    `SELECT (SELECT count(*)::integer FROM pg_operator WHERE oprnamespace = $1::text::regnamespace) AS operators,
            (SELECT count(*)::integer FROM pg_proc WHERE pronamespace = $1::text::regnamespace AND proname !~ '^trap ') AS functions`,
    [schema],
  );
  return [rows[0].operators, rows[0].functions];
}

/** Every word of the library's SQL that may be the name of a function. */
function wordsOfLibrary(): Set<string> {
  const words = new Set<string>();
  for (const folder of ['sql', 'src']) {
    const root = new URL(`../../${folder}/`, import.meta.url);
    for (const file of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
      if (!/\.(sql|ts)$/.test(file)) continue;
      for (const [, word] of readFileSync(new URL(file, root), 'utf8').matchAll(/\b([a-z][a-z0-9_]+)\(/g))
        words.add(word!);
    }
  }
  return words;
}

/** For every pair of types that an operator of `pg_catalog` takes, by implicit casts or because it takes any. */
const OPERATORS = `
DO $traps$
DECLARE
  home text := current_setting('traps.schema');
  scalars oid[] := (current_setting('traps.types')::regtype[])::oid[];
  trap text;
BEGIN
  FOR trap IN
    WITH types AS (SELECT y.oid AS type, y.oid AS element, false AS is_array FROM pg_type AS y WHERE y.oid = ANY (scalars)
                    UNION ALL
                   SELECT y.typarray, y.oid, true FROM pg_type AS y WHERE y.oid = ANY (scalars) AND y.typarray <> 0),
         -- What is taken for what.
         taken AS (SELECT t.type, t.type AS as_type, NULL::oid AS element FROM types AS t
                    UNION SELECT t.type, c.casttarget, NULL FROM types AS t JOIN pg_cast AS c ON c.castsource = t.type AND c.castcontext = 'i'
                    UNION SELECT t.type, a.type::regtype::oid, t.element FROM types AS t, (VALUES ('anyarray'), ('anycompatiblearray')) AS a(type) WHERE t.is_array
                    UNION SELECT t.type, a.type::regtype::oid, t.element FROM types AS t, (VALUES ('anyelement'), ('anycompatible')) AS a(type)
                    UNION SELECT t.type, a.type::regtype::oid, t.element FROM types AS t, (VALUES ('anynonarray'), ('anycompatiblenonarray')) AS a(type) WHERE NOT t.is_array),
         pairs AS (SELECT DISTINCT o.oprname::text AS symbol, l.type AS l, r.type AS r
                     FROM pg_operator AS o
                     JOIN taken AS l ON l.as_type = o.oprleft
                     JOIN taken AS r ON r.as_type = o.oprright
                    WHERE o.oprnamespace = 'pg_catalog'::regnamespace
                      AND o.oprname::text = ANY (string_to_array(current_setting('traps.symbols'), ' '))
                      -- Where any type is taken, both are of one, or of two that are alike.
                      AND (l.element = r.element OR l.element IS NULL OR r.element IS NULL
                           OR (l.element::regtype::text || ' ' || r.element::regtype::text)
                                ~ '^(smallint|integer|bigint) (smallint|integer|bigint)$|^(text|character varying|name) (text|character varying|name)$')
                    UNION
                   -- A literal is first taken for what stands on the other side.
                   SELECT s.symbol, t.type, t.type FROM types AS t, unnest(string_to_array(current_setting('traps.symbols'), ' ')) AS s(symbol)),
         wanted AS (SELECT p.symbol, format_type(p.l, NULL) AS l, format_type(p.r, NULL) AS r,
                           coalesce((SELECT format_type(o.oprresult, NULL) FROM pg_operator AS o JOIN pg_type AS y ON y.oid = o.oprresult AND y.typtype <> 'p'
                                      WHERE o.oprname::text = p.symbol AND o.oprnamespace = 'pg_catalog'::regnamespace
                                      ORDER BY o.oprleft = p.l DESC, o.oprright = p.r DESC, o.oid LIMIT 1), 'text') AS result
                      FROM pairs AS p
                     WHERE NOT EXISTS (SELECT FROM pg_operator AS o
                                        WHERE o.oprnamespace = 'pg_catalog'::regnamespace AND o.oprname::text = p.symbol
                                          AND o.oprleft = p.l AND o.oprright = p.r))
    SELECT format('CREATE FUNCTION %1$s.%2$I(l %3$s, r %4$s) RETURNS %5$s LANGUAGE plpgsql AS %6$L;
                   CREATE OPERATOR %1$s.%7$s (LEFTARG = %3$s, RIGHTARG = %4$s, FUNCTION = %1$s.%2$I)',
                  home, format('trap %s %s %s', w.l, w.symbol, w.r), w.l, w.r, w.result,
                  format('BEGIN RAISE EXCEPTION %L; END', replace(format('fell into the trap (%s %s %s)', w.l, w.symbol, w.r), '%', '%%')),
                  w.symbol)
      FROM wanted AS w
  LOOP
    EXECUTE trap;
  END LOOP;
END
$traps$`;

/** For up to three parameters, every type that is taken for each by an implicit cast; any type where any is taken. */
const FUNCTIONS = `
DO $traps$
DECLARE
  home text := current_setting('traps.schema');
  types regtype[] := current_setting('traps.types')::regtype[];
  found record;
BEGIN
  FOR found IN
    WITH scalars AS (SELECT t::oid AS type FROM unnest(types) AS t),
         known AS (SELECT s.type, y.typarray FROM scalars AS s JOIN pg_type AS y ON y.oid = s.type),
         words AS (SELECT w::name AS name FROM unnest(string_to_array(current_setting('traps.names'), ' ')) AS w),
         functions AS (
           SELECT p.oid, p.proname, p.provariadic <> 0 AS is_variadic,
                  CASE WHEN p.provariadic <> 0 THEN array_fill('"any"'::regtype::oid, ARRAY[least(p.pronargs + 2, 3)])
                       ELSE p.proargtypes::oid[] END AS args
             FROM pg_proc AS p
            WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname IN (SELECT w.name FROM words AS w)
              AND p.pronargs BETWEEN 1 AND 3 AND p.prorettype NOT IN ('trigger'::regtype, 'internal'::regtype)
         ),
         -- What may stand for a parameter: its own type, what is implicitly cast to it, and any element or array for those
         -- that take any. All polymorphic parameters of one call are of one element.
         calls AS (
           SELECT DISTINCT f.proname, ARRAY(
                    SELECT CASE WHEN a.type IN ('anyarray'::regtype, 'anycompatiblearray'::regtype) THEN k.typarray
                                WHEN a.type IN ('"any"'::regtype, 'anyelement'::regtype, 'anynonarray'::regtype, 'anycompatible'::regtype,
                                                'anycompatiblenonarray'::regtype) THEN k.type
                                ELSE coalesce((SELECT c.castsource FROM pg_cast AS c
                                                WHERE c.casttarget = a.type AND c.castsource = k.type AND c.castcontext = 'i'
                                                  AND (mask & (1 << (a.n::integer - 1))) <> 0), a.type) END
                      FROM unnest(f.args) WITH ORDINALITY AS a(type, n) ORDER BY a.n) AS args
             FROM functions AS f, known AS k, generate_series(1, 7) AS mask
            WHERE NOT (0 = ANY (f.args)) AND mask < (1 << cardinality(f.args))
              AND k.typarray <> 0
           UNION
           -- Arrays where any element is taken.
           SELECT f.proname, ARRAY[k.typarray]
             FROM functions AS f, known AS k
            WHERE cardinality(f.args) = 1 AND k.typarray <> 0
              AND f.args[1] IN ('"any"'::regtype, 'anyelement'::regtype)
           UNION
           -- A text first, as in format() and concat_ws().
           SELECT f.proname, ARRAY['text'::regtype::oid] || array_fill(k.type, ARRAY[n])
             FROM functions AS f, known AS k, generate_series(1, 4) AS n WHERE f.is_variadic
         )
    SELECT c.proname, c.args,
           (SELECT string_agg(format_type(a.type, NULL), ', ' ORDER BY a.n) FROM unnest(c.args) WITH ORDINALITY AS a(type, n)) AS list,
           (SELECT format_type(p.prorettype, NULL) FROM pg_proc AS p
             WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname = c.proname
               AND p.prorettype NOT IN (SELECT y.oid FROM pg_type AS y WHERE y.typtype = 'p') ORDER BY p.oid LIMIT 1) AS answer
      FROM calls AS c
     WHERE NOT EXISTS (SELECT FROM pg_proc AS p
                        WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname = c.proname
                          AND p.proargtypes::oid[] = c.args AND p.provariadic = 0)
       AND NOT EXISTS (SELECT FROM unnest(c.args) AS a(type) JOIN pg_type AS y ON y.oid = a.type WHERE y.typtype = 'p')
  LOOP
    EXECUTE format(
      'CREATE FUNCTION %s.%I(%s) RETURNS %s LANGUAGE plpgsql AS %L', home, found.proname, found.list,
      coalesce(found.answer, split_part(found.list, ', ', 1)),
      format('BEGIN RAISE EXCEPTION %L; END', format('fell into the trap %s(%s)', found.proname, found.list)));
  END LOOP;
END
$traps$`;

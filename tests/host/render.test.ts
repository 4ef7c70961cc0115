import { describe, expect, it } from 'vitest';
import { describeTables, type HostTables } from '../../src/host/description';
import { forHost, renderSqlFile } from '../../src/host/render';
import { quoteIdentifier, quoteLiteral } from '../../src/postgres/identifiers';

/** Names that a careless rendering takes for something else. */
const TRAPS = [
  '$body$',
  '$body_$ and $body$',
  '$json$ $schema$x$schema$',
  `it's "quoted"`,
  ':"times_used"',
  ":'uses_name'",
  ':code_id_type',
  '-- no comment',
  '/* nor */ this',
  '/*if folded*/x/*fi*/',
  '/*list*/ a, /*end*/',
  '$1 $& $$',
  'back\\slash',
];

function layoutOf(tables: HostTables = {}, schema = 'public') {
  return { ...describeTables(schema, tables), librarySchema: 'lib', types: { codeId: 'uuid', useId: 'bigint' } };
}

describe('names', () => {
  it.each(TRAPS)('%s stands in the SQL as a name and as a literal, and as nothing else', (name) => {
    const tables = { codes: { name, columns: { timesUsed: `${name} used` } }, uses: { name: `${name} uses` } };
    const layout = layoutOf(tables, `${name} schema`);
    const file = `SELECT c.:"times_used", :"times_used", :'times_used', :'codes' FROM :"codes" AS c, :"uses";`;
    const [codes, uses] = [name, `${name} uses`].map(
      (table) => `${quoteIdentifier(`${name} schema`)}.${quoteIdentifier(table)}`,
    );
    const column = quoteIdentifier(`${name} used`);
    expect(renderSqlFile(file, layout)).toBe(
      `SELECT c.${column}, ${column}, ${quoteLiteral(`${name} used`)}, ${quoteLiteral(codes!)} FROM ${codes} AS c, ${uses};`,
    );
  });

  it.each(['$body$', 'x$body', '$body_$body$', '$body__'])('a body ends at no name such as %s', (name) => {
    const rendered = renderSqlFile(
      'AS $body$\nSELECT :"times_used"\n$body$;',
      layoutOf({ codes: { columns: { timesUsed: name } } }),
    );
    const [, quote = ''] = /^AS (\$\w+\$)\n/.exec(rendered) ?? [];
    expect(rendered).toBe(`AS ${quote}\nSELECT ${quoteIdentifier(name)}\n${quote};`);
    expect(quoteIdentifier(name)).not.toContain(quote.slice(0, -1));
  });

  it('what stands in comments, strings and quoted names of a file is left alone', () => {
    const file = `-- :"times_used"\nSELECT ':"times_used"', ":'times_used'", x::text, :unknown, :"unknown"`;
    expect(renderSqlFile(file, layoutOf())).toBe(file);
  });

  it('types, and texts that are given', () => {
    const file = `SELECT $1:::code_id_type, $2:::use_id_type[], $json$:json_text$json$`;
    expect(renderSqlFile(file, layoutOf(), {}, { json_text: '{"a":":code_id_type"}' })).toBe(
      `SELECT $1::uuid, $2::bigint[], $json$` + `{"a":":code_id_type"}$json$`,
    );
  });
});

describe('columns that a host does not have', () => {
  const layout = layoutOf({ codes: { columns: { timesUsed: null, isActive: null } } });

  it('are read as an expression, of the type that the column would have', () => {
    expect(renderSqlFile(`c.:"times_used", c.:"is_active", :'times_used'`, layout)).toBe('NULL::bigint, true, NULL');
  });

  it('cannot be written', () => {
    expect(() => renderSqlFile('SET :"times_used" = 1', layout)).toThrow('the host has no column for :"times_used"');
  });

  it('are read in the type below their own', () => {
    const cast = { ...layoutOf(), types: { codeId: 'text', useId: 'text', casts: { code_id: 'text' } } };
    expect(renderSqlFile('c.:"code_id" = :"code_id", u.:"use_id"', cast)).toBe('c."id"::text = "id", u."id"');
  });
});

describe('what is for some hosts only', () => {
  const render = (file: string, ...conditions: string[]) => forHost(file, { conditions: new Set(conditions) });

  it.each<[string, string[], string]>([
    ['a /*if x*/ b /*fi*/ c', ['x'], 'a b c'],
    ['a /*if x*/ b /*fi*/ c', [], 'a c'],
    ['a /*if not x*/ b /*fi*/', [], 'a b'],
    ['a /*if x and y*/ b /*fi*/', ['x'], 'a '],
    ['a /*if x and y*/ b /*fi*/', ['x', 'y'], 'a b'],
    ['a /*if x and not y*/ b /*fi*/', ['x'], 'a b'],
    ['a /*if x or y*/ b /*fi*/', ['y'], 'a b'],
    ['a /*if x or y and z*/ b /*fi*/', ['y'], 'a '],
    ['/*if x*/ a /*if y*/ b /*fi*/ c /*fi*/', ['x'], 'a c'],
    ['/*if x*/ a /*if y*/ b /*fi*/ c /*fi*/', ['y'], ''],
  ])('%s with %j', (file, conditions, expected) => {
    expect(render(file, ...conditions).trim()).toBe(expected.trim());
  });

  it('goes with its lines', () => {
    const file = 'SELECT 1,\n  /*if x*/\n  2,\n  /*fi*/\n  3\n';
    expect(render(file, 'x')).toBe('SELECT 1,\n  2,\n  3\n');
    expect(render(file)).toBe('SELECT 1,\n  3\n');
  });

  it.each<[string[], string]>([
    [['x', 'y'], 'SET a = 1,\n      b = 2 WHERE'],
    [['x'], 'SET a = 1 WHERE'],
    [['y'], 'SET b = 2 WHERE'],
  ])('a list has no comma after its last item, with %j', (conditions, expected) => {
    const file =
      'SET /*list*/\n      /*if x*/\n      a = 1,\n      /*fi*/\n      /*if y*/\n      b = 2,\n      /*fi*/\n      /*end*/ WHERE';
    expect(render(file, ...conditions)).toBe(expected);
  });
});

import { describe, expect, it } from 'vitest';
import { parametersOf, statementsOf } from '../../src/adapters/statements';
import { plainValue } from '../../src/adapters/values';
import { renderSql } from '../../src/index';

describe('the statements of a text', () => {
  it.each([
    ['SELECT 1', ['SELECT 1']],
    ['SELECT 1;', ['SELECT 1']],
    [' ;; SELECT 1 ; \n SELECT 2;-- end ;\n', ['SELECT 1', 'SELECT 2']],
    [`SELECT 'a;b''c;', ";""", E'\\';' ; SELECT 2`, [`SELECT 'a;b''c;', ";""", E'\\';'`, 'SELECT 2']],
    ['SELECT $$a;b$$; SELECT $tag$ ; $$ ; $tag$', ['SELECT $$a;b$$', 'SELECT $tag$ ; $$ ; $tag$']],
    ['/* a; /* b; */ c; */ SELECT 1 -- d;\n; SELECT 2', ['/* a; /* b; */ c; */ SELECT 1 -- d;', 'SELECT 2']],
    ['SELECT a$1$b; SELECT 2', ['SELECT a$1$b', 'SELECT 2']],
    ["'only'", ["'only'"]],
    ['-- nothing', []],
    ['', []],
  ])('%s', (text, statements) => {
    expect(statementsOf(text)).toEqual(statements);
  });

  it('a script of the library is its statements', () => {
    for (const script of ['schema', 'triggers', 'uninstall'] as const) {
      const text = renderSql(script);
      const statements = statementsOf(text);
      expect(statements.length).toBeGreaterThan(0);
      for (const statement of statements) expect(statementsOf(statement)).toEqual([statement]);
    }
  });
});

it('the parameters of a statement', () => {
  expect(parametersOf(`SELECT $2::text, '$1', "$1", $$ $1 $$, a$1, $1 -- $1`)).toEqual({
    between: ['SELECT ', `::text, '$1', "$1", $$ $1 $$, a$1, `, ' -- $1'],
    numbers: [2, 1],
  });
  expect(parametersOf('SELECT $12, $1')).toEqual({ between: ['SELECT ', ', ', ''], numbers: [12, 1] });
});

it.each([
  [undefined, null],
  [null, null],
  [12, '12'],
  [12n, '12'],
  [true, true],
  ['a', 'a'],
  [new Date(0), '1970-01-01T00:00:00.000Z'],
  [[], '{}'],
  [['a"b', 'c\\d', null, undefined, 1, true, ''], '{"a\\"b","c\\\\d",NULL,NULL,"1","true",""}'],
  [[['a'], ['b']], '{{"a"},{"b"}}'],
])('the value %s', (value, plain) => {
  expect(plainValue(value)).toEqual(plain);
});

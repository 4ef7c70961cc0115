import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { withRules } from '../../src/host/rules';
import { expandRules, readRules } from '../../src/postgres/sql-text';

const folded = '-- folded(customer): what customers are compared as.\n-- More of it.\nlower(btrim($customer))\n';
const present = '-- present(): this moment.\nclock_timestamp()\n';
const found = `-- found(shop, code): a code.
(SELECT c.id
   FROM codes AS c
  WHERE c.shop = $shop
    AND :folded(c.code) = :folded($code))
`;
const rules = readRules([folded, present, found]);

describe('a rule in a file of sql/', () => {
  it('stands there as its text', () => {
    expect(expandRules('SELECT :folded(u.who) = :folded($1);', rules)).toBe(
      'SELECT lower(btrim(u.who)) = lower(btrim($1));',
    );
    expect(expandRules('SELECT :present();', rules)).toBe('SELECT clock_timestamp();');
  });

  it('is indented as the place where it stands', () => {
    expect(expandRules('  SELECT 1, :found(in_shop, wanted) AS id', rules)).toBe(
      [
        '  SELECT 1, (SELECT c.id',
        '               FROM codes AS c',
        '              WHERE c.shop = in_shop',
        '                AND lower(btrim(c.code)) = lower(btrim(wanted))) AS id',
      ].join('\n'),
    );
    expect(expandRules('SELECT :folded(\n         CASE WHEN a\n           THEN b END)', rules)).toBe(
      `SELECT lower(btrim(CASE WHEN a\n${' '.repeat(19)}THEN b END))`,
    );
  });

  it('has arguments with commas in brackets and strings, and with rules', () => {
    expect(expandRules(`:folded(coalesce(a, (b)[1, 2], ',)', "x,("))`, rules)).toBe(
      `lower(btrim(coalesce(a, (b)[1, 2], ',)', "x,(")))`,
    );
    expect(expandRules(':folded(coalesce(:folded(a), b))', rules)).toBe('lower(btrim(coalesce(lower(btrim(a)), b)))');
  });

  it('is not looked for in comments, strings and quoted names, nor taken for a cast', () => {
    const untouched = `-- :folded(a)\nSELECT ':folded(a)', ":folded(a)", a::folded(18), a::varchar(20), :"schema".folded(a)`;
    expect(expandRules(untouched, rules)).toBe(untouched);
  });

  it('that does not exist, or with other arguments, is an error', () => {
    expect(() => expandRules('SELECT :foldet(a)', rules)).toThrow('there is no rule foldet');
    expect(() => expandRules('SELECT :folded(a, b)', rules)).toThrow(
      'the rule folded takes 1 arguments (customer), not 2',
    );
    expect(() => expandRules('SELECT :folded()', rules)).toThrow('the rule folded takes 1 arguments (customer), not 0');
    expect(() => expandRules('SELECT :folded((a)', rules)).toThrow('a use of the rule folded has no end');
    expect(() => readRules(['SELECT 1'])).toThrow('a rule begins with');
    expect(() => readRules([folded, folded])).toThrow('the rule folded stands twice');
    expect(() => readRules(['-- one(a): it.\n$a + $b\n'])).toThrow('the rule one has no parameter b');
    expect(() => readRules([found, folded])).toThrow('there is no rule folded');
  });
});

it('every file of sql/rules/ is a rule of that name', () => {
  const folder = new URL('../../sql/rules/', import.meta.url);
  for (const file of readdirSync(folder)) {
    const name = file.replace(/\.sql$/, '');
    const [, header, parameters = ''] = /^-- (\w+)\((.*?)\): /.exec(readFileSync(new URL(file, folder), 'utf8')) ?? [];
    expect(header).toBe(name);
    expect(withRules(`:${name}(${parameters})`), name).not.toContain(`:${name}`);
  }
});

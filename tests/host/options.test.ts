import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import type { ValidationError } from '../../src/errors';
import type { HostTables } from '../../src/host/description';
import { describeHost, hostEntries } from '../../src/host/options';
import { optionsOf, parseOptions } from '../../src/options';

const schema = v.optional(optionsOf(hostEntries), {});
const parse = (options: unknown) => parseOptions(schema, options, 'installTriggers()');

function issuesOf(options: unknown): ValidationError['issues'] {
  try {
    parse(options);
  } catch (error) {
    expect(error).toMatchObject({ name: 'ValidationError', code: 'VALIDATION' });
    return (error as ValidationError).issues;
  }
  return expect.unreachable('it was accepted');
}

/** A path, a part of its message, and what was received. */
type Expected = [path: string, message: RegExp, received?: string];

function expectIssues(options: unknown, expected: Expected[]): void {
  const issues = issuesOf(options);
  expect(issues.map(({ path }) => path).sort()).toEqual(expected.map(([path]) => path).sort());
  for (const [path, message, received] of expected) {
    const about = issues.filter((issue) => issue.path === path);
    expect(
      about.some((issue) => message.test(issue.message)),
      `${path}: ${about.map((issue) => issue.message)}`,
    ).toBe(true);
    if (received !== undefined) expect(about.map((issue) => issue.received)).toContain(received);
  }
}

describe('what is accepted', () => {
  it.each<[string, unknown]>([
    ['nothing', undefined],
    [
      'undefined everywhere',
      {
        tables: undefined,
        librarySchema: undefined,
        grantTo: undefined,
        timeZone: undefined,
        customerMatching: undefined,
      },
    ],
    [
      'undefined inside',
      { tables: { codes: undefined, uses: { name: undefined, columns: { id: undefined }, rolledBack: undefined } } },
    ],
    ['odd roles', { grantTo: ['app', 'App "x" y', "o'brien", 'app '] }],
    ['the schema of the host itself', { librarySchema: 'public' }],
    [
      'a count only',
      { tables: { codes: { columns: { totalBonusIssued: null } }, uses: { columns: { bonusAmount: null } } } },
    ],
    ['a sum only', { tables: { codes: { columns: { timesUsed: null } } } }],
    ['columns that change places', { tables: { codes: { columns: { name: 'code', code: 'name' } } } }],
    ['a default that is free', { tables: { codes: { columns: { code: 'name', name: null } } } }],
    [
      'a status',
      {
        tables: {
          uses: {
            rolledBack: { column: 'status', counts: ['ok', 'held'], value: 'off', redeemed: 'ok', reserved: 'held' },
          },
        },
      },
    ],
    ['own words', { tables: { codes: { bonusTypes: { fixed: ['percentage'], percentage: ['fixed'] } } } }],
  ])('%s', (_, options) => {
    expect(() => parse(options)).not.toThrow();
  });

  it('comes out as it was given, and describes the host', () => {
    const tables: HostTables = {
      codes: { name: 'coupons', columns: { timesUsed: 'uses', shopId: null } },
      uses: { columns: { promoCodeId: 'coupon_id' }, rolledBack: { column: 'cancelled_at' } },
    };
    const options = parse({ tables, timeZone: 'Asia/Manila', customerMatching: 'exact', grantTo: ['app'] });
    expect(options).toEqual({ tables, timeZone: 'Asia/Manila', customerMatching: 'exact', grantTo: ['app'] });
    expect(describeHost('shop', options)).toMatchObject({
      schema: 'shop',
      codes: { name: 'coupons', columns: { id: 'id', timesUsed: 'uses', shopId: null } },
      uses: { name: 'promo_code_uses', columns: { promoCodeId: 'coupon_id' }, rolledBack: { column: 'cancelled_at' } },
      timeZone: 'Asia/Manila',
      customerMatching: 'exact',
    });
    expect(describeHost('shop', parse({}))).toMatchObject({ timeZone: 'UTC', customerMatching: 'folded' });
  });
});

const long = 'é'.repeat(32);
const codes = (fields: object) => ({ tables: { codes: fields } });
const uses = (fields: object) => ({ tables: { uses: fields } });
const rolledBack = (fields: object) => uses({ rolledBack: { column: 'status', ...fields } });
const COLUMNS = 'tables.codes.columns';
const STATUS = 'tables.uses.rolledBack';
const TYPES = 'tables.codes.bonusTypes';

describe('what is refused', () => {
  it.each<[string, unknown, Expected[]]>([
    [
      'an unknown table',
      { tables: { code: {} } },
      [['tables.code', /is not an option of installTriggers\(\); codes\?/]],
    ],
    [
      'a name beside the tables',
      codes({ table: 'x' }),
      [['tables.codes.table', /the options are name, columns, bonusTypes/, "'x'"]],
    ],
    ['a misspelt role', codes({ columns: { timesUse: 'n' } }), [[`${COLUMNS}.timesUse`, /timesUsed\?/]]],
    [
      'a role as a column',
      uses({ columns: { promo_code_id: 'x' } }),
      [['tables.uses.columns.promo_code_id', /promoCodeId\?/]],
    ],
    [
      'a role of the other table',
      uses({ columns: { maxBonus: 'x' } }),
      [['tables.uses.columns.maxBonus', /the options are id, promoCodeId/]],
    ],
    ['tables that are none', { tables: 'coupons' }, [['tables', /must be an object/, "'coupons'"]]],
    ['a table that is none', { tables: { codes: 'coupons' } }, [['tables.codes', /must be an object/]]],
    ['an empty name', codes({ name: '' }), [['tables.codes.name', /must not be empty/, "''"]]],
    ['a name that is cut', uses({ name: long }), [['tables.uses.name', /at most 63 bytes/]]],
    ['a column that is cut', codes({ columns: { code: long } }), [[`${COLUMNS}.code`, /at most 63 bytes/]]],
    ['a column with NUL', codes({ columns: { code: 'a\0' } }), [[`${COLUMNS}.code`, /NUL/]]],
    ['a column that is a number', codes({ columns: { code: 7 } }), [[`${COLUMNS}.code`, /must be a string/, '7']]],
    [
      'one column for two roles',
      codes({ columns: { startDate: 'at', createdAt: 'at' } }),
      [[`${COLUMNS}.createdAt`, /another column than that of startDate$/, "'at'"]],
    ],
    [
      'a column of another default',
      codes({ columns: { name: 'code' } }),
      [[`${COLUMNS}.name`, /than that of code, unless code is named otherwise or null/]],
    ],
    ['a default of a role behind', codes({ columns: { id: 'code' } }), [[`${COLUMNS}.id`, /than that of code/]]],
    [
      'the same for uses',
      uses({ columns: { totalReward: 'base_reward' } }),
      [['tables.uses.columns.totalReward', /than that of baseReward/]],
    ],
    [
      'one table for both',
      { tables: { codes: { name: 't' }, uses: { name: 't' } } },
      [['tables.uses.name', /another table than that of codes/]],
    ],
    [
      'the table of the other default',
      codes({ name: 'promo_code_uses' }),
      [['tables.codes.name', /another table than that of uses/]],
    ],
    ['no id', codes({ columns: { id: null } }), [[`${COLUMNS}.id`, /must not be null/, 'null']]],
    [
      'no code of a use',
      uses({ columns: { promoCodeId: null } }),
      [['tables.uses.columns.promoCodeId', /must not be null/]],
    ],
    [
      'nothing to count',
      {
        tables: {
          codes: { columns: { timesUsed: null, totalBonusIssued: null } },
          uses: { columns: { bonusAmount: null } },
        },
      },
      [[`${COLUMNS}.timesUsed`, /one of timesUsed and totalBonusIssued/]],
    ],
    [
      'a sum of nothing',
      uses({ columns: { bonusAmount: null } }),
      [['tables.uses.columns.bonusAmount', /totalBonusIssued is its sum/]],
    ],
    [
      'an empty list of words',
      codes({ bonusTypes: { fixed: [] } }),
      [[`${TYPES}.fixed`, /at least one word/, 'an array of 0']],
    ],
    [
      'words that are none',
      codes({ bonusTypes: { fixed: 'flat' } }),
      [[`${TYPES}.fixed`, /must be an array of strings/]],
    ],
    [
      'an empty word',
      codes({ bonusTypes: { percentage: ['%', ' '] } }),
      [[`${TYPES}.percentage.1`, /must not be empty/]],
    ],
    [
      'a word for both',
      codes({ bonusTypes: { fixed: ['flat', 'x'], percentage: [' X '] } }),
      [[`${TYPES}.percentage.0`, /both types/, "' X '"]],
    ],
    [
      'the default of the other',
      codes({ bonusTypes: { fixed: ['Percentage'] } }),
      [[`${TYPES}.fixed.0`, /both types/]],
    ],
    ['a word twice', codes({ bonusTypes: { fixed: ['flat', 'FLAT'] } }), [[`${TYPES}.fixed.1`, /twice/]]],
    [
      'counted and rolled back at once',
      rolledBack({ counts: ['ok', 'off'], value: 'off' }),
      [[`${STATUS}.value`, /must not be among counts/, "'off'"]],
    ],
    [
      'a new use that does not count',
      rolledBack({ counts: ['ok'], value: 'off', redeemed: 'new', reserved: 'held' }),
      [
        [`${STATUS}.redeemed`, /among counts/],
        [`${STATUS}.reserved`, /among counts/, "'held'"],
      ],
    ],
    ['nothing that counts', rolledBack({ counts: [], value: 'off' }), [[`${STATUS}.counts`, /at least one value/]]],
    ['counts without a value', rolledBack({ counts: ['ok'] }), [[`${STATUS}.value`, /must be given with counts/]]],
    [
      'a value without counts',
      rolledBack({ value: 'off', reserved: 'held' }),
      [
        [`${STATUS}.value`, /must come with counts/],
        [`${STATUS}.reserved`, /must come with counts/],
      ],
    ],
    ['a value twice', rolledBack({ counts: ['ok', 'ok'], value: 'off' }), [[`${STATUS}.counts.1`, /twice/]]],
    ['no column', uses({ rolledBack: { counts: ['ok'], value: 'off' } }), [[`${STATUS}.column`, /is required/]]],
    [
      'the column of a role',
      uses({ rolledBack: { column: 'used_at' } }),
      [[`${STATUS}.column`, /another column than that of usedAt/, "'used_at'"]],
    ],
    ['a reserved schema', { librarySchema: 'pg_promo' }, [['librarySchema', /must not begin with pg_/, "'pg_promo'"]]],
    ['the schema of the standard', { librarySchema: 'information_schema' }, [['librarySchema', /PostgreSQL's own/]]],
    ['an empty schema', { librarySchema: '' }, [['librarySchema', /must not be empty/]]],
    ['a role twice', { grantTo: ['app', 'job', 'app'] }, [['grantTo.2', /it is number 0 as well/, "'app'"]]],
    ['everybody', { grantTo: ['PUBLIC'] }, [['grantTo.0', /PUBLIC gets no right/]]],
    ['a role in place of a list', { grantTo: 'app' }, [['grantTo', /must be an array of names of roles/]]],
    [
      'roles that are none',
      { grantTo: [1, ''] },
      [
        ['grantTo.0', /must be a string/],
        ['grantTo.1', /must not be empty/],
      ],
    ],
    ['an empty time zone', { timeZone: '' }, [['timeZone', /name of a time zone/]]],
    [
      'an unknown matching',
      { customerMatching: 'loose' },
      [['customerMatching', /must be one of 'folded', 'exact'/, "'loose'"]],
    ],
    ['an unknown option', { table: {} }, [['table', /tables\?/]]],
  ])('%s', (_, options, expected) => {
    expectIssues(options, expected);
  });

  it('all at once, also beside something of a wrong type', () => {
    expectIssues(
      {
        tables: {
          codes: {
            name: 'promo_code_uses',
            columns: { id: null, timesUse: 'x', name: 'code', code: 7 },
            bonusTypes: { fixed: [] },
          },
          uses: {
            columns: { promoCodeId: null, bonusAmount: null },
            rolledBack: { column: 'used_at', counts: ['a'], value: 'a', redeemed: 1 },
          },
        },
        librarySchema: 'pg_x',
        grantTo: ['a', 'a'],
        timeZone: 1,
      },
      [
        ['tables.codes.name', /another table/],
        [`${COLUMNS}.id`, /must not be null/],
        [`${COLUMNS}.timesUse`, /timesUsed\?/],
        [`${COLUMNS}.code`, /must be a string/],
        [`${TYPES}.fixed`, /at least one/],
        ['tables.uses.columns.promoCodeId', /must not be null/],
        ['tables.uses.columns.bonusAmount', /its sum/],
        [`${STATUS}.column`, /usedAt/],
        [`${STATUS}.value`, /among counts/],
        [`${STATUS}.redeemed`, /must be a string/],
        ['librarySchema', /pg_/],
        ['grantTo.1', /twice/],
        ['timeZone', /must be a string/],
      ],
    );
  });
});

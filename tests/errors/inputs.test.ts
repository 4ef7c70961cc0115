import pg from 'pg';
import { describe, expect, it } from 'vitest';
import {
  assertNoDrift,
  checkDrift,
  inspectTriggers,
  installSchema,
  installTriggers,
  PromoCodeRepository,
  repairDrift,
  streamDrift,
  uninstallTriggers,
  ValidationError,
} from '../../src/index';
import { useRepository } from '../support/repository';

const t = useRepository('messages');
const { repository, request } = t;
const input = { code: 'X', shopId: 's', bonusValue: 5 };
const asked = { code: 'X', shopId: 's', customerAddress: 'a', baseReward: 1 };

/** Nothing may be sent for what is wrong by itself. */
const unreachable = new PromoCodeRepository({ query: () => Promise.reject(new Error('the server was asked')) });

async function wrong(call: () => unknown): Promise<ValidationError> {
  const error = await Promise.resolve()
    .then(call)
    .catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ValidationError);
  return error as ValidationError;
}

describe('C35: a misspelt option names the function and the option that was meant', () => {
  it.each<[string, () => unknown, string]>([
    [
      'installTriggers',
      () => installTriggers(t.pool, { counterWrite: 'ignore' } as never),
      'counterWrite: is not an option of installTriggers(); counterWrites?',
    ],
    ['installSchema', () => installSchema(t.pool, { shcema: 'x' } as never), 'installSchema(); schema?'],
    ['checkDrift', () => checkDrift(t.pool, { promo_code_ids: [] } as never), 'checkDrift(); promoCodeIds?'],
    ['repairDrift', () => repairDrift(t.pool, { dryrun: true } as never), 'repairDrift(); dryRun?'],
    ['assertNoDrift', () => assertNoDrift(t.pool, { shop: 'x' } as never), 'assertNoDrift(); shopId?'],
    [
      'the repository',
      () => new PromoCodeRepository(t.pool, { rateLimits: true } as never),
      'rateLimits: is not an option of new PromoCodeRepository(); rateLimit?',
    ],
    [
      'a part of an option',
      () => new PromoCodeRepository(t.pool, { batching: { maxbatch: 1 } } as never),
      'batching.maxbatch: is not an option of new PromoCodeRepository(); maxBatch?',
    ],
    [
      'the last argument',
      () => unreachable.findById(1, { rateLimitkey: 'x' } as never),
      'rateLimitkey: is not an option of findById(); rateLimitKey?',
    ],
    [
      'nothing that is near',
      () => unreachable.findById(1, { colour: 'red' } as never),
      'colour: is not an option of findById(); the options are client, rateLimitKey, fresh, shopId',
    ],
  ])('%s', async (_, call, message) => {
    expect((await wrong(call)).message).toContain(message);
  });
});

describe('C36: an unknown field of an input', () => {
  it.each<[string, Record<string, unknown>, string]>([
    ['snake case', { shop_id: 's' }, 'shop_id: is not a field of create(); shopId?'],
    [
      'snake case of two words',
      { per_customer_limit: 1 },
      'per_customer_limit: is not a field of create(); perCustomerLimit?',
    ],
    ['another case', { BonusType: 'fixed' }, 'BonusType: is not a field of create(); bonusType?'],
    ['exchanged letters', { bonsuValue: 1 }, 'bonsuValue: is not a field of create(); bonusValue?'],
    ['a part of the name', { description_text: 1 }, 'description_text: is not a field of create(); description?'],
    ['nothing that is near', { tip: 1 }, 'tip: is not a field of create(); the fields are code, shopId, name'],
  ])('%s', async (_, more, message) => {
    expect((await wrong(() => unreachable.create({ ...input, ...more } as never))).message).toContain(message);
  });

  it('is told of each, with its place in a batch', async () => {
    const error = await wrong(() => unreachable.redeemMany([asked, { ...asked, shop: 1, customer: 'a' } as never]));
    expect(error.issues.map(({ path, message }) => `${path} ${message}`)).toEqual([
      '1.shop is not a field of redeemMany(); shopId?',
      '1.customer is not a field of redeemMany(); customerAddress?',
    ]);
  });

  it('may be long, or many', async () => {
    const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`${'x'.repeat(1_000)}${index}`, 1]));
    const { message, issues } = await wrong(() => unreachable.create({ ...input, ...many } as never));
    expect(issues.length).toBeLessThanOrEqual(100);
    expect(message.length).toBeLessThan(20_000);
  });
});

describe('C37: a client in the place of the options', () => {
  it('goes in as { client }', async () => {
    const client = await t.client();
    const calls: [string, () => unknown][] = [
      ['redeem()', () => unreachable.redeem(asked, client as never)],
      ['create()', () => unreachable.create(input, client as never)],
      ['findById()', () => unreachable.findById(1, client as never)],
      ['list()', () => unreachable.list(client as never)],
      ['usesByCustomer()', () => unreachable.usesByCustomer('a', client as never)],
      ['confirm()', () => unreachable.confirm(1, client as never)],
      ['releaseExpired()', () => unreachable.releaseExpired(client as never)],
    ];
    for (const [name, call] of calls) {
      const { issues } = await wrong(call);
      expect(issues).toMatchObject([{ path: 'options', received: 'an object of the class Client' }]);
      expect(issues[0]?.message).toContain(`a client goes into ${name} as { client }`);
    }
  });
});

describe('C38: the value received', () => {
  it.each<[string, unknown, string]>([
    ['a comma', '1,50', "'1,50'"],
    ['BigInt', -5n, '-5n'],
    ['NaN', Number.NaN, 'NaN'],
    ['infinity', Number.POSITIVE_INFINITY, 'Infinity'],
    ['below 0', -1.5, '-1.5'],
    ['null', null, 'null'],
    ['a boolean', true, 'true'],
    ['a symbol', Symbol('secret'), 'a symbol'],
    ['a function', () => 'secret', 'a function'],
    ['an object', { a: { b: 'secret' }, c: 1 }, 'an object with a, c'],
    ['an object without fields', {}, 'an object without fields'],
    ['an object without prototype', Object.assign(Object.create(null), { x: 'secret' }), 'an object with x'],
    [
      'many fields',
      Object.fromEntries([...'abcdefgh'].map((key) => [key, 1])),
      'an object with a, b, c, d, e, … (8 fields)',
    ],
    ['an array', [1, 2, 3], 'an array of 3'],
    ['a Map', new Map(), 'an object of the class Map'],
    ['a Date', new Date(0), '1970-01-01T00:00:00.000Z'],
    ['a long string', `1${'x'.repeat(5_000)}`, `'1${'x'.repeat(59)}…' (5001 characters)`],
    ['line breaks and quotation marks', 'a"b\'\n', `'a"b\\'\\n'`],
    ['what is invisible', 'a\u200b\u00a0', "'a\\u{200b}\\u{a0}'"],
    ['half a pair', 'a\ud800', "'a\ufffd'"],
    ['a URL', 'postgres://user:secret@host/db', 'a string that begins with postgres://'],
    ['words of libpq', 'host=x password=secret', 'a string'],
    [
      'a hostile object',
      new Proxy(
        {},
        {
          ownKeys: () => {
            throw new Error('secret');
          },
        },
      ),
      'an object',
    ],
    [
      'one that runs code',
      {
        get x(): never {
          throw new Error('secret');
        },
      },
      'an object with x',
    ],
  ])('%s', async (_, value, received) => {
    const error = await wrong(() => unreachable.redeem({ ...asked, baseReward: value as never }));
    expect(error.issues).toMatchObject([{ path: 'baseReward', received }]);
    expect(error.message).toMatch(/^baseReward: must be a plain decimal number not below 0; received /);
    expect(error.message).toContain(`received ${received}`);
    expect(error.message).not.toContain('secret');
  });

  it('is there for -0, and not for what is missing', async () => {
    const error = await wrong(() => unreachable.create({ ...input, bonusValue: -0 }));
    expect(error.issues).toMatchObject([{ path: 'bonusValue', received: '-0' }]);
    const { issues } = await wrong(() => unreachable.redeem({} as never));
    expect(issues.map(({ path }) => path)).toEqual(['code', 'customerAddress', 'baseReward']);
    for (const issue of issues) expect(issue).not.toHaveProperty('received');
  });

  it('is there where fields do not fit each other', async () => {
    const percentage = { ...input, bonusType: 'percentage', bonusValue: '101', maxBonus: 1 } as const;
    expect((await wrong(() => unreachable.create(percentage))).issues).toMatchObject([
      { path: 'bonusValue', received: "'101'" },
    ]);
  });

  it('is that of a misspelt option too', async () => {
    const { issues } = await wrong(() => unreachable.create({ ...input, shop_id: 's' } as never));
    expect(issues).toMatchObject([{ path: 'shop_id', received: "'s'" }]);
  });

  it('of 10,000 requests is listed for the first 100', async () => {
    const requests = Array.from({ length: 10_000 }, () => ({ ...asked, baseReward: '1,50' }));
    const error = await wrong(() => unreachable.redeemMany(requests));
    expect(error.issues).toHaveLength(100);
    expect(error.omitted).toBe(9_900);
    expect(error.message).toMatch(/; and 9900 more$/);
    expect(error.message.length).toBeLessThan(20_000);
  });
});

describe('C21: a pool in the place of a client', () => {
  it('is refused before anything is written, with the remedy', async () => {
    const code = await t.newCode();
    const { issues } = await wrong(() => repository.redeem(request(code), { client: t.pool as never }));
    expect(issues).toMatchObject([{ path: 'client', received: expect.stringContaining('Pool') }]);
    expect(issues[0]?.message).toMatch(/this is a pool.*pool\.connect\(\)/);
    const alike = { connect: () => t.pool.connect(), query: t.pool.query.bind(t.pool) };
    await wrong(() => repository.create({ ...input, code: 'POOLED' }, { client: alike as never }));
    expect(await repository.findByCode('POOLED', 's')).toBeNull();
    expect(await t.counts(code)).toMatchObject({ timesUsed: 0, uses: 0 });
  });

  it('and clients are not', async () => {
    const lent = await t.pool.connect();
    try {
      expect(await repository.findById(999_999_999, { client: lent })).toBeNull();
    } finally {
      lent.release();
    }
    const own = new pg.Client(t.url);
    await own.connect();
    expect(await repository.findById(999_999_999, { client: own })).toBeNull();
    await own.end();
  });
});

describe('C24: a client whose query does not answer { rows }', () => {
  const array = { query: async (text: string, values?: unknown[]) => (await t.pool.query(text, values)).rows };

  it.each<[string, object, RegExp]>([
    ['an array', array, /must answer query\(text, values\) with \{ rows, rowCount \}/],
    [
      'TypeORM',
      { ...array, getRepository: () => undefined },
      /looks like an EntityManager.*TypeORM.*fromTypeOrm\(manager\).*pg-promo-codes\/adapters/,
    ],
    [
      'Sequelize',
      { ...array, getQueryInterface: () => undefined },
      /looks like Sequelize.*fromSequelize\(transaction\)/,
    ],
    ['nothing', { query: async () => undefined }, /nothing was written/],
    ['other rows', { query: async () => ({ rows: [['1']] }) }, /nothing was written/],
  ])('%s', async (_, client, message) => {
    const code = await t.newCode();
    for (const call of [
      () => repository.redeem(request(code), { client: client as never }),
      () => repository.deactivate(code.id, { client: client as never }),
    ]) {
      const { issues } = await wrong(call);
      expect(issues).toMatchObject([{ path: 'client' }]);
      expect(issues[0]?.message).toMatch(message);
    }
    expect(await repository.findById(code.id)).toMatchObject({ isActive: true, timesUsed: 0 });
  });

  it.each<[string, unknown, RegExp]>([
    ['Prisma', { $queryRawUnsafe: async () => [] }, /Prisma.*fromPrisma\(tx\)/],
    ['Kysely', { executeQuery: async () => ({}), selectFrom: () => undefined }, /Kysely.*fromKysely\(trx\)/],
    ['Knex', Object.assign(() => undefined, { raw: () => undefined, commit: () => undefined }), /Knex/],
    [
      'postgres.js',
      Object.assign(() => undefined, { unsafe: () => undefined, savepoint: () => undefined }),
      /postgres\.js.*fromPostgresJs\(sql\)/,
    ],
    ['Drizzle', { execute: () => undefined, select: () => undefined, insert: () => undefined }, /Drizzle/],
    ['a string', 'client', /must be a client with a query method/],
  ])('%s without a query', async (_, client, message) => {
    const { issues } = await wrong(() => unreachable.redeem(asked, { client: client as never }));
    expect(issues).toMatchObject([{ path: 'client' }]);
    expect(issues[0]?.message).toMatch(message);
    await wrong(() => unreachable.redeem(asked, client as never));
  });

  it('that does is asked once, and then goes at its work', async () => {
    const client = await t.client();
    const seen: string[] = [];
    const wrapped = {
      query: (text: string, values?: unknown[]) => {
        seen.push(text);
        return client.query(text, values);
      },
    };
    const code = await t.newCode();
    await client.query('BEGIN');
    expect(await repository.redeem(request(code), { client: wrapped })).toMatchObject({ ok: true });
    expect(seen[0]).toBe('SELECT 1 AS one');
    await repository.findById(code.id, { client: wrapped });
    expect(seen.filter((text) => text === 'SELECT 1 AS one')).toHaveLength(1);
    await client.query('ROLLBACK');
  });
});

describe('C39: what is no database', () => {
  const url = 'postgres://user:secret@127.0.0.1/db';

  it.each<[string, (db: never) => unknown]>([
    ['installTriggers', (db) => installTriggers(db)],
    ['installSchema', (db) => installSchema(db)],
    ['inspectTriggers', (db) => inspectTriggers(db)],
    ['uninstallTriggers', (db) => uninstallTriggers(db)],
    ['checkDrift', (db) => checkDrift(db)],
    ['streamDrift', (db) => streamDrift(db).next()],
    ['repairDrift', (db) => repairDrift(db)],
    ['assertNoDrift', (db) => assertNoDrift(db)],
  ])('%s', async (_, call) => {
    for (const db of [undefined, null, url, 7, {}, []]) {
      const error = await wrong(() => call(db as never));
      expect(error.message).toMatch(/^db: must be a pool or a client/);
      expect(error.message).not.toContain('secret');
    }
  });

  it('and wrong options are told with it', async () => {
    const { issues } = await wrong(() => checkDrift(url as never, { limit: 0 }));
    expect(issues.map(({ path }) => path)).toEqual(['db', 'limit']);
  });
});

describe('inputs that are wrong in the way of others', () => {
  it('a missing or wrong field is named on the second call as on the first', async () => {
    await t.repository.create({ code: 'KNOWN', shopId: 'shop', bonusValue: 5 });
    const wrong: [object, string][] = [
      [{ shopId: 'shop', bonusValue: 5 }, 'code'],
      [{ code: 'Y', shopId: 'shop', bonusValue: 5, endDate: '2027-01-01' }, 'endDate'],
      [{ code: 'Y', shopId: 'shop', bonusValue: 5, endDate: '2027-01-01T00:00:00+25:00' }, 'endDate'],
      [{ code: 'Y', shopId: 'shop', bonusValue: 5, endDate: new Date('x') }, 'endDate'],
    ];
    for (const [input, path] of wrong) {
      for (const method of ['create', 'ensure'] as const) {
        const issues = [expect.objectContaining({ path })];
        await expect(t.repository[method](input as never)).rejects.toMatchObject({ name: 'ValidationError', issues });
      }
    }
    await expect(
      t.repository.generate({ shopId: 'shop', count: 1, bonusValue: 1, endDate: 'x' }),
    ).rejects.toMatchObject({ name: 'ValidationError', issues: [{ path: 'endDate' }] });
  });

  it('a text in the place of a page is no object, however long it is', async () => {
    for (const call of [
      () => t.repository.usesByCode(1, 'x'.repeat(100_000) as never),
      () => t.repository.usesByCustomer('ann', 'x' as never),
      () => t.repository.usageStats(1, 7 as never),
    ]) {
      await expect(call()).rejects.toMatchObject({ issues: [{ message: 'must be an object' }] });
    }
  });

  it('what throws when it is read is a ValidationError, never thrown before the promise', async () => {
    const throwing = {
      get code(): string {
        throw new Error('no');
      },
    };
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    for (const value of [throwing, proxy] as never[]) {
      for (const call of [
        () => t.repository.create(value),
        () => t.repository.redeem(value),
        () => t.repository.list(value),
        () => t.repository.usesByCode(1, value),
        () => t.repository.releaseExpired(value),
      ]) {
        await expect(call()).rejects.toMatchObject({ name: 'ValidationError' });
      }
    }
  });

  it('nothing that may hold a password is shown', async () => {
    for (const [db, options] of [
      ['user:SEKRET@host/db', undefined],
      [JSON.stringify({ password: 'SEKRET' }), undefined],
      [t.pool, { 'postgres://u:SEKRET@h/d': 1 }],
      [t.pool, { schema: 'postgres://u:SEKRET@h/d'.repeat(9) }],
    ] as never[][]) {
      const error = await checkDrift(db!, options).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ name: 'ValidationError' });
      expect(JSON.stringify([error, (error as Error).message])).not.toContain('SEKRET');
    }
  });

  it('a client that was never connected, and a schema that cannot be written, are refused', async () => {
    await expect(checkDrift(new pg.Client(t.url))).rejects.toMatchObject({ issues: [{ path: 'db' }] });
    await expect(checkDrift(t.pool, { schema: '\ud800' })).rejects.toMatchObject({ issues: [{ path: 'schema' }] });
  });
});

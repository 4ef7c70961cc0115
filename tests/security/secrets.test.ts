import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import pg from 'pg';
import { afterAll, describe, expect, it } from 'vitest';
import { installTriggers, NotFoundError, PromoCodeRepository, ValidationError } from '../../src/index';
import { withoutPasswords } from '../../src/passwords';
import { NAMES } from '../diagnostics/fixture';
import { useSchema } from '../support';

const t = useSchema('secrets');
const SECRET = 's3cr3t-pw';

describe('a text without its passwords', () => {
  it.each([
    [`postgres://me:${SECRET}@db:5432/shop`, 'postgres://me:***@db:5432/shop'],
    [`postgresql://me:${SECRET}@with@ats@db/shop is no schema`, 'postgresql://me:***@db/shop is no schema'],
    [`at postgres://:${SECRET}@db and postgres://me:${SECRET}@db`, 'at postgres://:***@db and postgres://me:***@db'],
    [`host=db password=${SECRET} user=me`, 'host=db password=*** user=me'],
    [`password = '${SECRET} x' user=me`, 'password = *** user=me'],
    [`{"password":"${SECRET}","user":"me"}`, '{"password":***,"user":"me"}'],
    [`postgres://db/shop?user=me&password=${SECRET}&x=1`, 'postgres://db/shop?user=me&password=***&x=1'],
    [`ALTER ROLE me PASSWORD '${SECRET}'`, "ALTER ROLE me PASSWORD '***'"],
    ['me@example.com, https://example.com/a:b, 12:30', 'me@example.com, https://example.com/a:b, 12:30'],
  ])('%s', (text, shown) => {
    expect(withoutPasswords(text)).toBe(shown);
  });

  it('takes no long time, whatever stands in it', () => {
    for (const part of ['//a:', '//', 'password', 'password=', 'password "', "password '", '@', '//a:@ '])
      for (const end of ['', '@', ' ']) {
        const begun = process.cpuUsage();
        withoutPasswords(part.repeat(20_000) + end);
        expect((process.cpuUsage(begun).user + process.cpuUsage(begun).system) / 1_000, part).toBeLessThan(1_500);
      }
  });
});

describe('errors', () => {
  it('of every class show none in what is printed of them', () => {
    const url = `postgres://me:${SECRET}@db/shop`;
    const errors = [
      new NotFoundError(`There is no shop ${url}`),
      new ValidationError([{ path: `columns.${url}`, message: `is no column; ${url}?`, received: `'${url}'` }]),
    ];
    for (const error of errors) {
      for (const shown of [error.message, String(error), JSON.stringify(error), error.stack, inspect(error)])
        expect(shown).not.toContain(SECRET);
      expect(error.message).toContain('me:***@db/shop');
    }
  });
});

describe('where the connection string has a password', () => {
  const published: string[] = [];
  const listener = (event: unknown) => void published.push(inspect(event, { depth: 8 }));
  for (const name of NAMES) subscribe(name, listener);
  afterAll(() => {
    for (const name of NAMES) unsubscribe(name, listener);
  });

  it('no error and no event of a failed call shows it, and nothing that is printed of a repository', async () => {
    const pool = new pg.Pool({ connectionString: `postgres://someone:${SECRET}@127.0.0.1:1/shop` });
    const repository = new PromoCodeRepository(pool, { schema: t.schema, deadlineMs: 500 });
    const request = { code: 'X', shopId: 's', customerAddress: 'a', baseReward: 1 };
    const calls: (() => Promise<unknown>)[] = [
      () => repository.redeem(request),
      () => repository.findByCode('X', 's'),
      () => installTriggers(pool, { schema: t.schema }),
      () => installTriggers(t.pool, { schema: `postgres://me:${SECRET}@db/shop` }),
      () => repository.redeem(request, { client: `postgres://me:${SECRET}@db/shop` as never }),
    ];
    for (const call of calls) {
      const error: Error = await Promise.resolve()
        .then(call)
        .then(
          () => expect.unreachable(),
          (thrown) => thrown,
        );
      for (const shown of [error.message, String(error), error.stack, JSON.stringify(error)])
        expect(shown).not.toContain(SECRET);
    }
    await pool.end();
    expect(inspect(repository, { depth: 8 })).not.toContain(SECRET);
    expect(JSON.stringify(repository)).not.toContain(SECRET);
    expect(published.length).toBeGreaterThan(2);
    expect(published.join()).not.toContain(SECRET);
  });
});

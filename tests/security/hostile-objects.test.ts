import { inspect } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { installTriggers, isPromoCodesError, PromoCodeRepository } from '../../src/index';
import { cases, useDatabase } from '../support';
import { SEED_TABLES } from '../support/host-tables';
import { argsWith, isEveryday, type Place, PUBLIC_CALLS, placesOf } from './public-calls';

const t = useDatabase('hostile objects');
const SECRET = 's3cr3t-pw';
/** What the rows of an import throw when they are asked for is the host's own error, and comes to it as it is. */
const isRow = ({ call, path }: Place) => call.name === 'import' && path[0] === 0 && path.length === 2;
const PLACES = cases('calls of the public API', PUBLIC_CALLS, isEveryday)
  .flatMap(placesOf)
  .filter((place) => !place.isName && !isRow(place));

class Own {
  schema = 'own';
}
const thrower = (): never => {
  throw new Error(`never ${SECRET}`);
};
const traps = Object.fromEntries(
  Object.getOwnPropertyNames(Reflect).map((name) => [name, thrower]),
) as ProxyHandler<object>;
const revoked = () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};
const circle = () => {
  const round: Record<string, unknown> = { key: 'value' };
  round.again = round;
  return round;
};

/** What stands in the place of a value; a function gets what stood there. */
const HOSTILE: [string, (value: unknown) => unknown][] = [
  ['a field __proto__', (value) => ({ ...fieldsOf(value), ...JSON.parse('{"__proto__": {"polluted": true}}') })],
  [
    'a field constructor',
    (value) => ({ ...fieldsOf(value), constructor: { prototype: { polluted: true } }, prototype: { polluted: true } }),
  ],
  ['an object without prototype', (value) => Object.assign(Object.create(null), fieldsOf(value))],
  ['inherited fields', (value) => Object.create(fieldsOf(value))],
  [
    'getters that throw',
    (value) =>
      Object.defineProperties(
        {},
        Object.fromEntries(
          [...Object.keys(fieldsOf(value)), 'x'].map((key) => [key, { get: thrower, enumerable: true }]),
        ),
      ),
  ],
  ['a proxy that refuses everything', () => new Proxy({}, traps)],
  ['a proxy of an array that refuses everything', () => new Proxy([], traps)],
  ['a proxy that was revoked', revoked],
  ['a transparent proxy', (value) => new Proxy(fieldsOf(value), {})],
  ['an array', () => [`postgres://admin:${SECRET}@db/x`]],
  ['an array of nothing', () => new Array(3)],
  ['an array in an array', () => [[[]]]],
  ['an object', () => ({ 0: 'a', length: 1 })],
  ['a circle', circle],
  ['an object of a class', () => new Own()],
  [
    'what cannot be made a text',
    () => ({ toString: thrower, valueOf: thrower, toJSON: thrower, [Symbol.toPrimitive]: thrower }),
  ],
  ['a promise', () => Promise.resolve('x')],
  ['what looks like a promise', () => Object.defineProperty({}, 'then', { value: thrower, enumerable: true })],
  ['a Map', () => new Map([['schema', 'x']])],
  ['a Buffer', () => Buffer.from('shop')],
  ['a String object', () => new String('shop')],
  ['an invalid Date', () => new Date(Number.NaN)],
  ['a function', () => thrower],
  ['a symbol', () => Symbol(SECRET)],
  ['a bigint', () => 10n ** 400n],
  ['NaN', () => Number.NaN],
  ['a number that is too large', () => 1e308],
  ['true', () => true],
  ['null', () => null],
  ['nothing', () => undefined],
];

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : { value };
}

let repository: PromoCodeRepository;
beforeAll(async () => {
  await t.sql(SEED_TABLES);
  await t.sql('ALTER TABLE :"schema".promo_code_uses ADD note text; ALTER TABLE :"schema".promo_codes ADD note text');
  await installTriggers(t.pool, { schema: t.schema, history: true });
  repository = new PromoCodeRepository(t.pool, { schema: t.schema, rateLimit: { failures: 1_000_000 } });
  await repository.create({ code: 'GIVEN', shopId: 'shop', bonusValue: 5, perCustomerLimit: null });
});

const TYPES = [Object, Array, Function, String, Number, Error, Map, Promise, PromoCodeRepository];
const prototypes = () =>
  TYPES.map((type) =>
    Object.entries(Object.getOwnPropertyDescriptors(type.prototype)).map(([key, of]) => [key, of.value ?? of.get]),
  );

async function faultOf(place: Place, make: (value: unknown) => unknown): Promise<string[]> {
  try {
    const args = argsWith(place, make, { schema: t.schema, library: t.library });
    await place.call.call({ db: t.pool, repository, args });
    return [];
  } catch (error) {
    if (!isPromoCodesError(error)) return [`no typed error: ${inspect(error).split('\n', 3).join(' ')}`];
    const { message, code, sqlState } = error;
    return [
      ...(message.includes(SECRET) ? [`a secret is shown: ${message}`] : []),
      // What is no value is told before the server is asked.
      ...(/^42601|^42883|^22P02/.test(sqlState ?? '') ? [`it came to the server: ${code} ${message}`] : []),
      ...(/\[object |\bInvalid \w+: Expected/.test(message) ? [`no words for it: ${message}`] : []),
    ];
  }
}

describe.each(
  cases('kinds of objects', HOSTILE, ([name]) =>
    /__proto__|constructor|without prototype|inherited|getters|refuses everything|revoked|^an array$|made a text|looks like|symbol|null/.test(
      name,
    ),
  ),
)('%s in every place of the public API', (_name, make) => {
  it('is refused in a typed way, or taken for what it is, and changes no prototype', { timeout: 30_000 }, async () => {
    const before = prototypes();
    const faults: string[] = [];
    for (let at = 0; at < PLACES.length; at += 8) {
      const some = PLACES.slice(at, at + 8);
      const found = await Promise.all(some.map((place) => faultOf(place, make)));
      faults.push(
        ...found.flatMap((all, which) =>
          all.map((fault) => `${some[which]!.call.name} ${some[which]!.path.join('.')}: ${fault}`),
        ),
      );
    }
    expect(faults).toEqual([]);
    expect(prototypes()).toEqual(before);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});

import { inspect } from 'node:util';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import * as library from '../../src/index';
import { installTriggers, isPromoCodesError, PromoCodeRepository } from '../../src/index';
import { inputSchemas } from '../../src/repository/inputs';
import { cases, isWhole, useDatabase } from '../support';
import { SEED_TABLES } from '../support/host-tables';
import { intercepted } from '../support/intercepted';
import { argsWith, isEveryday, type Place, PUBLIC_CALLS, placesOf } from './public-calls';
import { bareParts } from './sql-tokens';

const t = useDatabase('hostile strings');
const SECRET = 's3cr3t-pw';
/** Stands in every hostile string, and may be nowhere in a statement but in quotes. */
const MARK = 'pwned';
const PLACES = cases('calls of the public API', PUBLIC_CALLS, isEveryday).flatMap(placesOf);

/** What would become SQL, a pattern, a prototype or a message with a secret if it were put together by hand anywhere. */
const HOSTILE = [
  `'; DROP TABLE canary; CREATE TABLE ${MARK}(); --`,
  `"; DROP TABLE canary; CREATE TABLE ${MARK}(); --`,
  `$body$; DROP TABLE canary; CREATE TABLE ${MARK}(); --`,
  `\\'; CREATE TABLE ${MARK}(); --`,
  `x\n; CREATE TABLE ${MARK}(); --`,
  `*/ CREATE TABLE ${MARK}(); /*`,
  `:"schema" :'library' %I %L %s $1 $& ${MARK}`,
  `1); CREATE TABLE ${MARK}(); SELECT (1`,
  `{"${MARK}": [{}'" ,NULL}`,
  `${MARK}\0`,
  `${MARK}\ud800`,
  '__proto__',
  'constructor',
  `postgres://admin:${SECRET}@db.example.com/${MARK}`,
  `host=db password=${SECRET} ${MARK}`,
  `${MARK}`.repeat(2_000),
];
/** All that ends a quotation, in a name that PostgreSQL does not cut; and a secret. */
const EVERYDAY = [`'"$body$$$\\;*/CREATE TABLE ${MARK}();--\n%I:"x"`, `postgres://admin:${SECRET}@db/${MARK}`];
const AT_ONCE = 8;
const LIMIT_MS = isWhole ? 240_000 : 60_000;
const hostile = fc.oneof(
  fc.constantFrom(...HOSTILE),
  fc
    .array(
      fc.constantFrom(
        `'`,
        `''`,
        '"',
        '""',
        '\\',
        '$',
        '$$',
        '$body$',
        ';',
        '--',
        '/*',
        '*/',
        '\n',
        '\r',
        '%I',
        '%s',
        ':"',
        `E'`,
        ')',
        ' ',
      ),
      {
        minLength: 1,
        maxLength: 8,
      },
    )
    .map((parts) => `${parts.join('')}${MARK}${parts.toReversed().join('')}`),
  fc
    .tuple(fc.string({ unit: 'binary', maxLength: 12 }), fc.string({ unit: 'grapheme', maxLength: 12 }))
    .map(([one, other]) => one + MARK + other),
);

let statements: string[] = [];
let db: library.ConnectionPool;
let repository: PromoCodeRepository;
beforeAll(async () => {
  await t.sql(SEED_TABLES);
  await t.sql('ALTER TABLE :"schema".promo_code_uses ADD note text; ALTER TABLE :"schema".promo_codes ADD note text');
  await t.sql(
    'CREATE TABLE public.canary (); ALTER TABLE :"schema".promo_codes ADD metadata jsonb, ADD customer_address text',
  );
  await installTriggers(t.pool, { schema: t.schema, history: true });
  db = intercepted(t.pool, (text, values, send) => {
    statements.push(text);
    return send(text, values);
  });
  repository = new PromoCodeRepository(db, { schema: t.schema, rateLimit: { failures: 1_000_000 } });
  await repository.create({ code: 'GIVEN', shopId: 'shop', bonusValue: 5, perCustomerLimit: null });
});

/** What is there, in the database and on the prototypes. */
async function world(): Promise<unknown> {
  const { rows } = await t.sql(
    `SELECT (SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'v', 'S') AND relname NOT LIKE 'promo_code_history%') AS relations,
            (SELECT count(*) FROM pg_proc) AS functions, (SELECT count(*) FROM pg_namespace) AS schemas, (SELECT count(*) FROM pg_roles WHERE rolname LIKE '%${MARK}%') AS roles,
            to_regclass('public.canary')::text AS canary, to_regclass('${MARK}')::text AS pwned`,
  );
  const prototypes = [Object, Array, Function, String, Error, Map, Promise, PromoCodeRepository].map((type) => [
    ...Reflect.ownKeys(type.prototype),
    Object.getPrototypeOf(type.prototype) === null,
  ]);
  return { rows, prototypes: inspect(prototypes, { depth: null, maxArrayLength: null }) };
}

/** Makes a call with a hostile string in a place; it may answer, or refuse in a typed way. Gives what is wrong. */
async function faultOf(place: Place, text: string): Promise<string[]> {
  const args = argsWith(place, text, { schema: t.schema, library: t.library });
  try {
    const answer = await place.call.call({ db, repository, args });
    if (place.call.name === 'renderSql') statements.push(answer as string);
    return [];
  } catch (error) {
    if (!isPromoCodesError(error)) return [`no typed error: ${inspect(error)}`];
    const { code, sqlState = '', message } = error;
    const shown = [message, JSON.stringify(error), String(error)];
    return [
      ...(code === 'DATABASE_ERROR' && /^42601|^42P/.test(sqlState) ? [`a syntax error: ${message}`] : []),
      ...(/\bInvalid \w+: Expected/.test(message) ? [`words of another library: ${message}`] : []),
      ...(shown.some((each) => each.includes(SECRET)) ? [`a secret is shown: ${message}`] : []),
      ...(message.length > 20_000 ? [`a message of ${message.length} characters`] : []),
    ];
  }
}

/** What became SQL since this was last asked. */
function leaks(): string[] {
  const found = statements.filter((sql) => sql.includes(MARK)).flatMap(bareParts);
  statements = [];
  return found.filter((part) => part.includes(MARK)).map((part) => `it became SQL: ${part.slice(0, 200)}`);
}

async function attempt(place: Place, text: string): Promise<void> {
  const faults = [...(await faultOf(place, text)), ...leaks()];
  if (faults.length > 0) throw new Error(faults.join('; '));
}

const nameOf = ({ call, path, isName }: Place) => `${call.name} ${path.join('.')}${isName ? ' (name)' : ''}`;

describe('every string of the public API is data or refused, and never SQL', () => {
  it('the calls below are all that there are', () => {
    const methods: string[] = [];
    for (let type = PromoCodeRepository.prototype; type !== Object.prototype; type = Object.getPrototypeOf(type))
      methods.push(...Object.getOwnPropertyNames(type));
    methods.push(
      ...Object.getOwnPropertyNames(Object.getPrototypeOf(repository.campaigns)).map((name) => `campaigns.${name}`),
    );
    const functions = Object.entries(library)
      .filter(([name, value]) => typeof value === 'function' && !name.endsWith('Error'))
      .map(([name]) => name);
    const taking = [...methods, ...functions].filter((name) => !/(^|\.)constructor$|^close$|^queueLength$/.test(name));
    expect([...new Set(PUBLIC_CALLS.map(({ name }) => name))].sort()).toEqual([...new Set(taking)].sort());
  });

  it('and have every field that there is', () => {
    const schemas = inputSchemas(undefined) as unknown as Record<
      string,
      { entries?: object; item?: { entries: object }; pipe?: { item?: object }[] }
    >;
    const given = new Map<string, Set<string>>();
    for (const { name, args } of PUBLIC_CALLS) {
      const fields = given.get(name) ?? new Set();
      for (const argument of args.flat())
        if (typeof argument === 'object' && argument !== null) for (const key of Object.keys(argument)) fields.add(key);
      given.set(name, fields);
    }
    const OF: Record<string, string> = {
      create: 'create',
      generate: 'generate',
      import: 'import',
      redeem: 'redeem',
      reserve: 'reserve',
      validate: 'validate',
      patch: 'update',
      amend: 'amendUse',
      confirm: 'confirm',
      list: 'list',
      rollback: 'rollbackUse',
      history: 'history',
      pruneHistory: 'pruneHistory',
      release: 'releaseExpired',
      prune: 'pruneIdempotencyKeys',
      shopStats: 'shopStats',
      createCampaign: 'campaigns.create',
      patchCampaign: 'campaigns.update',
      listCampaigns: 'campaigns.list',
      addCodes: 'campaigns.addCodes',
    };
    for (const [schema, method] of Object.entries(OF))
      for (const field of Object.keys(schemas[schema]!.entries!))
        expect([...given.get(method)!], method).toContain(field);
  });

  it('each place, with what is known to be dangerous', { timeout: LIMIT_MS }, async () => {
    const before = await world();
    const faults: string[] = [];
    const attempts = EVERYDAY.flatMap((text) => PLACES.map((place) => ({ place, text })));
    // Of the others, each place has some of its own.
    const more = isWhole ? 3 : 0;
    for (const [at, place] of PLACES.entries())
      for (let step = 0; step < more; step += 1)
        attempts.push({ place, text: HOSTILE[(at * more + step) % HOSTILE.length]! });
    while (attempts.length > 0) {
      const some = attempts.splice(0, AT_ONCE);
      const found = await Promise.all(some.map(({ place, text }) => faultOf(place, text)));
      const names = some.map(({ place, text }) => `${nameOf(place)} ${text.slice(0, 30)}`);
      faults.push(...found.flatMap((all, which) => all.map((fault) => `${names[which]}: ${fault}`)));
      faults.push(...leaks().map((leak) => `${leak} (${names.join('; ')})`));
    }
    expect(faults).toEqual([]);
    expect(await world()).toEqual(before);
  });

  it('any place, with anything', { timeout: LIMIT_MS }, async () => {
    const before = await world();
    await fc.assert(fc.asyncProperty(fc.constantFrom(...PLACES), hostile, attempt), { numRuns: isWhole ? 1_000 : 150 });
    expect(await world()).toEqual(before);
  });
});

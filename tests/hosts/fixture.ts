import pg from 'pg';
import { afterAll, beforeAll, expect } from 'vitest';
import {
  type CreateInput,
  checkDrift,
  installSchema,
  installTriggers,
  type PromoCode,
  PromoCodeRepository,
  type Redeemed,
  type RedeemResult,
} from '../../src/index';
import { type TestSchema, useSchema } from '../support';
import { uniqueName } from '../support/names';
import { type Hand, handOf, type Tally } from './hand';
import { type Host, type HostOptions, type HostRequest, hasCodeColumn, hasUseColumn } from './host';

const DAY = 86_400_000;

/** What a host can do, by the columns that it has. */
interface Abilities {
  shops: boolean;
  transactions: boolean;
  amounts: boolean;
  count: boolean;
  sum: boolean;
  percentages: boolean;
}

/** A host in a schema of its own, with the library installed. */
export interface HostUnderTest extends TestSchema {
  host: Host;
  has: Abilities;
  /** Which installation is meant: what every function and the repository take. */
  where: { schema: string; librarySchema?: string };
  /** All that the first installation was given. */
  options: HostOptions;
  repository: PromoCodeRepository;
  hand: Hand;
  install(more?: HostOptions): ReturnType<typeof installTriggers>;
  /** A code of its own for a test, valid from the day before yesterday to the day after tomorrow. */
  newCode(fields?: Partial<CreateInput>): Promise<PromoCode>;
  /** A name that no code has yet. */
  newName(): string;
  /** Another customer with each call. */
  newCustomer(): string;
  newTransaction(): string | undefined;
  /** A request of another customer with each call. */
  request(code: Pick<PromoCode, 'code'>, fields?: Partial<HostRequest>): HostRequest;
  /** `{ shopId }` where the host has shops. */
  shop: { shopId?: string };
  redeem(code: Pick<PromoCode, 'code'>, fields?: Partial<HostRequest>): Promise<Redeemed>;
  /** The uses of a code, and their bonuses where the host keeps any, are these, and so are the counters. */
  expectCounts(code: Pick<PromoCode, 'id'>, uses: number, total?: string): Promise<void>;
  /** The counters of all codes are what their uses come to: for plain SQL, and for the library. */
  expectTrue(): Promise<void>;
  /** The schemas of the functions that the triggers on the two tables call. */
  librarySchemas(): Promise<string[]>;
  /** What a migration tool finds in the schema of the tables: tables, sequences, views, functions and types. */
  objects(): Promise<string[]>;
  /** The same before anything was installed. */
  objectsOfHost(): string[];
}

export function useHost(host: Host): HostUnderTest {
  const t = useSchema(host.name);
  const hand = handOf(t, host);
  const options = optionsOf(t, host);
  const { schema, librarySchema } = options;
  const where = { schema: schema!, ...(librarySchema !== undefined && { librarySchema }) };
  const repository = new PromoCodeRepository(t.pool, where);
  const neighbour = host.neighbour && { hand: handOf(t, host.neighbour), options: optionsOf(t, host.neighbour) };
  const has: Abilities = {
    shops: hasCodeColumn(host, 'shopId'),
    transactions: hasUseColumn(host, 'transactionId'),
    amounts: hasUseColumn(host, 'bonusAmount'),
    count: hasCodeColumn(host, 'timesUsed'),
    sum: hasCodeColumn(host, 'totalBonusIssued'),
    percentages: hasUseColumn(host, 'bonusAmount') && hasCodeColumn(host, 'maxBonus'),
  };
  const shop = has.shops ? { shopId: host.shop ?? 'shop' } : {};
  let objectsOfHost: string[] = OBJECTS_OF_INSTALL_SCHEMA;
  let serial = 0;
  const next = () => {
    serial += 1;
    return serial;
  };

  beforeAll(async () => {
    if (neighbour) await t.sql(host.neighbour!.ddl!);
    if (host.ddl !== null) {
      await t.sql(host.ddl);
      objectsOfHost = await objectsIn(t);
    }
    if (neighbour) {
      await installTriggers(t.pool, neighbour.options);
      const code = await neighbour.hand.insertCode('BESIDE');
      await neighbour.hand.insertUses({ code, customer: 'ann' }, { code, customer: 'bob' });
    }
    await (host.ddl === null ? installSchema : installTriggers)(t.pool, options);
    await noteLibraries();
  });

  const libraries = new Set<string>();
  const noteLibraries = async () => {
    for (const each of [hand, ...(neighbour ? [neighbour.hand] : [])]) {
      for (const name of await librarySchemas(t, each)) libraries.add(name);
    }
  };
  afterAll(async () => {
    await noteLibraries();
    libraries.delete(t.schema);
    for (const name of libraries) await t.sql(`DROP SCHEMA IF EXISTS ${pg.escapeIdentifier(name)} CASCADE`);
  });

  const self: HostUnderTest = {
    ...t,
    host,
    has,
    where,
    options,
    repository,
    hand,
    shop,
    install: (more = {}) => {
      const all: HostOptions = { ...where, ...more };
      return installTriggers(t.pool, all);
    },
    newName: () => `CODE${next()}`,
    newCustomer: () => (host.customer ?? ((n: number) => `customer-${n}`))(next()),
    newTransaction: () =>
      has.transactions ? (host.transaction ?? ((n: number) => `purchase-${n}`))(next()) : undefined,
    newCode: (fields = {}) =>
      repository.create({
        code: self.newName(),
        ...shop,
        bonusValue: '5.00',
        startDate: new Date(Date.now() - 2 * DAY),
        endDate: new Date(Date.now() + 2 * DAY),
        ...(host.codeColumns && { columns: host.codeColumns }),
        ...fields,
      }),
    request: (code, fields = {}) => ({
      code: code.code,
      ...shop,
      customerAddress: self.newCustomer(),
      baseReward: '10.00',
      ...(host.useColumns && { columns: host.useColumns }),
      ...fields,
    }),
    redeem: async (code, fields) => redeemed(await repository.redeem(self.request(code, fields))),
    expectCounts: async (code, uses, total = (5 * uses).toFixed(2)) => {
      expect((await hand.tallies()).get(code.id)).toEqual({
        uses,
        total: has.amounts ? total : '0.00',
        timesUsed: has.count ? uses : null,
        totalBonusIssued: has.sum ? total : null,
      });
    },
    expectTrue: async () => {
      for (const { uses, total, timesUsed, totalBonusIssued } of (await hand.tallies()).values()) {
        expect({ timesUsed, totalBonusIssued }).toEqual({
          timesUsed: has.count ? uses : null,
          totalBonusIssued: has.sum ? total : null,
        });
      }
      expect(await checkDrift(t.pool, where)).toEqual([]);
      if (!neighbour) return;
      // The other pair goes on counting, and only for itself.
      const [[code, beside]] = [...(await neighbour.hand.tallies())] as [[string, Tally]];
      expect(beside).toEqual({ uses: 2, total: '10.00', timesUsed: 2, totalBonusIssued: '10.00' });
      const [use] = await neighbour.hand.insertUses({ code, customer: 'cid' });
      expect((await neighbour.hand.tallies()).get(code)).toMatchObject({ timesUsed: 3, totalBonusIssued: '15.00' });
      await neighbour.hand.deleteUse(use!);
    },
    librarySchemas: () => librarySchemas(t, hand),
    objects: () => objectsIn(t),
    objectsOfHost: () => objectsOfHost,
  };
  return self;
}

/** A refusal is a failure of the test. */
export function redeemed(result: RedeemResult): Redeemed {
  if (!result.ok) throw new Error(`refused: ${result.reason}`);
  return result;
}

function optionsOf(t: TestSchema, host: Host): HostOptions {
  const librarySchema = { own: uniqueName('library'), host: t.schema };
  return {
    schema: t.schema,
    ...(host.librarySchema && { librarySchema: librarySchema[host.librarySchema] }),
    ...(host.tables && { tables: host.tables }),
    ...host.options,
  };
}

async function librarySchemas(t: TestSchema, hand: Hand): Promise<string[]> {
  const { rows } = await t.sql<{ name: string }>(
    `SELECT DISTINCT n.nspname AS name
       FROM pg_trigger AS g JOIN pg_proc AS p ON p.oid = g.tgfoid JOIN pg_namespace AS n ON n.oid = p.pronamespace
      WHERE NOT g.tgisinternal AND g.tgrelid IN (to_regclass($1), to_regclass($2))`,
    [t.expand(hand.codes), t.expand(hand.uses)],
  );
  return rows.map(({ name }) => name);
}

const OBJECTS_OF_INSTALL_SCHEMA = [
  'promo_code_uses',
  'promo_code_uses_id_seq',
  'promo_codes',
  'promo_codes_id_seq',
].map((name) => `relation ${name}`);

async function objectsIn(t: TestSchema): Promise<string[]> {
  const { rows } = await t.sql<{ object: string }>(
    `SELECT 'relation ' || c.relname AS object FROM pg_class AS c
      WHERE c.relnamespace = $1::regnamespace AND c.relkind NOT IN ('i', 'I')
     UNION ALL SELECT 'function ' || p.proname FROM pg_proc AS p WHERE p.pronamespace = $1::regnamespace
     UNION ALL SELECT 'type ' || y.typname FROM pg_type AS y
      WHERE y.typnamespace = $1::regnamespace AND y.typrelid = 0 AND y.typelem = 0`,
    [pg.escapeIdentifier(t.schema)],
  );
  return rows.map(({ object }) => object).sort();
}

import type { ConnectionPool, Database } from '../../src/index';
import {
  archivePartition,
  archiveUses,
  assertNoDrift,
  checkDrift,
  inspectTriggers,
  installSchema,
  installTriggers,
  oldestDriftCheck,
  PromoCodeRepository,
  PromoCodeShards,
  renderSql,
  repairDrift,
  scrubDrift,
  streamDrift,
  uninstallTriggers,
} from '../../src/index';

/** A call of the public API with every argument and field that it takes, each of them one that would do. */
export interface PublicCall {
  name: string;
  args: unknown[];
  call(place: { db: Database; repository: PromoCodeRepository; args: never[] }): unknown;
}

const CODE = {
  code: 'HOSTILE',
  shopId: 'shop',
  name: 'name',
  description: 'text',
  bonusType: 'percentage',
  bonusValue: '5',
  maxBonus: '9',
  startDate: '2026-01-01T00:00:00Z',
  endDate: '2099-01-01T00:00:00Z',
  totalUsageLimit: 5,
  perCustomerLimit: 1,
  maxTotalBonus: '99',
  budgetOverrun: 'cap',
  minBaseReward: '1',
  customerAddress: 'ann',
  metadata: { key: ['value'] },
  isActive: true,
  campaignId: null,
  columns: { note: 'text' },
};
const { code: _code, customerAddress: _bound, ...TEMPLATE } = CODE;
const { shopId: _shop, columns: _columns, code: _name, ...PATCH } = CODE;
const REQUEST = {
  code: 'GIVEN',
  shopId: 'shop',
  customerAddress: 'ann',
  baseReward: '10',
  bonusAmount: '1',
  transactionId: 'order',
  idempotencyKey: 'key',
  columns: { note: 'text' },
};
const OPTIONS = { rateLimitKey: '203.0.113.7' };
const GUARDED = { ...OPTIONS, shopId: 'shop' };
const NO_CODE = '999999999';
const CAMPAIGN = {
  shopId: 'shop',
  name: 'Summer',
  isActive: true,
  startDate: '2026-01-01T00:00:00Z',
  endDate: '2099-01-01T00:00:00Z',
  totalUsageLimit: 5,
  perCustomerLimit: 1,
  maxTotalBonus: '99',
  budgetOverrun: 'cap',
  metadata: { key: 'value' },
};
const { shopId: _campaignShop, ...CAMPAIGN_PATCH } = CAMPAIGN;
const PAGE = { limit: 5, cursor: null };
const SCHEMA = { schema: 'SCHEMA', librarySchema: 'LIBRARY' };
const columns = (...names: string[]) => Object.fromEntries(names.map((name) => [name, name]));
const TABLES = {
  codes: {
    name: 'codes',
    columns: columns('code', 'timesUsed', 'name'),
    bonusTypes: { fixed: ['flat'], percentage: ['percent'] },
  },
  uses: {
    name: 'uses',
    columns: columns('id', 'customerAddress'),
    rolledBack: { column: 'state', counts: ['paid', 'held'], value: 'void', redeemed: 'paid', reserved: 'held' },
  },
};
const INSTALL = {
  ...SCHEMA,
  tables: TABLES,
  grantTo: ['app'],
  timeZone: 'UTC',
  customerMatching: 'exact',
  testClock: false,
  granularity: 'row',
  counterWrites: 'reject',
  enforceLimits: true,
  history: true,
  reconcile: 'none',
  lockTimeoutMs: 1_000,
  dryRun: true,
};
const FILTER = { ...SCHEMA, shopId: 'shop', promoCodeIds: ['1'], campaignIds: ['1'] };

/** A method of the repository by its name, with its arguments. */
const method = (name: string, ...args: unknown[]): PublicCall => ({
  name,
  args,
  call: ({ repository, args: given }) => {
    const [part, own] = name.split('.') as [string, string | undefined];
    const owner = (own === undefined ? repository : repository.campaigns) as unknown as Record<
      string,
      (...all: unknown[]) => unknown
    >;
    return owner[own ?? part]!(...given);
  },
});
/** A function of the package that works on a database. */
const onDatabase = (run: (db: Database, ...args: never[]) => unknown, ...args: unknown[]): PublicCall => ({
  name: run.name,
  args,
  call: ({ db, args: given }) => run(db, ...given),
});

export const PUBLIC_CALLS: readonly PublicCall[] = [
  method('create', CODE, OPTIONS),
  method('ensure', CODE, OPTIONS),
  method('generate', { ...TEMPLATE, customers: ['ann', 'bob'], pattern: 'HOSTILE-#########', prefix: '' }, OPTIONS),
  method('generate', { ...TEMPLATE, customerAddress: 'ann', count: 2, prefix: 'P-' }, OPTIONS),
  method('import', [CODE], { defaults: { ...TEMPLATE, customerAddress: 'ann' }, faultyRows: 'skip' }, OPTIONS),
  method(
    'import',
    [
      ['code', 'bonusValue'],
      ['IMPORTED', '5'],
    ],
    { defaults: { shopId: 'shop' } },
  ),
  method('findById', NO_CODE, GUARDED),
  method('findByCode', 'GIVEN', 'shop', OPTIONS),
  method(
    'list',
    { shopId: 'shop', state: 'expired', search: 'x', orderBy: 'endDate', activeOnly: true, campaignId: '1', ...PAGE },
    OPTIONS,
  ),
  method('update', NO_CODE, PATCH, GUARDED),
  method('activate', NO_CODE, GUARDED),
  method('deactivate', NO_CODE, GUARDED),
  method('delete', NO_CODE, GUARDED),
  method(
    'validate',
    { code: 'GIVEN', shopId: 'shop', customerAddress: 'ann', baseReward: '1', bonusAmount: '1' },
    OPTIONS,
  ),
  method('redeem', REQUEST, OPTIONS),
  method('redeemMany', [REQUEST, { ...REQUEST, idempotencyKey: 'other' }], OPTIONS),
  method('reserve', { ...REQUEST, idempotencyKey: 'hold', ttlSeconds: 60 }, OPTIONS),
  method('rollbackUse', NO_CODE, { reason: 'why', actor: 'who' }, GUARDED),
  method('amendUse', NO_CODE, { baseReward: '1', bonusAmount: '1', transactionId: 'order' }, GUARDED),
  method('confirm', NO_CODE, { transactionId: 'order' }, GUARDED),
  method('releaseExpired', { limit: 5 }, OPTIONS),
  method('pruneIdempotencyKeys', { olderThanDays: 9, limit: 5 }, OPTIONS),
  method('usesByCustomer', 'ann', { shopId: 'shop', ...PAGE }, OPTIONS),
  method('usesByCode', NO_CODE, PAGE, GUARDED),
  method('usageStats', NO_CODE, { days: 5, timeZone: 'Europe/Vienna' }, GUARDED),
  method('shopStats', { shopId: 'shop', top: 5, days: 5, timeZone: 'Europe/Vienna' }, OPTIONS),
  method('history', { promoCodeId: NO_CODE, useId: NO_CODE, customerAddress: 'ann', after: '0', limit: 5 }, GUARDED),
  {
    ...method('followHistory', { after: '0', patienceMs: 5 }),
    call: ({ repository, args: [input] }) => {
      const records = repository.followHistory(input)[Symbol.asyncIterator]();
      return Promise.race([records.next(), new Promise((done) => setTimeout(done, 20))]).finally(() =>
        records.return?.(),
      );
    },
  },
  method('eraseCustomer', 'nobody', { replacement: 'gone' }, OPTIONS),
  method('pruneHistory', { before: '1999-01-01T00:00:00Z' }, OPTIONS),
  method('campaigns.create', CAMPAIGN, OPTIONS),
  method('campaigns.update', NO_CODE, CAMPAIGN_PATCH, GUARDED),
  method('campaigns.findById', NO_CODE, GUARDED),
  method('campaigns.list', { shopId: 'shop', state: 'expired', search: 'x', ...PAGE }, OPTIONS),
  method('campaigns.addCodes', NO_CODE, ['1', '2'], { move: true }, GUARDED),
  method('campaigns.removeCodes', NO_CODE, ['1', '2'], GUARDED),
  method('campaigns.delete', NO_CODE, GUARDED),
  {
    name: 'PromoCodeRepository',
    args: [
      {
        ...SCHEMA,
        deadlineMs: 5_000,
        attemptTimeoutMs: 2_000,
        lockTimeoutMs: 1_000,
        retry: { attempts: 2, maxDelayMs: 5 },
        uniformRefusals: true,
        rateLimit: { failures: 5, windowSeconds: 60 },
        batching: { maxBatch: 5, maxQueue: 5, lanes: 1 },
        prepare: false,
        diagnostics: { personalData: false },
      },
    ],
    call: ({ db, args: [options] }) => new PromoCodeRepository(db, options).findByCode('GIVEN', 'shop'),
  },
  {
    name: 'PromoCodeShards',
    args: [{ ...SCHEMA, concurrency: 2 }],
    call: ({ db, args: [options] }) =>
      new PromoCodeShards({ shards: { one: db as ConnectionPool }, shardOf: () => 'one' }, options).findByCode(
        'GIVEN',
        'shop',
      ),
  },
  onDatabase(installSchema, INSTALL),
  onDatabase(installTriggers, INSTALL),
  onDatabase(inspectTriggers, { ...INSTALL, reconcile: undefined, lockTimeoutMs: undefined, dryRun: undefined }),
  onDatabase(uninstallTriggers, { schema: 'not there', librarySchema: 'not there either', lockTimeoutMs: 1_000 }),
  onDatabase(checkDrift, { ...FILTER, limit: 5 }),
  onDatabase(repairDrift, { ...FILTER, dryRun: true, lockTimeoutMs: 1_000 }),
  onDatabase(assertNoDrift, FILTER),
  onDatabase(oldestDriftCheck, SCHEMA),
  onDatabase(archiveUses, {
    ...SCHEMA,
    before: '1999-01-01T00:00:00Z',
    batchSize: 5,
    into: { schema: 'SCHEMA', table: 'promo_code_uses_kept' },
    keepCustomers: true,
    lockTimeoutMs: 1_000,
  }),
  onDatabase(archivePartition, {
    ...SCHEMA,
    partition: { schema: 'SCHEMA', table: 'promo_code_uses_old' },
    action: 'detach',
    keepCustomers: true,
    lockTimeoutMs: 1_000,
  }),
  onDatabase(scrubDrift, { ...SCHEMA, rowsPerSecond: 1_000_000, lockTimeoutMs: 1_000 }),
  {
    ...onDatabase(streamDrift, { ...FILTER, batchSize: 5 }),
    call: async ({ db, args: [options] }) => {
      for await (const _record of streamDrift(db, options));
    },
  },
  ...(['schema', 'triggers', 'uninstall', 'drift', 'listIndexes'] as const).map(
    (script): PublicCall => ({
      name: 'renderSql',
      args: [
        script,
        {
          ...INSTALL,
          reconcile: undefined,
          lockTimeoutMs: undefined,
          dryRun: undefined,
          idTypes: { codes: 'uuid', uses: 'text' },
          rolledBackType: 'text',
        },
      ],
      call: ({ args: [name, options] }) => renderSql(name!, options),
    }),
  ),
];

/** Without those that read the same options as another one does, and take long. */
export const isEveryday = ({ name, args }: PublicCall): boolean =>
  name === 'renderSql'
    ? args[0] === 'triggers'
    : !['installSchema', 'inspectTriggers', 'assertNoDrift', 'streamDrift'].includes(name);

/** Where in the arguments something stands: of each value, and of each name of a field. */
export interface Place {
  call: PublicCall;
  path: readonly (string | number)[];
  /** Whether the name is meant, and not the value. */
  isName: boolean;
}

export function placesOf(call: PublicCall): Place[] {
  const places: Place[] = [];
  const walk = (value: unknown, path: readonly (string | number)[]) => {
    if (path.length > 0) places.push({ call, path, isName: false });
    if (typeof value !== 'object' || value === null) return;
    for (const [key, field] of Object.entries(value)) {
      const step = Array.isArray(value) ? Number(key) : key;
      walk(field, [...path, step]);
      if (!Array.isArray(value)) places.push({ call, path: [...path, step], isName: true });
    }
  };
  walk(call.args, []);
  return places;
}

/**
 * The arguments of a call with something else in one place; the schemas are those of the test.
 * @param given a function makes it of the value that stands there
 */
export function argsWith(
  { call, path, isName }: Place,
  given: unknown,
  names: { schema: string; library: string },
): never[] {
  const args = JSON.parse(
    JSON.stringify(call.args)
      .replaceAll('"SCHEMA"', () => JSON.stringify(names.schema))
      .replaceAll('"LIBRARY"', () => JSON.stringify(names.library)),
  ) as Record<string | number, unknown>;
  const last = path.at(-1)!;
  const owner = path.slice(0, -1).reduce<Record<string | number, unknown>>((at, step) => at[step] as typeof at, args);
  if (isName) {
    const { [last]: value, ...rest } = owner;
    const renamed = { ...rest };
    Object.defineProperty(renamed, String(given), { value, enumerable: true, configurable: true, writable: true });
    const above = path.slice(0, -2).reduce<Record<string | number, unknown>>((at, step) => at[step] as typeof at, args);
    above[path.at(-2)!] = renamed;
  } else owner[last] = typeof given === 'function' ? given(owner[last]) : given;
  return args as unknown as never[];
}

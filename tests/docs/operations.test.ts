import { readFileSync } from 'node:fs';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import {
  checkDrift,
  inspectTriggers,
  installSchema,
  installTriggers,
  PromoCodeRepository,
  type RedeemInput,
  type RedeemResult,
  repairDrift,
} from '../../src/index';
import { runHere } from '../cli/command-line';
import { type TestRole, useDatabase, useRole } from '../support';
import { changeUrl } from '../support/urls';
import { blocksOf, PAGE_LIMIT_MS, tableOf, useProgram } from './page';

interface Page {
  owner: pg.Pool;
  pool: pg.Pool;
  promoCodes: PromoCodeRepository;
  redeemIn(shop: string, request: RedeemInput): Promise<RedeemResult>;
}

const PAGE = 'operations';
const t = useDatabase(PAGE);
const run = useProgram();
const roles = {
  shop_owner: useRole({ label: 'shop owner' }),
  app: useRole({ label: 'app' }),
  checkout: useRole({ label: 'checkout' }),
  importer: useRole({ label: 'importer' }),
  monitor: useRole({ label: 'monitor' }),
};
type Name = keyof typeof roles;
const denied = { code: 'INSUFFICIENT_PRIVILEGE' };
const request = (fields: Partial<RedeemInput> = {}): RedeemInput => ({
  ...{ code: 'given', shopId: 'shop-1', customerAddress: `customer-${Math.random()}`, baseReward: '20.00' },
  ...fields,
});

/** The page's names of roles and of the database, as they are here. */
function here(sql: string): string {
  const names: Record<string, string> = { shop: pg.escapeIdentifier(t.database) };
  for (const [name, { quoted }] of Object.entries(roles)) names[name] = quoted;
  return sql.replaceAll(/(?<!')\b(shop_owner|shop|app|checkout|importer|monitor)\b(?![.'])/g, (name) => names[name]!);
}

const [
  administration = '',
  ownGrants = '',
  statistics = '',
  policies = '',
  timeouts = '',
  room = '',
  share = '',
  sequences = '',
  publication = '',
] = blocksOf(PAGE, 'sql').map(here);
const pools = new Map<Name, pg.Pool>();
const poolOf = (name: Name): pg.Pool => {
  const pool = pools.get(name) ?? t.poolWith({ max: 3 }, roles[name].login);
  pools.set(name, pool);
  return pool;
};
const as = (name: Name, statement: string) => poolOf(name).query(statement);
const repositoryOf = (name: Name) => new PromoCodeRepository(poolOf(name));
let page: Page;

beforeAll(async () => {
  await t.pool.query('SET client_min_messages = error; CREATE SCHEMA IF NOT EXISTS public');
  await t.pool.query(administration);
  page = await run(PAGE, { DATABASE_URL: t.url }, (code) => {
    const login = ({ role, login: { password } }: TestRole) =>
      `user: ${JSON.stringify(role)}, password: ${JSON.stringify(password)}`;
    return code
      .replaceAll(
        /connectionString: process\.env\.DATABASE_URL, user: '(\w+)'/g,
        (_, name: Name) =>
          `connectionString: ${JSON.stringify(changeUrl(t.url, roles[name].login))}, ${login(roles[name])}`,
      )
      .replace(/grantTo: \[.*?\]/, () => `grantTo: ${JSON.stringify([roles.app.role, roles.checkout.role])}`);
  });
  await as('shop_owner', ownGrants);
  await t.pool.query(statistics);
  await repositoryOf('app').create({ code: 'GIVEN', shopId: 'shop-1', bonusValue: '5.00', perCustomerLimit: null });
}, PAGE_LIMIT_MS);
afterAll(async () => {
  await page?.owner.end();
  await page?.pool.end();
});

describe('the rights of the page', () => {
  it('app does all that the repository does', async () => {
    const app = repositoryOf('app');
    const code = await app.create({ code: 'BY APP', shopId: 'shop-1', bonusValue: 1 });
    await app.generate({ shopId: 'shop-1', count: 2, bonusValue: 1 });
    const used = await app.redeem(request({ code: 'by app' }));
    if (!used.ok) throw new Error(used.message);
    await app.amendUse(used.use.id, { bonusAmount: '2.00' });
    await app.update(code.id, { name: 'x' });
    const { id } = await app.campaigns.create({ shopId: 'shop-1', name: 'By app' });
    expect(await app.campaigns.addCodes(id, [code.id])).toEqual({ added: 1, moved: 0 });
    expect(await app.campaigns.update(id, { totalUsageLimit: 5 })).toMatchObject({ timesUsed: 1, totalUsageLimit: 5 });
    await app.campaigns.removeCodes(id, [code.id]);
    await app.campaigns.delete(id);
    await app.deactivate(code.id);
    await as(
      'shop_owner',
      "ALTER TABLE promo_codes DISABLE TRIGGER USER; UPDATE promo_codes SET times_used = 9 WHERE code = 'BY APP'; ALTER TABLE promo_codes ENABLE TRIGGER USER",
    );
    expect(await repairDrift(poolOf('app'))).toMatchObject([{ timesUsed: 9 }]);
    await app.delete(code.id);
  });

  it('checkout redeems in every way, and can do nothing else', async () => {
    const checkout = repositoryOf('checkout');
    const app = repositoryOf('app');
    const code = (await checkout.findByCode('given', 'shop-1'))!;
    const results = await Promise.all(
      Array.from({ length: 20 }, (_, n) => checkout.redeem(request({ idempotencyKey: `${n}` }))),
    );
    expect(results.every(({ ok }) => ok)).toBe(true);
    const limited = await app.create({ code: 'ONCE', shopId: 'shop-1', bonusValue: 5 });
    const ann = request({ code: 'once', customerAddress: 'ann' });
    const replaced = await checkout.reserve({ ...ann, ttlSeconds: 60 });
    const held = await checkout.reserve({ ...ann, ttlSeconds: 60 });
    if (!held.ok || !replaced.ok) throw new Error('refused');
    expect(await checkout.redeem(request({ code: 'once', customerAddress: 'bob' }))).toMatchObject({ ok: true });
    expect(await checkout.confirm(held.use.id, { transactionId: 'x' })).toMatchObject({ transactionId: 'x' });
    expect(await checkout.redeem(ann)).toMatchObject({ ok: false, reason: 'customer_limit_reached' });
    expect(await checkout.rollbackUse(held.use.id)).toEqual({ rolledBack: true });
    expect(await checkout.validate(ann)).toMatchObject({ valid: true });
    expect(await checkout.releaseExpired()).toMatchObject({ released: 0 });
    expect(await checkout.pruneIdempotencyKeys({ olderThanDays: 9 })).toEqual({ pruned: 0 });
    await checkout.list();
    await checkout.usageStats(code.id);

    const campaign = await app.campaigns.create({ shopId: 'shop-1', name: 'Limited', totalUsageLimit: 1 });
    const member = await app.create({ code: 'MEMBER', shopId: 'shop-1', bonusValue: 5, campaignId: campaign.id });
    const taken = await checkout.redeem(request({ code: 'member', customerAddress: 'ann' }));
    expect(taken).toMatchObject({ ok: true });
    expect(await checkout.campaigns.findById(campaign.id)).toMatchObject({ timesUsed: 1 });
    expect((await checkout.campaigns.list()).items).toHaveLength(1);
    if (taken.ok) expect(await checkout.rollbackUse(taken.use.id)).toEqual({ rolledBack: true });
    expect(await checkout.campaigns.findById(campaign.id)).toMatchObject({ timesUsed: 0 });

    const use = (await checkout.usesByCode(code.id)).items[0]!;
    for (const refused of [
      () => checkout.create({ code: 'MINE', shopId: 'shop-1', bonusValue: 5 }),
      () => checkout.generate({ shopId: 'shop-1', count: 1, bonusValue: 5 }),
      () => checkout.update(limited.id, { totalUsageLimit: null }),
      () => checkout.deactivate(code.id),
      () => checkout.delete(code.id),
      () => checkout.amendUse(use.id, { bonusAmount: '100.00' }),
      () => checkout.campaigns.create({ shopId: 'shop-1', name: 'Mine' }),
      () => checkout.campaigns.update(campaign.id, { totalUsageLimit: null }),
      () => checkout.campaigns.addCodes(campaign.id, [code.id]),
      () => checkout.campaigns.removeCodes(campaign.id, [member.id]),
      () => checkout.campaigns.delete(campaign.id),
      () => installTriggers(poolOf('checkout'), { counterWrites: 'allow' }),
    ])
      await expect(refused()).rejects.toMatchObject(denied);
    for (const statement of [
      'UPDATE promo_codes SET times_used = 0',
      'UPDATE promo_codes SET per_customer_limit = NULL',
      'UPDATE promo_code_uses SET bonus_amount = 0',
      'TRUNCATE promo_code_uses',
      'UPDATE pgpromocodes.promo_code_campaigns SET total_usage_limit = NULL',
      'UPDATE pgpromocodes.promo_code_campaign_codes SET campaign_id = 2',
      'DELETE FROM pgpromocodes.promo_code_campaign_codes',
      'ALTER TABLE promo_code_uses DISABLE TRIGGER USER',
      'DROP TABLE pgpromocodes.promo_code_holds',
      'CREATE TABLE pgpromocodes.mine ()',
      'CREATE TABLE public.mine ()',
      'SELECT pgpromocodes.recount_promo_code_stats(1)',
      'SELECT pgpromocodes.apply_promo_code_stats(1, -1, -5)',
    ])
      await expect(as('checkout', statement), statement).rejects.toMatchObject({ code: '42501' });
  });

  it('importer writes uses that are counted, and can read nothing', async () => {
    const code = await repositoryOf('app').create({ code: 'IMPORTED', shopId: 'shop-1', bonusValue: 5 });
    await as(
      'importer',
      `INSERT INTO promo_code_uses (promo_code_id, customer_address, shop_id, bonus_amount) VALUES (${code.id}, 'a', 'shop-1', 7)`,
    );
    expect(await repositoryOf('app').findById(code.id)).toMatchObject({ timesUsed: 1, totalBonusIssued: '7.00' });
    for (const statement of ['SELECT FROM promo_codes', 'SELECT FROM promo_code_uses', 'DELETE FROM promo_code_uses'])
      await expect(as('importer', statement)).rejects.toMatchObject({ code: '42501' });
    await expect(repositoryOf('importer').redeem(request())).rejects.toMatchObject(denied);
    await expect(checkDrift(poolOf('importer'))).rejects.toMatchObject(denied);
  });

  it('monitor looks, and can write nothing', async () => {
    const env = { DATABASE_URL: changeUrl(t.url, roles.monitor.login) };
    for (const command of [['status'], ['check'], ['stats', '--days', '3']]) {
      const { code, stderr, stdout } = await runHere(command, { env });
      expect([code, stderr], stdout).toEqual([0, '']);
    }
    const holder = await t.client(roles.app.login);
    await holder.query(`BEGIN; SELECT FROM promo_codes WHERE code = 'GIVEN' FOR UPDATE`);
    const { stdout } = await runHere(['locks', 'given'], { env });
    await holder.query('ROLLBACK');
    expect(stdout).toContain('FOR UPDATE');
    await expect(repositoryOf('monitor').redeem(request())).rejects.toMatchObject(denied);
    await expect(repositoryOf('monitor').validate(request())).rejects.toMatchObject(denied);
  });

  it('an unchanged installation needs none', async () => {
    // The first start after the first campaign builds an index.
    await installTriggers(poolOf('shop_owner'));
    for (const name of Object.keys(roles) as Name[]) {
      expect(await installTriggers(poolOf(name)), name).toMatchObject({ changed: false, warnings: [] });
      expect(await inspectTriggers(poolOf(name)), name).toMatchObject({ ok: true });
    }
  });
});

describe('the jobs', () => {
  it('run as a role that redeems, without an output', async () => {
    const lines = blocksOf(PAGE, 'crontab')
      .join('')
      .split('\n')
      .filter((line) => /^[\d*]/.test(line));
    const commands = lines.map((line) => /npx pg-promo-codes (.*?) > \/dev\/null/.exec(line)?.[1] ?? '');
    expect(commands.map((command) => command.split(' ')[0])).toEqual(['release', 'prune', 'check']);
    for (const line of lines) expect(line).toMatch(/^([\d*]+ ){5} *cd \/srv\/shop && npx /);
    for (const command of commands) {
      const outcome = await runHere(command.split(' '), { env: { DATABASE_URL: changeUrl(t.url, roles.app.login) } });
      expect([outcome.code, outcome.stderr], command).toEqual([0, '']);
    }
  });

  it('and alerts: the table has those of the example', () => {
    const { groups } = parse(readFileSync('examples/observability/alert-rules.yml', 'utf8')) as {
      groups: { rules: { alert: string }[] }[];
    };
    const listed = tableOf(PAGE, ['alert', 'what it says', 'what to do']).map(([name]) => name!.replaceAll('`', ''));
    expect(listed).toEqual(groups.flatMap(({ rules }) => rules.map(({ alert }) => alert)));
  });
});

describe('pools and timeouts', () => {
  it('a statement_timeout that is short ends a wait for a code as TIMEOUT, a longer one as LOCK_TIMEOUT', async () => {
    const holder = await t.client();
    await holder.query(`BEGIN; SELECT FROM promo_codes WHERE code = 'GIVEN' FOR UPDATE`);
    const outcomes: unknown[] = [];
    for (const [timeout, lockTimeoutMs] of [
      [200, 5_000],
      [5_000, 200],
    ] as const) {
      const repository = new PromoCodeRepository(t.poolWith({ statement_timeout: timeout }), { lockTimeoutMs });
      await repository.redeem(request()).catch(({ code }: { code: string }) => outcomes.push(code));
    }
    await holder.query('ROLLBACK');
    expect(outcomes).toEqual(['TIMEOUT', 'LOCK_TIMEOUT']);
  });

  it('the settings of the page are settings', async () => {
    await t.pool.query(timeouts);
    const { rows } = await (await t.client(roles.app.login)).query('SHOW statement_timeout');
    expect(rows).toEqual([{ statement_timeout: '10s' }]);
  });
});

it('row-level security keeps a role to its shop: codes, keys and holds', async () => {
  await repositoryOf('app').create({ code: 'OTHERS', shopId: 'shop-2', bonusValue: 5 });
  await as('shop_owner', policies);
  try {
    expect(await page.redeemIn('shop-1', request({ idempotencyKey: 'rls' }))).toMatchObject({ ok: true });
    const others = request({ code: 'others', shopId: 'shop-2' });
    expect(await page.redeemIn('shop-1', others)).toMatchObject({ ok: false, reason: 'not_found' });
    expect(await page.redeemIn('shop-2', others)).toMatchObject({ ok: true });
    const keys = await as(
      'app',
      `SELECT set_config('app.shop', '', false); SELECT FROM pgpromocodes.promo_code_idempotency_keys`,
    );
    expect((keys as unknown as pg.QueryResult[])[1]?.rowCount).toBe(0);
    expect(await checkDrift(poolOf('shop_owner'))).toEqual([]);
  } finally {
    await as(
      'shop_owner',
      'ALTER TABLE promo_codes DISABLE ROW LEVEL SECURITY; ALTER TABLE promo_code_uses DISABLE ROW LEVEL SECURITY',
    );
  }
});

describe('room for the counters', () => {
  it('is a setting of the table, and how much of it is used can be read', async () => {
    await as('shop_owner', room);
    const { rows } = await as('monitor', share);
    expect(Object.keys(rows[0])).toEqual(['n_tup_upd', 'n_tup_hot_upd', 'n_dead_tup']);
  });
});

describe('restores and replicas', () => {
  it('a sequence that is behind is named, and the statements of the page set it', async () => {
    await t.sql(`INSERT INTO public.promo_code_uses (id, promo_code_id, customer_address, shop_id)
      SELECT 1000 + n, (SELECT id FROM public.promo_codes WHERE code = 'GIVEN'), 'restored', 'shop-1' FROM generate_series(1, 3000) AS n;
      ALTER TABLE public.promo_code_uses ALTER COLUMN id RESTART WITH 1001`);
    const fresh = new PromoCodeRepository(t.poolWith());
    await expect(fresh.redeem(request())).rejects.toMatchObject({ code: 'SEQUENCE_BEHIND' });
    await t.pool.query(sequences);
    expect(await fresh.redeem(request())).toMatchObject({ ok: true });
  });

  it('on a server that may only read, what reads works, and what writes says so', async () => {
    const pool = t.poolWith({ options: '-c default_transaction_read_only=on' });
    const repository = new PromoCodeRepository(pool, { deadlineMs: 500 });
    expect(await repository.validate(request())).toMatchObject({ valid: true });
    await repository.list();
    expect(await installTriggers(pool)).toMatchObject({ changed: false });
    expect(await inspectTriggers(pool)).toMatchObject({ ok: true });
    expect(await checkDrift(pool)).toEqual([]);
    await expect(repository.redeem(request())).rejects.toMatchObject({ code: 'READ_ONLY' });
  });

  it('the tables of the library can be published', async () => {
    await t.pool.query(publication);
    const { rows } = await t.pool.query(
      `SELECT count(*)::integer AS count FROM pg_publication_tables WHERE pubname = 'promo_codes_all'`,
    );
    expect(rows).toEqual([{ count: 10 }]);
  });
});

it('partitions: what the table says of each change', async () => {
  const schema = 'parted';
  await t.pool.query(`CREATE SCHEMA ${schema}`);
  await installSchema(t.pool, { schema });
  const client = await t.client();
  await client.query(`SET search_path = ${schema};
    DROP TABLE promo_code_uses;
    CREATE TABLE promo_code_uses (
      id bigint GENERATED BY DEFAULT AS IDENTITY, promo_code_id bigint NOT NULL REFERENCES promo_codes, customer_address text NOT NULL,
      shop_id text NOT NULL, transaction_id text, base_reward numeric(18,2) NOT NULL DEFAULT 0, bonus_amount numeric(18,2) NOT NULL DEFAULT 0,
      total_reward numeric(18,2) NOT NULL DEFAULT 0, used_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (id, used_at)
    ) PARTITION BY RANGE (used_at);
    CREATE TABLE now_on PARTITION OF promo_code_uses FOR VALUES FROM ('2020-01-01') TO (MAXVALUE)`);
  const options = { schema };
  await installTriggers(t.pool, options);
  const repository = new PromoCodeRepository(t.pool, options);
  const { id } = await repository.create({ code: 'P', shopId: 'shop-1', bonusValue: 1, perCustomerLimit: null });
  const used = async () => (await repository.findById(id))?.timesUsed;
  const insert = (table: string, year: number) =>
    client.query(
      `INSERT INTO ${table} (promo_code_id, customer_address, shop_id, used_at) VALUES (${id}, 'a', 's', '${year}-06-01')`,
    );
  await repository.redeem(request({ code: 'p' }));

  await client.query(
    `CREATE TABLE y2019 PARTITION OF promo_code_uses FOR VALUES FROM ('2019-01-01') TO ('2020-01-01')`,
  );
  await insert('promo_code_uses', 2019);
  await insert('y2019', 2019);
  expect(await used()).toBe(3);
  expect(await inspectTriggers(t.pool, options)).toMatchObject({ ok: false });
  expect(await installTriggers(t.pool, options)).toMatchObject({
    created: expect.arrayContaining(['count_promo_code_uses_on_truncate', 'promo_code_uses_insert_trigger']),
    replaced: expect.arrayContaining(['promo_code_uses_insert_trigger_by_row']),
    repaired: [],
  });
  await client.query('TRUNCATE y2019');
  expect(await used()).toBe(1);

  await client.query('CREATE TABLE y2018 (LIKE promo_code_uses INCLUDING DEFAULTS INCLUDING CONSTRAINTS)');
  await client.query(
    `INSERT INTO y2018 (id, promo_code_id, customer_address, shop_id, used_at) VALUES (99, ${id}, 'a', 's', '2018-06-01')`,
  );
  await client.query(
    `ALTER TABLE promo_code_uses ATTACH PARTITION y2018 FOR VALUES FROM ('2018-01-01') TO ('2019-01-01')`,
  );
  expect(await used()).toBe(1);
  expect(await installTriggers(t.pool, options)).toMatchObject({ repaired: [{ timesUsed: 1, actualUses: 2 }] });

  await client.query('ALTER TABLE promo_code_uses DETACH PARTITION y2018');
  expect(await used()).toBe(2);
  expect(await repairDrift(t.pool, options)).toHaveLength(1);
  expect(await used()).toBe(1);
});

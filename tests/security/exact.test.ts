import type pg from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';
import type { HostTables } from '../../src/host/description';
import {
  archiveUses,
  assertNoDrift,
  checkDrift,
  inspectTriggers,
  installSchema,
  installTriggers,
  PromoCodeRepository,
  type RedeemResult,
  renderSql,
  repairDrift,
  scrubDrift,
  streamDrift,
  uninstallTriggers,
} from '../../src/index';
import { cases, useDatabase, useRole } from '../support';
import { intercepted } from '../support/intercepted';
import { exerciseBudgets } from './exact-budgets';
import { exerciseCampaignMethods } from './exact-campaign-methods';
import { exerciseCampaigns } from './exact-campaigns';
import { layTraps } from './traps';

const DAY = 86_400_000;

interface Host {
  name: string;
  /** None: `installSchema` creates them. */
  ddl: string | null;
  tables?: HostTables;
  codes: string;
  uses: string;
  useId: string;
  shop: string;
  customer(n: number): string;
  purchase(n: number): string;
}

const HOSTS: Host[] = [
  {
    name: 'the tables of installSchema',
    ddl: null,
    ...{ codes: 'promo_codes', uses: 'promo_code_uses', useId: 'id', shop: 'shop' },
    customer: (n) => `customer-${n}`,
    purchase: (n) => `purchase-${n}`,
  },
  {
    name: 'other types throughout, and uses that are taken back by a timestamp',
    ddl: `
      CREATE TABLE :"schema".coupons (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(), code varchar(40) NOT NULL, shop_id integer NOT NULL,
        name varchar(40), description varchar(90), bonus_type varchar(20) NOT NULL DEFAULT 'fixed',
        bonus_value numeric(12,2) NOT NULL, max_bonus numeric(12,2), start_date date NOT NULL DEFAULT now(),
        end_date timestamp, total_usage_limit smallint, per_customer_limit bigint DEFAULT 1,
        times_used smallint NOT NULL DEFAULT 0, total_bonus_issued numeric(18,2) NOT NULL DEFAULT 0,
        is_active boolean NOT NULL DEFAULT true, created_at timestamp NOT NULL DEFAULT now(), updated_at timestamp
      );
      CREATE TABLE :"schema".coupon_uses (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(), promo_code_id uuid NOT NULL REFERENCES :"schema".coupons ON DELETE CASCADE,
        customer_address varchar(60) NOT NULL, shop_id integer NOT NULL, transaction_id bigint, base_reward numeric(18,2) NOT NULL,
        bonus_amount numeric(18,2) NOT NULL, total_reward numeric(18,2) NOT NULL, used_at timestamp NOT NULL DEFAULT now(),
        cancelled_at timestamp
      );`,
    tables: { codes: { name: 'coupons' }, uses: { name: 'coupon_uses', rolledBack: { column: 'cancelled_at' } } },
    ...{ codes: 'coupons', uses: 'coupon_uses', useId: 'id', shop: '7' },
    customer: (n) => `customer-${n}`,
    purchase: (n) => String(1_000 + n),
  },
  {
    name: "the seed's types, and uses with a status",
    ddl: `
      CREATE TABLE :"schema".vouchers (
        id serial PRIMARY KEY, code varchar(20) NOT NULL, shop_id varchar(100) NOT NULL, name varchar(100), description text,
        bonus_type varchar(20) NOT NULL DEFAULT 'fixed', bonus_value numeric(10,2) NOT NULL DEFAULT 5, max_bonus numeric(10,2),
        start_date timestamp NOT NULL DEFAULT now(), end_date timestamp, total_usage_limit integer,
        per_customer_limit integer DEFAULT 1, times_used integer DEFAULT 0, total_bonus_issued numeric(18,2) DEFAULT 0,
        is_active boolean DEFAULT true, created_at timestamp DEFAULT now(), updated_at timestamp DEFAULT now()
      );
      CREATE TABLE :"schema".voucher_uses (
        id serial, promo_code_id integer NOT NULL,
        customer_address varchar(60) NOT NULL, shop_id varchar(100) NOT NULL, transaction_id uuid, base_reward numeric(18,2) NOT NULL,
        bonus_amount numeric(18,2), total_reward numeric(18,2) NOT NULL, used_at timestamptz DEFAULT now(),
        state varchar(20) NOT NULL DEFAULT 'paid', PRIMARY KEY (id, promo_code_id)
      ) PARTITION BY HASH (promo_code_id);
      CREATE TABLE :"schema".voucher_uses_0 PARTITION OF :"schema".voucher_uses FOR VALUES WITH (MODULUS 2, REMAINDER 0);
      CREATE TABLE :"schema".voucher_uses_1 PARTITION OF :"schema".voucher_uses FOR VALUES WITH (MODULUS 2, REMAINDER 1);`,
    tables: {
      codes: { name: 'vouchers' },
      uses: {
        name: 'voucher_uses',
        rolledBack: {
          ...{ column: 'state', counts: ['paid', 'held'], value: 'void' },
          ...{ redeemed: 'paid', reserved: 'held' },
        },
      },
    },
    ...{ codes: 'vouchers', uses: 'voucher_uses', useId: 'id', shop: 'shop' },
    customer: (n) => `customer-${n}`,
    purchase: (n) => `6f1c0f8e-3a55-4c0e-9d5e-${String(n).padStart(12, '0')}`,
  },
];

const t = useDatabase('traps');
const [stranger, owner, app] = [useRole({ label: 'stranger' }), useRole({ label: 'owner' }), useRole({ label: 'app' })];
/** Writes what the test itself writes, past the traps. */
let hand: pg.Client;

beforeAll(async () => {
  hand = await t.client();
  await hand.query('SET search_path = pg_catalog');
  const say = (text: string) => hand.query(t.expand(text));
  await say(`ALTER DATABASE :"database" SET search_path = :"schema"`);
  await say(`GRANT CREATE ON DATABASE :"database" TO ${owner.quoted}`);
  await say(`GRANT USAGE, CREATE ON SCHEMA :"schema" TO ${stranger.quoted}, ${owner.quoted}`);
  await say(`GRANT USAGE ON SCHEMA :"schema" TO ${app.quoted}`);
  await say(`SET ROLE ${owner.quoted}`);
  for (const { ddl } of HOSTS) if (ddl) await say(ddl);
  await say('RESET ROLE');
  const laid = await layTraps(await t.client(stranger.login), t.expand(':"schema"'));
  // A server that finds its catalogs changed would lay none.
  expect(Math.min(...laid)).toBeGreaterThan(1_000);
}, 120_000);

it('what is not exact falls into a trap', async () => {
  const session = await t.client(app.login);
  for (const [expression, trap] of [
    ['1::oid = 1', '(oid = integer)'],
    [`'a'::varchar = 'a'`, '(character varying = character varying)'],
    ['ARRAY[1::smallint] = ARRAY[1::smallint]', '(smallint[] = smallint[])'],
    [`'[5]'::jsonb ->> '0'`, '(jsonb ->> jsonb)'],
    [`upper('a'::varchar)`, 'upper(character varying)'],
    ['array_agg(1)', 'array_agg(integer)'],
    [`format('%s', 1)`, 'format(text, integer)'],
    ['cardinality(ARRAY[1])', 'cardinality(integer[])'],
  ]) {
    await expect(session.query(`SELECT ${expression}`), expression).rejects.toThrow(`fell into the trap ${trap}`);
  }
});

describe.each(cases('hosts', HOSTS, (_, index) => index === 0))(
  'nothing of the library falls into a trap: $name',
  (host) => {
    const options = {
      schema: t.schema,
      librarySchema: `library of ${host.codes}`,
      ...(host.tables && { tables: host.tables }),
    };
    const where = { schema: t.schema, librarySchema: options.librarySchema };
    const names = { ...host, library: options.librarySchema };
    const say = (text: string) =>
      hand.query(
        t.expand(
          text.replaceAll(/:"(codes|uses|library)"/g, (_, name: keyof typeof names) =>
            name === 'library' ? `"${names.library}"` : `:"schema".${names[name]}`,
          ),
        ),
      );

    describe.each([
      ['the owner installs', 'owner'],
      ['a superuser installs', 'superuser'],
    ] as const)('%s', (_, installer) => {
      const pool = () => t.poolWith({ max: 4 }, installer === 'owner' ? owner.login : {});
      let admin: pg.Pool;

      it('installs', async () => {
        admin = pool();
        const more = { ...options, grantTo: [app.role], history: true };
        for (const step of [
          ...[more, more, { ...more, granularity: 'row' as const }, { ...more, granularity: 'auto' as const }],
          ...[
            { ...more, enforceLimits: true },
            { ...more, counterWrites: 'allow' as const },
            { ...more, counterWrites: 'ignore' as const },
          ],
          { ...more, dryRun: true },
        ]) {
          if (host.ddl) await installTriggers(admin, step);
          else await installSchema(admin, step);
        }
        // As a migration tool does; it does not know of other types of ids.
        const scripts = host.ddl ? [] : (['schema', 'drift'] as const);
        for (const script of scripts) await admin.query(renderSql(script, { ...more, enforceLimits: true }));
        const { objects } = await inspectTriggers(admin, where);
        expect(objects.filter(({ state }) => state !== 'ok')).toEqual([]);
        await say(`GRANT SELECT, INSERT, UPDATE, DELETE ON :"codes", :"uses" TO ${app.quoted}`);
        if (host.name.startsWith("the seed's")) {
          await say(`GRANT USAGE ON ALL SEQUENCES IN SCHEMA :"schema" TO ${app.quoted}`);
        }
      });

      it.each([
        ['who may redeem', () => t.poolWith({ max: 4 }, app.login)],
        ['who has installed', pool],
      ])('serves %s', async (_who, open) => {
        await contract(new PromoCodeRepository(open(), { ...where, rateLimit: true }), host, say);
        await drift(admin, where, say);
      });

      it('finds out what became of calls whose answers were lost', async () => {
        await doubts(t.poolWith({ max: 4 }, app.login), where, host);
      });

      it('explains what went wrong', async () => {
        const repository = new PromoCodeRepository(admin, { ...where, lockTimeoutMs: 50 });
        const code = await repository.create({ code: 'LOCKED', shopId: host.shop, bonusValue: 5 });
        const request = { code: code.code, shopId: host.shop, customerAddress: host.customer(1), baseReward: 1 };
        await repository.redeem({ ...request, customerAddress: host.customer(2) });
        await say('BEGIN; SELECT FROM :"codes" FOR UPDATE');
        await expect(repository.redeem(request)).rejects.toMatchObject({ code: 'LOCK_TIMEOUT', promoCodeId: code.id });
        await expect(repository.rollbackUse(code.id))
          .rejects.toThrow()
          .catch(() => undefined);
        await say('ROLLBACK');
        expect(
          await repository.eraseCustomer(host.customer(2), { replacement: host.customer(9_999_999) }),
        ).not.toMatchObject({ uses: 0 });
        expect(await repository.pruneHistory({ before: new Date(0) })).toEqual({ dropped: [] });
        const denied = new PromoCodeRepository(t.poolWith({}, stranger.login), where);
        await expect(denied.redeem(request)).rejects.toMatchObject({
          code: 'INSUFFICIENT_PRIVILEGE',
          sql: expect.stringContaining('GRANT'),
        });
        await expect(installTriggers(admin, { schema: t.schema, tables: { codes: { name: 'none' } } })).rejects.toThrow(
          host.codes,
        );
      });

      it('uninstalls', async () => {
        expect((await uninstallTriggers(admin, where)).removed).not.toEqual([]);
        if (installer === 'owner') await say('DELETE FROM :"uses"; DELETE FROM :"codes"');
      });
    });
  },
);

/** Everything that a repository does. */
async function contract(
  repository: PromoCodeRepository,
  host: Host,
  say: (text: string) => Promise<{ rows: Record<string, unknown>[] }>,
) {
  let serial = 0;
  const mark = Math.random().toString(36).slice(2, 8);
  const key = { rateLimitKey: '203.0.113.7' };
  const newCode = (fields = {}) => {
    serial += 1;
    return repository.create({
      ...{ code: `CODE${serial}-${mark}`, shopId: host.shop, bonusValue: 5 },
      ...{ startDate: new Date(Date.now() - DAY), endDate: new Date(Date.now() + DAY), ...fields },
    });
  };
  const request = (code: { code: string }, fields = {}) => {
    serial += 1;
    const fixed = { code: code.code, shopId: host.shop, baseReward: '10.00', transactionId: host.purchase(serial) };
    return { ...fixed, customerAddress: host.customer(serial), ...fields };
  };
  const asked = ({ transactionId: _, ...rest }: ReturnType<typeof request>) => rest;
  const redeemed = (result: RedeemResult) => {
    if (!result.ok) throw new Error(`refused: ${result.reason}`);
    return result;
  };
  const refused = (result: RedeemResult, reason: string) => expect(result).toMatchObject({ ok: false, reason });

  const code = await newCode();
  const { use } = redeemed(await repository.redeem(request(code), key));
  const percentage = await newCode({
    bonusType: 'percentage',
    bonusValue: 10,
    maxBonus: 50,
    totalUsageLimit: 2,
    perCustomerLimit: 5,
  });
  const first = request(percentage, { idempotencyKey: mark });
  redeemed(await repository.redeem(first, key));
  expect(await repository.redeem(first, key)).toMatchObject({ ok: true, replayed: true });
  await expect(repository.redeem({ ...first, baseReward: 3 }, key)).rejects.toThrow(/key/);
  // Refusals, alone and in a batch, with keys and without.
  refused(await repository.redeem(request({ code: 'NO SUCH' }), key), 'not_found');
  refused(
    await repository.redeem({ ...request(code), customerAddress: use.customerAddress }, key),
    'customer_limit_reached',
  );
  const withKey = request(code, { idempotencyKey: `batch ${mark}` });
  const batch = await repository.redeemMany(
    [
      ...[request(code), { ...request(code), bonusAmount: 2 }, withKey, request(percentage), request(percentage)],
      ...[request({ code: 'NO SUCH' }), { ...request(code), customerAddress: use.customerAddress }, withKey],
    ],
    key,
  );
  expect(batch.filter(({ ok }) => ok).length).toBeGreaterThan(2);
  await Promise.all(Array.from({ length: 6 }, () => repository.redeem(request(code), key)));
  redeemed((await repository.redeemMany([request(code), request(code, { idempotencyKey: `b ${mark}` })], key))[0]!);

  // Holds: confirmed, replaced by a purchase, expired, released.
  const narrow = await newCode({ totalUsageLimit: 1 });
  const hold = { ...request(narrow, { idempotencyKey: `hold ${mark}` }), ttlSeconds: 60 };
  const held = redeemed(await repository.reserve(hold, key));
  expect(await repository.validate(asked(request(narrow)), key)).toMatchObject({
    valid: false,
    reason: 'usage_limit_reached',
  });
  redeemed(await repository.redeem(request(narrow, { customerAddress: hold.customerAddress }), key));
  await expect(repository.confirm(held.use.id)).rejects.toThrow();
  const confirmed = redeemed(await repository.reserve({ ...request(code), ttlSeconds: 60 }, key));
  const purchase = host.purchase(99);
  await repository.confirm(confirmed.use.id, { transactionId: purchase });
  await repository.confirm(confirmed.use.id, { transactionId: purchase });
  await expect(repository.confirm(confirmed.use.id, { transactionId: host.purchase(98) })).rejects.toThrow();
  const due = await newCode({ totalUsageLimit: 1 });
  redeemed(await repository.reserve({ ...request(due), ttlSeconds: 60 }, key));
  await say(`UPDATE :"library".promo_code_holds SET expires_at = '-infinity' WHERE released_at IS NULL`);
  expect(await repository.validate(asked(request(due)), key)).toMatchObject({ valid: true });
  redeemed(await repository.redeem(request(due), key));
  await Promise.all([1, 2, 3].map(() => repository.reserve({ ...request(code), ttlSeconds: 60 }, key)));
  await say(`UPDATE :"library".promo_code_holds SET expires_at = '-infinity' WHERE released_at IS NULL`);
  expect(await repository.releaseExpired({ limit: 5 })).toMatchObject({ remaining: false });

  // Taken back, amended.
  await repository.amendUse(use.id, { bonusAmount: 1, baseReward: 2, transactionId: host.purchase(97) });
  expect(await repository.rollbackUse(use.id, { reason: 'why', actor: 'who' })).toEqual({ rolledBack: true });
  expect(await repository.rollbackUse(use.id)).toEqual({ rolledBack: false });
  await expect(repository.amendUse(use.id, { bonusAmount: 1 })).rejects.toThrow();
  const filter = { useId: use.id, promoCodeId: code.id, customerAddress: use.customerAddress };
  const { items } = await repository.history(filter);
  expect(items.map(({ kind }) => kind)).toEqual(['redeemed', 'amended', 'rolled_back']);
  for await (const { id, reason } of repository.followHistory({ after: items[1]!.id })) {
    if (id !== items[2]!.id) continue;
    expect(reason).toBe('why');
    break;
  }
  expect(await repository.pruneIdempotencyKeys({ olderThanDays: 0, limit: 99 })).not.toEqual({ pruned: 0 });

  // Previews.
  for (const previewed of [
    request(code),
    request(percentage),
    request({ code: 'NO SUCH' }),
    request(code, { bonusAmount: 3 }),
  ]) {
    await repository.validate(asked(previewed), key);
  }
  await Promise.all([code, percentage].map((each) => repository.validate(asked(request(each)), key)));

  // Codes.
  await repository.update(code.id, {
    name: 'name',
    endDate: new Date(Date.now() + 2 * DAY),
    bonusValue: 6,
    totalUsageLimit: 9,
  });
  await repository.update(code.id, { startDate: new Date(Date.now() - 2 * DAY) });
  await repository.deactivate(code.id);
  refused(await repository.redeem(request(code), key), 'inactive');
  await repository.activate(code.id);
  await repository.ensure({ code: code.code, shopId: host.shop, bonusValue: 5 });
  await repository.ensure({
    code: `ENDING-${mark}`,
    shopId: host.shop,
    bonusValue: 5,
    endDate: new Date(Date.now() + DAY),
  });
  await repository.generate({ shopId: host.shop, count: 3, bonusValue: 5 });
  expect(await repository.findById(code.id)).toMatchObject({ name: 'name' });
  expect(await repository.findByCode(code.code)).toMatchObject({ id: code.id });
  expect(await repository.findByCode(` ${code.code.toLowerCase()}`, host.shop)).toMatchObject({ id: code.id });
  await repository.findByCode('NO SUCH', host.shop);
  for (const orderBy of ['newest', 'timesUsed', 'totalBonusIssued', 'endDate'] as const) {
    const page = await repository.list({ shopId: host.shop, orderBy, limit: 2, activeOnly: true });
    await repository.list({ shopId: host.shop, orderBy, limit: 2, activeOnly: true, cursor: page.nextCursor });
  }
  for (const state of ['redeemable', 'scheduled', 'expired', 'used_up', 'inactive'] as const) {
    await repository.list({ state, search: 'code' });
  }
  const uses = await repository.usesByCode(code.id, { limit: 2 });
  await repository.usesByCode(code.id, { limit: 2, cursor: uses.nextCursor });
  const ofCustomer = await repository.usesByCustomer(host.customer(2), { shopId: host.shop, limit: 1 });
  await repository.usesByCustomer(host.customer(2), { limit: 1, cursor: ofCustomer.nextCursor });
  await repository.usageStats(code.id, { days: 3, timeZone: 'Asia/Manila' }, { shopId: host.shop });
  await repository.shopStats({ shopId: host.shop, days: 3, timeZone: 'Asia/Manila' });
  await repository.usesByCode(code.id, { limit: 2, shopId: host.shop });
  const imported = ['A', 'a', 'B'].map((name) => ({ code: `${name}-${mark}`, shopId: host.shop, bonusValue: 5 }));
  expect(await repository.import(imported)).toMatchObject({ created: 2, skipped: 1 });
  const unused = await newCode();
  await repository.delete(unused.id);

  // Hosts with tables of their own have no columns for it.
  if (!host.ddl) await exerciseBudgets(repository, { newCode, request, customer: host.customer, say });
  await exerciseCampaigns(repository, { newCode, request, say });

  await exerciseCampaignMethods(repository, { shop: host.shop, newCode, mark });

  // What only triggers see.
  const columns = ['promo_code_id', 'customer_address', 'shop_id', 'base_reward', 'bonus_amount', 'total_reward'];
  const copy = (which: string) => `INSERT INTO :"uses" (${columns}) SELECT ${columns} FROM :"uses" WHERE ${which}`;
  await say('UPDATE :"codes" SET times_used = 77, total_bonus_issued = 7 WHERE times_used = 1');
  await say('UPDATE :"uses" SET bonus_amount = 3 WHERE bonus_amount = 2');
  await expect(say(copy('bonus_amount = 3'))).rejects.toMatchObject({ code: expect.stringMatching(/^PC00[23]$/) });
  await say(`UPDATE :"codes" SET per_customer_limit = NULL, total_usage_limit = NULL`);
  await say(copy('bonus_amount = 3'));
  await repository.reserve({ ...request(percentage), ttlSeconds: 60 }, key);
  await say(`UPDATE :"uses" SET promo_code_id = '${code.id}' WHERE promo_code_id = '${percentage.id}'`);
  await say(`DELETE FROM :"uses" WHERE promo_code_id = '${due.id}'`);
  await expect(say(`UPDATE :"uses" SET bonus_amount = 'NaN'`)).rejects.toMatchObject({
    code: host.ddl ? 'PC004' : '23514',
  });
  await repository.close();
}

/** Calls whose first answer is lost, after it has had its effect or before. */
async function doubts(pool: pg.Pool, where: { schema: string; librarySchema: string }, host: Host) {
  let isLost = (_text: string): boolean => false;
  const losing = intercepted(pool, async (text, values, send) => {
    const lost = isLost(text);
    if (lost) isLost = () => false;
    const answer = await send(text, values);
    if (lost) throw new Error('Connection terminated unexpectedly');
    return answer;
  });
  const repository = new PromoCodeRepository(losing, where);
  const code = await repository.create({
    code: `DOUBT-${pool.options.user}`,
    shopId: host.shop,
    bonusValue: 5,
    perCustomerLimit: null,
  });
  const request = (n: number) => ({
    ...{
      code: code.code,
      shopId: host.shop,
      customerAddress: host.customer(n),
      baseReward: 10,
      transactionId: host.purchase(n),
    },
  });
  const unlucky = async <T>(pattern: RegExp, call: () => Promise<T>): Promise<T> => {
    isLost = (text) => pattern.test(text);
    return call();
  };
  await repository.redeem(request(1));
  const once = { ok: true, replayed: false };
  expect(await unlucky(/redeem_promo_code/, () => repository.redeem(request(2)))).toMatchObject(once);
  expect(
    await unlucky(/redeem_promo_code/, () => repository.redeem({ ...request(3), idempotencyKey: code.code })),
  ).toMatchObject(once);
  expect(await unlucky(/redeem_promo_code/, () => repository.reserve({ ...request(4), ttlSeconds: 60 }))).toMatchObject(
    once,
  );
  expect(await unlucky(/redeem_promo_code/, () => repository.redeemMany([request(5), request(6)]))).toMatchObject([
    once,
    once,
  ]);
  await unlucky(/redeem_promo_code/, () => repository.redeem({ ...request(7), code: 'NO SUCH' }));
  const { items } = await repository.usesByCode(code.id);
  expect(items).toHaveLength(6);
  await unlucky(/^COMMIT/, () => repository.amendUse(items[0]!.id, { bonusAmount: 1 }));
  await unlucky(/rollback_promo_code_use/, () => repository.rollbackUse(items[1]!.id));
  await repository.close();
}

/** Drift, found and repaired in each way that there is. */
async function drift(
  admin: pg.Pool,
  where: { schema: string; librarySchema: string },
  say: (text: string) => Promise<unknown>,
) {
  const drifted = `SET session_replication_role = replica; UPDATE :"codes" SET times_used = 9 WHERE times_used > 0; RESET session_replication_role`;
  await assertNoDrift(admin, where);
  await say(drifted);
  expect(await checkDrift(admin, { ...where, shopId: undefined, limit: 5 })).not.toEqual([]);
  const records = [];
  for await (const record of streamDrift(admin, { ...where, batchSize: 2 })) records.push(record);
  expect((await scrubDrift(admin, { schema: where.schema, librarySchema: where.librarySchema })).drifted).toEqual(
    records,
  );
  expect(records.length).toBeGreaterThan(1);
  await repairDrift(admin, { ...where, dryRun: true });
  expect(await repairDrift(admin, where)).toHaveLength(records.length);
  await say(drifted.replace('9', '0'));
  await say('DELETE FROM :"uses" WHERE bonus_amount = 3');
  await say(drifted);
  await installTriggers(admin, { ...where, reconcile: 'online' });
  await repairDrift(admin, where);
  await say('CREATE TABLE IF NOT EXISTS :"schema".taken (LIKE :"uses"); GRANT INSERT ON :"schema".taken TO PUBLIC');
  const { archived } = await archiveUses(admin, {
    ...where,
    before: '2100-01-01T00:00:00Z',
    batchSize: 3,
    into: 'taken',
  });
  expect(archived).toBeGreaterThan(0);
  await assertNoDrift(admin, where);
  await say('TRUNCATE :"uses"');
  await assertNoDrift(admin, where);
  // Counted as in a restore.
  await say(`INSERT INTO :"library".promo_code_carried_totals (promo_code_id, uses, bonus, base_reward)
             SELECT c.id, 1, 5, 10 FROM :"codes" AS c ORDER BY c.id DESC LIMIT 1 ON CONFLICT DO NOTHING`);
  await assertNoDrift(admin, where);
}

import { beforeAll, describe, expect, it } from 'vitest';
import { checkDrift, installSchema, PromoCodeRepository, repairDrift } from '../../src/index';
import { useRole } from '../support';
import { useRepository } from '../support/repository';

const t = useRepository('row security of the api');
const tenant = useRole({ label: 'tenant' });
/** Sees one shop, by policies on the two tables of the host. */
let own: PromoCodeRepository;
const theirs = { codeId: '', useId: '', holdId: '', campaignId: '', customer: 'theirs-customer' };

/** Everything that belongs to the other shop, in all tables. */
async function world(): Promise<unknown[]> {
  const tables = [
    ...[
      `:"schema".promo_codes`,
      ':"schema".promo_code_uses',
      ':"library".promo_code_holds',
      ':"library".promo_code_history',
    ],
    ...[
      ':"library".promo_code_idempotency_keys',
      ':"library".promo_code_campaigns',
      ':"library".promo_code_campaign_codes',
    ],
  ];
  const found = [];
  for (const table of tables) {
    const { rows } = await t.sql(`SELECT to_jsonb(x) AS row FROM ${table} AS x ORDER BY to_jsonb(x)::text`);
    found.push(
      rows.filter(({ row }) => JSON.stringify(row).includes('theirs') || row.promo_code_id === Number(theirs.codeId)),
    );
  }
  return found;
}

beforeAll(async () => {
  await installSchema(t.pool, { schema: t.schema, grantTo: [tenant.role], history: true });
  const { id } = await t.repository.campaigns.create({ shopId: 'theirs', name: 'Summer' });
  const code = await t.newCode({ code: 'X', shopId: 'theirs', perCustomerLimit: null, campaignId: id });
  const request = t.request(code, { customerAddress: theirs.customer });
  const use = await t.repository.redeem({ ...request, idempotencyKey: 'key' });
  const hold = await t.repository.reserve({ ...request, ttlSeconds: 60 });
  if (!use.ok || !hold.ok) throw new Error('refused');
  Object.assign(theirs, { codeId: code.id, campaignId: id, useId: use.use.id, holdId: hold.use.id });
  await t.sql(`UPDATE :"library".promo_code_holds SET expires_at = now() - interval '1 s'`);
  await t.sql(`UPDATE :"library".promo_code_idempotency_keys SET created_at = now() - interval '99 days'`);
  await t.sql(`ALTER TABLE :"schema".promo_codes DISABLE TRIGGER USER;
    UPDATE :"schema".promo_codes SET times_used = 99; ALTER TABLE :"schema".promo_codes ENABLE TRIGGER USER`);
  await t.newCode({ code: 'OWN', shopId: 'mine', perCustomerLimit: null });
  for (const table of ['promo_codes', 'promo_code_uses'])
    await t.sql(`ALTER TABLE :"schema".${table} ENABLE ROW LEVEL SECURITY;
      CREATE POLICY own ON :"schema".${table} TO ${tenant.quoted} USING (shop_id = 'mine')`);
  await t.sql(`GRANT USAGE ON SCHEMA :"schema" TO ${tenant.quoted};
    GRANT SELECT, INSERT, UPDATE, DELETE ON :"schema".promo_codes, :"schema".promo_code_uses TO ${tenant.quoted}`);
  own = new PromoCodeRepository(t.poolWith({ max: 3 }, tenant.login), { schema: t.schema });
});

const asked = { code: 'X', shopId: 'theirs', customerAddress: 'ann', baseReward: 1 };
const { baseReward: _, ...preview } = asked;
const made = { code: 'NEW', shopId: 'theirs', bonusValue: 5 };
const NONE = { items: [], nextCursor: null };
const absent = { code: 'NOT_FOUND' };
const refused = { sqlState: '42501' };
const unknown = { ok: false, reason: 'not_found' };

describe('a role that sees one shop gets, by every method, nothing of another one and changes nothing of it', () => {
  it.each<[string, () => Promise<unknown>, unknown]>([
    ['findById', () => own.findById(theirs.codeId), null],
    ['findByCode', () => own.findByCode('X', 'theirs'), null],
    ['list', () => own.list({ shopId: 'theirs' }), NONE],
    ['usesByCode', () => own.usesByCode(theirs.codeId), NONE],
    ['usesByCustomer', () => own.usesByCustomer(theirs.customer), NONE],
    ['usageStats', () => own.usageStats(theirs.codeId), absent],
    ['shopStats', () => own.shopStats({ shopId: 'theirs' }), { codes: 0, distinctCustomers: 0 }],
    ['history', () => own.history(), NONE],
    ['validate', () => own.validate(preview), { valid: false, reason: 'not_found' }],
    ['redeem', () => own.redeem(asked), unknown],
    ['redeem with their key', () => own.redeem({ ...asked, idempotencyKey: 'key' }), unknown],
    ['redeemMany', () => own.redeemMany([asked]), [unknown]],
    ['reserve', () => own.reserve({ ...asked, ttlSeconds: 60 }), unknown],
    ['confirm', () => own.confirm(theirs.holdId), absent],
    ['rollbackUse', () => own.rollbackUse(theirs.useId), { rolledBack: false }],
    ['amendUse', () => own.amendUse(theirs.useId, { bonusAmount: 1 }), absent],
    ['releaseExpired', () => own.releaseExpired(), { released: 0 }],
    ['pruneIdempotencyKeys', () => own.pruneIdempotencyKeys({ olderThanDays: 1 }), { pruned: 0 }],
    ['update', () => own.update(theirs.codeId, { name: 'mine' }), absent],
    ['activate', () => own.activate(theirs.codeId), absent],
    ['deactivate', () => own.deactivate(theirs.codeId), absent],
    ['delete', () => own.delete(theirs.codeId), absent],
    ['create', () => own.create(made), refused],
    ['ensure', () => own.ensure(made), refused],
    ['generate', () => own.generate({ shopId: 'theirs', bonusValue: 5, count: 1 }), refused],
    ['import', () => own.import([made]), refused],
    ['campaigns.findById', () => own.campaigns.findById(theirs.campaignId), null],
    ['campaigns.list', () => own.campaigns.list(), NONE],
    ['campaigns.create', () => own.campaigns.create({ shopId: 'theirs', name: 'x' }), refused],
    ['campaigns.update', () => own.campaigns.update(theirs.campaignId, { name: 'x' }), absent],
    ['campaigns.addCodes', () => own.campaigns.addCodes(theirs.campaignId, []), absent],
    ['campaigns.removeCodes', () => own.campaigns.removeCodes(theirs.campaignId, [theirs.codeId]), absent],
    ['campaigns.delete', () => own.campaigns.delete(theirs.campaignId), absent],
    ['eraseCustomer', () => own.eraseCustomer(theirs.customer, { replacement: 'gone' }), refused],
    ['checkDrift', () => checkDrift(tenantPool(), { schema: t.schema }), []],
    ['repairDrift', () => repairDrift(tenantPool(), { schema: t.schema }), []],
  ])('%s', async (_name, call, expected) => {
    const before = await world();
    const answer = await call().catch((error: unknown) => error);
    if (expected === null || Array.isArray(expected)) expect(answer).toMatchObject(expected as never);
    else expect(answer).toMatchObject(expected as object);
    expect(await world()).toEqual(before);
    expect(before.filter((rows) => (rows as unknown[]).length > 0)).toHaveLength(7);
  });

  it('and works in its own', async () => {
    const code = await own.findByCode('OWN', 'mine');
    const result = await own.redeem({ ...asked, code: 'OWN', shopId: 'mine', idempotencyKey: 'key' });
    expect(result).toMatchObject({ ok: true, replayed: false });
    expect(await own.usesByCode(code!.id)).toMatchObject({ items: [{ shopId: 'mine' }] });
    expect(await own.history()).toMatchObject({ items: [{ kind: 'redeemed', shopId: 'mine' }] });
    expect(await own.findByCode('OWN', 'mine')).toMatchObject({ timesUsed: 1 });
  });
});

const tenantPool = () => t.poolWith({ max: 1 }, tenant.login);

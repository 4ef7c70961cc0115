import { beforeAll, expect, it } from 'vitest';
import { installSchema, PromoCodeRepository } from '../../src/index';
import { backendPid, useSchema } from '../support';
import { runHere } from './command-line';

const t = useSchema('campaign command');
const repository = new PromoCodeRepository(t.pool, { schema: t.schema });
const run = (args: string[], somebody = {}) =>
  runHere([...args, '--schema', t.schema], { env: { DATABASE_URL: t.url }, ...somebody });
const json = async (...args: string[]) => {
  const outcome = await run(['campaign', ...args, '--json']);
  expect(outcome).toMatchObject({ code: 0, stderr: '' });
  return JSON.parse(outcome.stdout);
};
const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

beforeAll(async () => {
  await installSchema(t.pool, { schema: t.schema });
  for (const code of ['SUMMER', 'WINTER', 'SPRING']) {
    await repository.create({ code, shopId: 'shop-1', bonusValue: 5, perCustomerLimit: null });
  }
  await repository.create({ code: 'SUMMER', shopId: 'shop-2', bonusValue: 5 });
});

it('campaign create, show, update, list, delete: what the repository answers', async () => {
  const flags = ['--total-usage-limit', '5000', '--per-customer-limit', 'none', '--max-total-bonus', '99.5'];
  const dates = ['--start-date', '2026-06-01T00:00:00Z', '--end-date', '2099-08-31T23:59:59+02:00'];
  const created = await json(
    'create',
    'Summer 2026',
    '--shop',
    'shop-1',
    '--budget-overrun',
    'cap',
    ...flags,
    ...dates,
  );
  const { id } = created;
  expect(created).toEqual(asJson(await repository.campaigns.findById(id)));
  expect(created).toMatchObject({
    ...{ shopId: 'shop-1', name: 'Summer 2026', totalUsageLimit: 5_000, perCustomerLimit: null, isActive: true },
    ...{ maxTotalBonus: '99.50', budgetOverrun: 'cap', startDate: '2026-06-01T00:00:00.000Z' },
  });
  expect(await json('show', id)).toEqual(created);
  const changes = ['--total-usage-limit', 'none', '--max-total-bonus', 'none', '--end-date', 'none', '--inactive'];
  expect(await json('update', id, '--shop', 'shop-1', ...changes)).toEqual({
    ...created,
    ...{ totalUsageLimit: null, maxTotalBonus: null, endDate: null, isActive: false, updatedAt: expect.any(String) },
  });
  expect(await run(['campaign', 'update', id, '--active', '--name', 'Autumn'])).toEqual({
    code: 0,
    stdout: `Changed the campaign Autumn (id ${id}).\n`,
    stderr: '',
  });
  const other = await json('create', 'Winter', '--inactive', '--shop', 'shop-1');
  expect(await json('list', '--shop', 'shop-1', '--state', 'redeemable')).toMatchObject([{ id }]);
  expect(await json('list', '--search', 'wint')).toEqual([other]);
  const first = await run(['campaign', 'list', '--limit', '1']);
  expect(first.stdout).toMatch(/Winter \(switched off\) +shop-1 +0 +0\.00 +no end$/m);
  const [, cursor = ''] = /^There is more: --cursor (\S+)$/m.exec(first.stderr) ?? [];
  expect(await json('list', '--cursor', cursor)).toMatchObject([{ id }]);
  expect(await json('delete', other.id, '--yes')).toEqual(other);
  expect(await run(['campaign', 'list', '--shop', 'nobody'])).toMatchObject({
    code: 0,
    stdout: 'There is no such campaign.\n',
  });
});

it('campaign add, remove: codes by their names, of the shop of the campaign', async () => {
  const [one, other] = [
    await json('create', 'One', '--shop', 'shop-1'),
    await json('create', 'Other', '--shop', 'shop-1'),
  ];
  expect(await json('add', one.id, 'summer', 'WINTER')).toEqual({ added: 2, moved: 0 });
  expect(await run(['campaign', 'add', other.id, 'WINTER', 'SPRING'])).toEqual({
    code: 1,
    stdout: '',
    stderr: `pg-promo-codes: WINTER is in the campaign ${one.id}: --move takes it from there.\n`,
  });
  expect(await run(['campaign', 'add', other.id, 'WINTER', 'SPRING', '--move'])).toMatchObject({
    stdout: `Added 1 code to the campaign Other (id ${other.id}), moved 1 code.\n`,
  });
  expect((await run(['campaign', 'show', other.id])).stdout).toMatch(/^codes +2$[\s\S]*^Its codes:$[\s\S]*^SPRING/m);
  expect(await json('remove', other.id, 'WINTER', 'SUMMER')).toEqual({ removed: 1 });
  expect(await repository.findByCode('SUMMER', 'shop-1')).toMatchObject({ campaignId: one.id });
  expect(await run(['campaign', 'add', one.id, 'NOPE'])).toMatchObject({
    code: 1,
    stderr: 'pg-promo-codes: There is no code NOPE in the shop shop-1.\n',
  });
});

it('stats: campaigns that are not over, and that of a code', async () => {
  await repository.campaigns.create({ shopId: 'shop-1', name: 'Past', endDate: new Date(0) });
  const campaign = await repository.campaigns.create({ shopId: 'shop-2', name: 'Of shop 2', maxTotalBonus: 100 });
  const code = await repository.findByCode('SUMMER', 'shop-2');
  await repository.update(code!.id, { campaignId: campaign.id });
  const stats = async (...args: string[]) => JSON.parse((await run(['stats', ...args, '--json'])).stdout);
  expect((await stats('--shop', 'shop-2')).campaigns).toEqual([asJson(campaign)]);
  expect((await stats()).campaigns.map(({ name }: { name: string }) => name)).not.toContain('Past');
  expect((await stats('SUMMER', '--shop', 'shop-2')).campaign).toEqual(asJson(campaign));
  expect((await stats('SPRING')).campaign).toMatchObject({ name: 'Other' });
  expect((await run(['stats', '--shop', 'shop-2'])).stdout).toMatch(/^Campaigns:\n.*\n +\d+ +Of shop 2 +shop-2 /m);
  expect((await run(['stats', 'SUMMER', '--shop', 'shop-2'])).stdout).toMatch(
    /^campaign +Of shop 2 \(id \d+\): 0, no limit$/m,
  );
});

it('check and repair: say what kind of record it is', async () => {
  const campaign = await repository.campaigns.create({ shopId: 'shop-1', name: 'Drifted' });
  const code = await repository.findByCode('SPRING', 'shop-1');
  await repository.campaigns.addCodes(campaign.id, [code!.id], { move: true });
  await t.sql(`SET pg_promo_codes.counting = 'on'; UPDATE :"library".promo_code_campaigns SET times_used = 3 WHERE id = ${campaign.id};
               UPDATE :"schema".promo_codes SET times_used = 2 WHERE id = ${code!.id}; RESET pg_promo_codes.counting`);
  const check = await run(['check']);
  expect(check).toMatchObject({ code: 1, stderr: '' });
  expect(check.stdout).toMatch(/^1 code and 1 campaign differ from their uses:$/m);
  expect(check.stdout).toMatch(new RegExp(`^code +${code!.id} +SPRING +shop-1 +2 +0 +`, 'm'));
  expect(check.stdout).toMatch(new RegExp(`^campaign +${campaign.id} +shop-1 +3 +0 +`, 'm'));
  const found = JSON.parse((await run(['check', '--json'])).stdout);
  expect(found.map(({ kind }: { kind: string }) => kind)).toEqual(['code', 'campaign']);
  expect((await run(['repair', '--yes'])).stdout).toMatch(/^Recounted 1 code and 1 campaign\. Before:$/m);
  expect(await run(['check'])).toMatchObject({ code: 0 });
  expect(await repository.campaigns.findById(campaign.id)).toMatchObject({ timesUsed: 0 });
});

it('locks: who holds the row of the campaign of a code', async () => {
  const campaign = await repository.campaigns.create({ shopId: 'shop-1', name: 'Held' });
  const code = await repository.create({ code: 'HELD', shopId: 'shop-1', bonusValue: 5, campaignId: campaign.id });
  const other = await repository.create({ code: 'COLD', shopId: 'shop-1', bonusValue: 5, campaignId: campaign.id });
  expect((await run(['locks', 'HELD'])).stdout).toBe(
    `The row of HELD (id ${code.id}, shop shop-1) is held by nobody.\n`,
  );
  const holder = await t.client();
  await holder.query('BEGIN');
  const request = { shopId: 'shop-1', customerAddress: 'ann', baseReward: 1 };
  await repository.redeem({ ...request, code: other.code }, { client: holder });
  const pid = await backendPid(holder);
  expect((await run(['locks', 'HELD'])).stdout).toContain(
    `The row of its campaign ${campaign.id} is held by process ${pid}:`,
  );
  expect(JSON.parse((await run(['locks', 'HELD', '--json'])).stdout)).toMatchObject([
    { campaignId: campaign.id, holds: true, pid },
  ]);
  // And so for whoever waits in vain.
  const hasty = new PromoCodeRepository(t.pool, { schema: t.schema, lockTimeoutMs: 50 });
  const error: unknown = await hasty.redeem({ ...request, code: 'HELD' }).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'LOCK_TIMEOUT', promoCodeId: code.id, holder: { pid } });
  expect((error as Error).message).toContain(`The lock of the campaign ${campaign.id} of the promo code HELD`);
  await holder.query('ROLLBACK');
});

it('campaign delete: asks, or takes --yes', async () => {
  const { id } = await json('create', 'To go', '--shop', 'shop-1');
  expect(await run(['campaign', 'delete', id])).toMatchObject({ code: 2, stderr: expect.stringContaining('--yes') });
  const asked = (input: string) => run(['campaign', 'delete', id], { isTerminal: true, input });
  expect(await asked('n\n')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`Delete the campaign To go (id ${id})?`),
  });
  expect(await asked('y\n')).toMatchObject({ code: 0, stdout: `Deleted the campaign To go (id ${id}).\n` });
});

it('what cannot be: says what, and with which flag', async () => {
  const cases: [string[], number, string][] = [
    [['show', '99'], 1, 'There is no campaign 99.'],
    [['show', 'x'], 2, 'id: must be a whole number'],
    [['update', '99', '--name', 'x'], 1, 'There is no campaign with the id 99.'],
    [
      ['create', 'x', '--shop', 'shop-1', '--max-total-bonus', '0.001'],
      2,
      '--max-total-bonus: must be a plain decimal',
    ],
    [['create', 'x', '--shop', 'shop-1', '--start-date', '2026-06-01'], 2, '--start-date: must have an offset'],
    [['create', 'x'], 2, '--shop: '],
    [['create', 'x', '--total-usage-limit', '0'], 2, 'whole number from 1'],
    [['update', '1', '--active', '--inactive'], 2, 'cannot be used with'],
    [['lst'], 2, 'Did you mean list?'],
    [['add', '1'], 2, 'missing required argument'],
  ];
  for (const [args, code, text] of cases) {
    const outcome = await run(['campaign', ...args]);
    expect(outcome, args.join(' ')).toMatchObject({ code, stdout: '' });
    expect(outcome.stderr).toContain(text);
  }
  expect(await run(['campaign'])).toMatchObject({ code: 2, stdout: '' });
});

it('import --campaign: the campaign of rows that name none', async () => {
  const { id } = await json('create', 'Imported', '--shop', 'shop-1');
  const args = ['import', '-', '--shop', 'shop-1', '--campaign', id];
  expect(await run(args, { input: 'code,bonusValue\nIMPORTED,5\n' })).toMatchObject({ code: 0, stderr: '' });
  expect(await repository.findByCode('IMPORTED', 'shop-1')).toMatchObject({ campaignId: id });
});

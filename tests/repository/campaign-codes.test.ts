import { beforeAll, describe, expect, it } from 'vitest';
import { type Campaign, installTriggers, PromoCodeRepository, ValidationError } from '../../src/index';
import { useRole, useSchema, waitUntilBlocked } from '../support';
import { useRepository } from '../support/repository';

const NONE = '987654321';

async function issuesOf(call: Promise<unknown>) {
  const error: unknown = await call.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ValidationError);
  return (error as ValidationError).issues;
}

describe.each(['own', 'seed'] as const)('codes in a campaign, on the tables of %s', (tables) => {
  const t = useRepository(`campaign codes ${tables}`, { tables });
  const { repository, newCode } = t;
  const { campaigns } = repository;
  let mine: Campaign;
  let theirs: Campaign;
  beforeAll(async () => {
    mine = await campaigns.create({ shopId: 'shop', name: 'Mine' });
    theirs = await campaigns.create({ shopId: 'theirs', name: 'Theirs' });
  });
  const template = { shopId: 'shop', bonusValue: '5.00' };
  const wrongIds = () => [NONE, theirs.id];
  const message = 'must be the id of a campaign of the shop shop';
  const codes = async () => {
    const { rows } = await t.sql('SELECT count(*)::int AS count FROM :"schema".promo_codes');
    return rows[0]!.count;
  };

  it('create: it is in it at once, and in none by default', async () => {
    const code = await repository.create({ ...template, code: 'CREATED', campaignId: `00${mine.id}` });
    expect(code).toMatchObject({ campaignId: mine.id });
    expect(await repository.findByCode('created', 'shop')).toEqual(code);
    expect(await repository.create({ ...template, code: 'FREE' })).toMatchObject({ campaignId: null });
    expect(await repository.validate({ code: 'CREATED', shopId: 'shop', customerAddress: 'ann' })).toMatchObject({
      promoCode: { campaignId: mine.id },
    });
    expect(await repository.delete(code.id)).toEqual(code);
  });

  it('create, ensure, generate: a campaign that is not there or of another shop is refused before anything is written', async () => {
    const before = await codes();
    for (const campaignId of wrongIds()) {
      const input = { ...template, campaignId };
      const client = await t.client();
      await client.query('BEGIN');
      for (const call of [
        () => repository.create({ ...input, code: 'WRONG' }, { client }),
        () => repository.ensure({ ...input, code: 'WRONG' }, { client }),
        () => repository.generate({ ...input, count: 2 }, { client }),
      ]) {
        expect(await issuesOf(call())).toEqual([{ path: 'campaignId', message, received: `'${campaignId}'` }]);
      }
      await client.query('COMMIT');
    }
    for (const campaignId of ['x', -1, {}, ''] as never[]) {
      expect(await issuesOf(repository.create({ ...template, code: 'WRONG', campaignId }))).toMatchObject([
        { path: 'campaignId' },
      ]);
    }
    expect(await codes()).toBe(before);
  });

  it('ensure: a code that is there stays where it is', async () => {
    const code = await repository.ensure({ ...template, code: 'ENSURED', campaignId: mine.id });
    expect(code).toMatchObject({ campaignId: mine.id });
    expect(await repository.ensure({ ...template, code: 'ENSURED' })).toEqual(code);
    expect(await repository.ensure({ ...template, code: 'ENSURED', campaignId: NONE })).toEqual(code);
  });

  it('generate: all of them, in several batches', async () => {
    const made = await repository.generate({ ...template, count: 1_001, campaignId: mine.id });
    expect(new Set(made.map(({ campaignId }) => campaignId))).toEqual(new Set([mine.id]));
    const { rows } = await t.sql(
      'SELECT count(*)::int AS count FROM :"library".promo_code_campaign_codes WHERE promo_code_id::text = ANY ($1)',
      [made.map(({ id }) => id)],
    );
    expect(rows).toEqual([{ count: 1_001 }]);
  });

  it('import: each row has its own, and a wrong one is a fault of its row', async () => {
    const other = await campaigns.create({ shopId: 'shop', name: 'Other' });
    const header = ['code', 'shopId', 'bonusValue', 'campaignId'];
    const rows = [
      header,
      ['IMPORT1', 'shop', '5', mine.id],
      ['IMPORT2', 'shop', '5', other.id],
      ['IMPORT3', 'shop', '5', ''],
      ['IMPORT4', 'shop', '5', 'none'],
      ['IMPORT5', 'theirs', '5', theirs.id],
      ['import1', 'shop', '5', other.id],
    ];
    const wrong = wrongIds().map((id, place) => [`WRONG${place}`, 'shop', '5', id]);
    const before = await codes();
    expect(await repository.import([...rows, ...wrong])).toMatchObject({
      created: 0,
      faults: [
        { row: 7, path: 'rows[7].campaignId', message, received: `'${NONE}'` },
        { row: 8, path: 'rows[8].campaignId', message, received: `'${theirs.id}'` },
      ],
    });
    expect(await codes()).toBe(before);
    expect(await repository.import([...rows, ...wrong], { faultyRows: 'skip' })).toMatchObject({
      created: 5,
      skipped: 1,
    });
    const imported = await Promise.all(
      ['IMPORT1', 'IMPORT2', 'IMPORT3', 'IMPORT4', 'IMPORT5'].map((code) => repository.findByCode(code)),
    );
    expect(imported.map((code) => code?.campaignId)).toEqual([mine.id, other.id, null, null, theirs.id]);
    const defaults = { shopId: 'shop', bonusValue: 5, campaignId: other.id };
    expect(await repository.import([{ code: 'IMPORT6' }], { defaults })).toMatchObject({ created: 1 });
    expect(await repository.findByCode('IMPORT6', 'shop')).toMatchObject({ campaignId: other.id });
  });

  it('update: into it, to another, out of it, with other fields or alone', async () => {
    const other = await campaigns.create({ shopId: 'shop', name: 'Other' });
    const code = await newCode();
    const updates: [object, object][] = [
      [{ campaignId: mine.id }, { campaignId: mine.id, name: null }],
      [{ name: 'x' }, { campaignId: mine.id, name: 'x' }],
      [
        { name: 'y', campaignId: other.id },
        { campaignId: other.id, name: 'y' },
      ],
      [{ campaignId: null }, { campaignId: null, name: 'y' }],
      [{ campaignId: null }, { campaignId: null, name: 'y' }],
    ];
    for (const [patch, expected] of updates) {
      expect(await repository.update(code.id, patch)).toMatchObject(expected);
      expect(await repository.findById(code.id)).toMatchObject(expected);
    }
    for (const campaignId of wrongIds()) {
      const client = await t.client();
      await client.query('BEGIN');
      expect(await issuesOf(repository.update(code.id, { name: 'z', campaignId }, { client }))).toEqual([
        { path: 'campaignId', message, received: `'${campaignId}'` },
      ]);
      await client.query('COMMIT');
    }
    expect(await repository.findById(code.id)).toMatchObject({ name: 'y', campaignId: null });
  });

  it('a campaign that is deleted while a code is created in it takes the code along or refuses it', async () => {
    const campaign = await campaigns.create({ shopId: 'shop', name: 'Short' });
    const [creator, deleter] = [await t.client(), await t.client()];
    await creator.query('BEGIN');
    const code = await repository.create({ ...template, code: 'SHORT', campaignId: campaign.id }, { client: creator });
    await deleter.query('BEGIN');
    const deleting = campaigns.delete(campaign.id, { client: deleter });
    await waitUntilBlocked(t.pool, deleter);
    await creator.query('COMMIT');
    await deleting;
    const late = issuesOf(
      repository.create({ ...template, code: 'LATE', campaignId: campaign.id }, { client: creator }),
    );
    await waitUntilBlocked(t.pool, creator);
    await deleter.query('COMMIT');
    expect(await late).toMatchObject([{ path: 'campaignId' }]);
    expect(await repository.findById(code.id)).toMatchObject({ campaignId: null });
    expect(await repository.findByCode('LATE', 'shop')).toBeNull();
  });
});

describe('hosts without shops, and roles that may not redeem', () => {
  const t = useSchema('campaigns elsewhere');
  const role = useRole({ label: 'reader' });
  const repository = new PromoCodeRepository(t.pool, { schema: t.schema });

  beforeAll(async () => {
    await t.sql(`
      CREATE TABLE :"schema".promo_codes (id uuid PRIMARY KEY, code text NOT NULL, times_used integer NOT NULL DEFAULT 0);
      CREATE TABLE :"schema".promo_code_uses (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, promo_code_id uuid NOT NULL, customer_address text NOT NULL,
        used_at timestamptz NOT NULL DEFAULT now());
      CREATE INDEX ON :"schema".promo_code_uses (promo_code_id, customer_address)`);
    const absent = (...names: string[]) => Object.fromEntries(names.map((name) => [name, null]));
    await installTriggers(t.pool, {
      schema: t.schema,
      tables: {
        codes: {
          columns: absent(
            ...['shopId', 'name', 'description', 'bonusType', 'bonusValue', 'maxBonus', 'startDate', 'endDate'],
            ...['totalUsageLimit', 'perCustomerLimit', 'totalBonusIssued', 'isActive', 'createdAt', 'updatedAt'],
          ),
        },
        uses: { columns: absent('shopId', 'transactionId', 'baseReward', 'bonusAmount', 'totalReward') },
      },
    });
  });

  it('campaigns need no column of the host', async () => {
    const campaign = await repository.campaigns.create({ name: 'Anything', shopId: 'ignored', totalUsageLimit: 1 });
    expect(campaign).toMatchObject({ shopId: '', totalBonusIssued: '0' });
    const code = await repository.create({ code: 'BARE', bonusValue: null, campaignId: campaign.id });
    expect(code).toMatchObject({ campaignId: campaign.id });
    expect(await repository.campaigns.removeCodes(campaign.id, [code.id])).toEqual({ removed: 1 });
    expect(await repository.campaigns.addCodes(campaign.id, [code.id.toUpperCase()])).toEqual({ added: 1, moved: 0 });
    expect(await issuesOf(repository.campaigns.addCodes(campaign.id, [1]))).toMatchObject([
      { path: 'codeIds[0]', message: 'must be a UUID' },
    ]);
    expect((await repository.campaigns.list({ shopId: 'ignored', state: 'redeemable' })).items).toEqual([campaign]);
    // No use of such a host has a bonus, so a budget would promise what it cannot keep.
    expect(await issuesOf(repository.campaigns.create({ name: 'x', maxTotalBonus: 1 }))).toEqual([
      { path: 'maxTotalBonus', message: 'must be left out: promo_code_uses has no column for it', received: '1' },
    ]);
    expect(await repository.campaigns.create({ name: 'x', maxTotalBonus: null })).toMatchObject({
      maxTotalBonus: null,
    });
  });

  it('a role that may only read the codes reads them as before', async () => {
    await t.sql(`GRANT USAGE ON SCHEMA :"schema" TO ${role.quoted};
                 GRANT SELECT ON :"schema".promo_codes, :"schema".promo_code_uses TO ${role.quoted}`);
    const reading = new PromoCodeRepository(t.poolWith({}, role.login), { schema: t.schema });
    expect((await reading.list()).items).toMatchObject([{ code: 'BARE', campaignId: null }]);
    await expect(reading.campaigns.list()).rejects.toMatchObject({ code: 'INSUFFICIENT_PRIVILEGE' });
  });

  it('an installation that has no tables for campaigns is told, until it has them', async () => {
    await t.sql('DROP TABLE :"library".promo_code_campaign_codes, :"library".promo_code_campaigns');
    for (const promoCodes of [repository, new PromoCodeRepository(t.pool, { schema: t.schema })]) {
      await expect(promoCodes.list()).rejects.toMatchObject({ code: 'NOT_INSTALLED' });
      await expect(promoCodes.campaigns.list()).rejects.toMatchObject({ code: 'NOT_INSTALLED' });
    }
    expect(await installTriggers(t.pool, { schema: t.schema })).toMatchObject({ changed: true });
    expect((await repository.list()).items).toMatchObject([{ code: 'BARE', campaignId: null }]);
    expect(await repository.campaigns.list()).toEqual({ items: [], nextCursor: null });
  });
});

import { describe, expect, it } from 'vitest';
import { type CreateInput, type ImportRow, installTriggers, PromoCodeRepository } from '../../src/index';
import { isWhole, useSchema, waitUntilBlocked } from '../support';
import { SEED_TABLES } from '../support/host-tables';
import { useRepository } from '../support/repository';

const t = useRepository('import');
const { repository } = t;
const DAY = 86_400_000;

const countOf = async (shopId: string) => {
  const { rows } = await t.sql('SELECT count(*)::integer AS n FROM :"schema".promo_codes WHERE shop_id = $1', [shopId]);
  return rows[0]?.n;
};
const NOTHING_WRONG = { faults: [], omittedFaults: 0 };

describe('import', () => {
  it('reads a spreadsheet: texts as what their fields take, empty cells as left out, names without what surrounds them', async () => {
    const rows = [
      [
        '\ufeffcode',
        ' shopId',
        'name',
        'bonusType',
        'bonusValue',
        'maxBonus',
        'startDate',
        'endDate',
        'totalUsageLimit',
        'perCustomerLimit',
        'maxTotalBonus',
        'budgetOverrun',
        'minBaseReward',
        'customerAddress',
        'metadata',
        'isActive',
        '',
      ],
      [
        ' Summer\r',
        'sheet',
        'true',
        'Percentage ',
        ' 15.15',
        '20',
        '2026-01-01T00:00:00Z',
        '2030-12-31T23:59:59+01:00',
        ' 1000',
        'none',
        ' 99.50',
        'Cap',
        '10',
        ' Ann@Example.com',
        '{"source": ["fair", 7]}',
        'FALSE',
        '',
      ],
      ['PLAIN', 'sheet', '', '', '5', '', '', '', '', '', '', '', '', '', '', '', undefined],
    ];
    expect(await repository.import(rows)).toEqual({ created: 2, skipped: 0, ...NOTHING_WRONG });
    expect(await repository.findByCode('summer', 'sheet')).toMatchObject({
      ...{ code: 'Summer', name: 'true', bonusType: 'percentage', bonusValue: '15.15', maxBonus: '20.00' },
      ...{ startDate: new Date('2026-01-01T00:00:00Z'), endDate: new Date('2030-12-31T22:59:59Z') },
      ...{ totalUsageLimit: 1000, perCustomerLimit: null, isActive: false },
      ...{ maxTotalBonus: '99.50', budgetOverrun: 'cap', minBaseReward: '10.00', customerAddress: 'ann@example.com' },
      metadata: { source: ['fair', 7] },
    });
    const created = await repository.create({ code: 'LIKE', shopId: 'sheet', bonusValue: 5 });
    const { id: _id, code: _code, startDate: _start, createdAt: _at, updatedAt: _up, ...like } = created;
    expect(await repository.findByCode('PLAIN', 'sheet')).toMatchObject(like);
  });

  it('takes objects, generators and streams, with what all rows have as defaults', async () => {
    async function* stream(): AsyncGenerator<ImportRow> {
      yield { code: 'A', bonusValue: 1 };
      yield { code: 'B', shopId: 'other stream', name: '' };
    }
    const defaults = { shopId: 'stream', bonusValue: '2.50', name: 'all' };
    expect(await repository.import(stream(), { defaults })).toMatchObject({ created: 2 });
    expect(await repository.findByCode('A', 'stream')).toMatchObject({ bonusValue: '1.00', name: 'all' });
    expect(await repository.findByCode('B', 'other stream')).toMatchObject({ bonusValue: '2.50', name: 'all' });
    expect(await repository.import([], { defaults })).toEqual({ created: 0, skipped: 0, ...NOTHING_WRONG });
    expect(await repository.import(new Set([{ code: 'C' }]), { defaults })).toMatchObject({ created: 1 });
  });

  it('skips what the shop has already and what an earlier row has, whatever the case, shop by shop', async () => {
    await repository.create({ code: 'Old', shopId: 'skips', bonusValue: 9 });
    const codes = ['OLD ', 'new', 'NEW', 'New', 'other'];
    const rows = codes.flatMap((code) => [
      { code, shopId: 'skips', bonusValue: 1 },
      { code, shopId: 'skips too', bonusValue: 1 },
    ]);
    expect(await repository.import(rows)).toEqual({ created: 5, skipped: 5, ...NOTHING_WRONG });
    expect(await repository.import(rows)).toEqual({ created: 0, skipped: 10, ...NOTHING_WRONG });
    expect(await repository.findByCode('old', 'skips')).toMatchObject({ bonusValue: '9.00' });
    expect(await repository.findByCode('NEW', 'skips')).toMatchObject({ code: 'new' });
  });

  it('reports all faults with their rows, and writes nothing', async () => {
    const past = new Date(Date.now() - DAY);
    const right = (code: string): CreateInput => ({ code, shopId: 'faults', bonusValue: 1 });
    const rows = [
      right('A'),
      { ...right('B'), bonusValue: '5,00', isActive: 'maybe', totalUsageLimit: '1.5' },
      { ...right('C'), endDate: past },
      { ...right(''), bonusValue: '' },
      { ...right('D'), bonustype: 'fixed' },
      { ...right('E'), bonusType: 'percentage', bonusValue: '101' },
      'F',
      null,
      ['G'],
      { ...right('H'), startDate: '2026-02-01', endDate: '2026-01-01T00:00:00Z' },
      { ...right('I'), ['__proto__']: { code: 'evil' } },
      right('Z'),
    ];
    const report = await repository.import(rows as ImportRow[]);
    expect(report).toMatchObject({ created: 0, skipped: 0, omittedFaults: 0 });
    expect(report.faults.map(({ row, path }) => [row, path])).toEqual([
      [1, 'rows[1].bonusValue'],
      [1, 'rows[1].totalUsageLimit'],
      [1, 'rows[1].isActive'],
      [2, 'rows[2].endDate'],
      [3, 'rows[3].code'],
      [3, 'rows[3].bonusValue'],
      [4, 'rows[4].bonustype'],
      [5, 'rows[5].bonusValue'],
      [5, 'rows[5].maxBonus'],
      [6, 'rows[6]'],
      [7, 'rows[7]'],
      [8, 'rows[8]'],
      [9, 'rows[9].startDate'],
      [10, 'rows[10].__proto__'],
    ]);
    expect(report.faults[0]).toMatchObject({ message: expect.stringContaining('plain decimal'), received: "'5,00'" });
    expect(report.faults[6]!.message).toBe('is not a field of import(); bonusType?');
    expect(await countOf('faults')).toBe(0);
    expect(await repository.import(rows as ImportRow[], { faultyRows: 'skip' })).toMatchObject({
      ...{ created: 2, skipped: 0 },
      faults: { length: report.faults.length },
    });
    expect(await countOf('faults')).toBe(2);
  });

  it('an array of the wrong width is a fault of its row, and a wrong header one of row 0', async () => {
    const header = ['code', 'bonusValue', 'shopId'];
    const rows = [header, ['A', '1', 'wide'], ['B', '1'], ['C', '1', 'wide', 'x'], { code: 'D' }, ['', ' '], []];
    expect(await repository.import(rows)).toMatchObject({
      created: 0,
      faults: [
        { row: 2, path: 'rows[2]', message: 'must have 3 cells, as the header has', received: 'an array of 2' },
        { row: 3, path: 'rows[3]', received: 'an array of 4' },
        { row: 4, path: 'rows[4]' },
        { row: 6, path: 'rows[6]' },
      ],
    });
    expect(
      await repository.import([
        ['code', 'value', 'code'],
        ['A', '1', 'B'],
      ]),
    ).toMatchObject({
      faults: [
        { path: 'rows[0].1', message: expect.stringMatching(/^must be the name of a field: code, shopId, name/) },
        { path: 'rows[0].2', message: 'must not be in the header twice' },
      ],
    });
    expect(
      await repository.import([
        ['code', ''],
        ['A', 'x'],
      ]),
    ).toMatchObject({ faults: [{ path: 'rows[1]' }] });
    // Under this header B would be the code.
    const below = [[''], ['code', 'bonusValue', 'code', 'shopId'], ['A', '1', 'B', 'wide']];
    expect(await repository.import(below, { faultyRows: 'skip' })).toMatchObject({
      created: 0,
      faults: [{ path: 'rows[1].2' }],
    });
    expect(await countOf('wide')).toBe(0);
  });

  it.each([
    [undefined, {}, 'rows'],
    ['code,bonusValue', {}, 'rows'],
    [[], { faultyRows: 'ignore' }, 'faultyRows'],
    [[], { defaults: { bonusValue: -1 } }, 'defaults.bonusValue'],
    [[], { defaults: { code: 'X' } }, 'defaults.code'],
    [[], { rows: [] }, 'rows'],
  ])('refuses %j with %j', async (rows, settings, path) => {
    await expect(repository.import(rows as never, settings as never)).rejects.toMatchObject({ issues: [{ path }] });
  });

  it('what the iterable throws is thrown as it is, and nothing was written', async () => {
    const broken = new Error('the disk is gone');
    let isClosed = false;
    function* rows() {
      try {
        for (let n = 0; n < 1_500; n += 1) yield { code: `R${n}`, shopId: 'broken', bonusValue: 1 };
        throw broken;
      } finally {
        isClosed = true;
      }
    }
    await expect(repository.import(rows())).rejects.toBe(broken);
    expect(isClosed).toBe(true);
    expect(await countOf('broken')).toBe(0);
    await expect(repository.import(rows(), { faultyRows: 'skip' })).rejects.toBe(broken);
    expect(await countOf('broken')).toBe(1_000);
    expect(await repository.import([{ code: 'R7', shopId: 'broken', bonusValue: 1 }])).toMatchObject({ skipped: 1 });
  });

  it('is part of the transaction of the host', async () => {
    const client = await t.client();
    await client.query('BEGIN');
    const rows = [{ code: 'A', shopId: 'hosted', bonusValue: 1 }];
    expect(await repository.import(rows, { client })).toMatchObject({ created: 1 });
    expect(await repository.import(rows, {}, { client })).toMatchObject({ skipped: 1 });
    await client.query('ROLLBACK');
    expect(await countOf('hosted')).toBe(0);
  });

  it('while a create of the same code is not committed, waits for it and skips it', async () => {
    const client = await t.client();
    await client.query('BEGIN');
    await repository.create({ code: 'race', shopId: 'races', bonusValue: 1 }, { client });
    const importer = await t.client();
    const importing = repository.import(
      ['RACE', 'free'].map((code) => ({ code, shopId: 'races', bonusValue: 2 })),
      { client: importer },
    );
    await waitUntilBlocked(t.pool, importer);
    await client.query('COMMIT');
    expect(await importing).toMatchObject({ created: 1, skipped: 1 });
    expect(await repository.findByCode('race', 'races')).toMatchObject({ bonusValue: '1.00' });
  });

  it('two at once of the same rows in another order create each code once', async () => {
    const rows = Array.from({ length: 1_200 }, (_, n) => ({ code: `T${n}`, shopId: `twice ${n % 7}`, bonusValue: 1 }));
    const reports = await Promise.all([repository.import(rows), repository.import([...rows].reverse())]);
    expect(reports.reduce((sum, { created }) => sum + created, 0)).toBe(rows.length);
    expect(reports.reduce((sum, { skipped }) => sum + skipped, 0)).toBe(rows.length);
  });

  it.skipIf(!isWhole)(
    '100,000 rows are created, kept until all are checked or not',
    async () => {
      function* rows(prefix: string) {
        yield ['code', 'shopId', 'bonusValue', 'endDate', 'totalUsageLimit'];
        for (let n = 0; n < 100_000; n += 1) yield [`${prefix}${n}`, 'many', '5.00', '2099-12-31T00:00:00Z', '10'];
      }
      for (const faultyRows of ['refuse', 'skip'] as const) {
        expect(await repository.import(rows(faultyRows), { faultyRows })).toMatchObject({ created: 100_000 });
      }
    },
    300_000,
  );
});

describe('on tables of a host', () => {
  const host = useSchema('import host');
  const onHost = new PromoCodeRepository(host.pool, { schema: host.schema });

  it('fills columns of the host, and creates each code once where no index says so', async () => {
    await host.sql(SEED_TABLES);
    await host.sql('ALTER TABLE :"schema".promo_codes ADD tenant_id integer NOT NULL');
    await installTriggers(host.pool, { schema: host.schema });
    await host.sql('DROP INDEX :"schema".promo_codes_shop_code_idx');
    const rows = [
      ['code', 'shopId', 'bonusValue', 'columns.tenant_id'],
      ['A', 's', '1', '7'],
      ['a', 's', '1', '8'],
      ['B', 's', '1', ''],
    ];
    const missing = { path: 'rows[3].columns.tenant_id', message: expect.stringContaining('NOT NULL') };
    expect(await onHost.import(rows)).toMatchObject({ created: 0, faults: [missing] });
    const defaults = { columns: { tenant_id: 1 } };
    expect(await onHost.import(rows, { defaults })).toMatchObject({ created: 2, skipped: 1, faults: [] });
    const { rows: stored } = await host.sql('SELECT code, tenant_id FROM :"schema".promo_codes ORDER BY code');
    expect(stored).toEqual([
      { code: 'A', tenant_id: 7 },
      { code: 'B', tenant_id: 1 },
    ]);
    await expect(
      onHost.import([{ code: 'C', shopId: 's', bonusValue: 1, columns: { tenant_id: 'x' } }]),
    ).rejects.toThrow('columns: must hold values of the types');
  });
});

describe('rows that fill different columns', () => {
  const host = useSchema('import columns');
  const importer = (pool = host.pool) => new PromoCodeRepository(pool, { schema: host.schema });
  const header = ['code', 'shopId', 'bonusValue', 'columns.tenant_id'];

  it('the first of several of one code is taken', async () => {
    await host.sql(SEED_TABLES);
    await host.sql('ALTER TABLE :"schema".promo_codes ADD tenant_id integer NOT NULL DEFAULT 0');
    await installTriggers(host.pool, { schema: host.schema });
    const rows = [header, ['A', 'one', '1', ''], ['B', 'one', '2', '7'], ['b', 'one', '3', ''], ['B', 'two', '4', '']];
    expect(await importer().import(rows)).toEqual({ created: 3, skipped: 1, ...NOTHING_WRONG });
    const { rows: stored } = await host.sql(
      'SELECT code, bonus_value::integer AS bonus, tenant_id AS tenant FROM :"schema".promo_codes ORDER BY bonus_value',
    );
    expect(stored).toEqual([
      { code: 'A', bonus: 1, tenant: 0 },
      { code: 'B', bonus: 2, tenant: 7 },
      { code: 'B', bonus: 4, tenant: 0 },
    ]);
  });

  it('shops of a domain that is NOT NULL are each of their row', async () => {
    await host.sql(`CREATE DOMAIN :"schema".shop AS text NOT NULL;
      ALTER TABLE :"schema".promo_codes ALTER shop_id TYPE :"schema".shop`);
    await installTriggers(host.pool, { schema: host.schema });
    // A session that has called a function keeps the types of the columns that it had then.
    const onDomain = importer(host.poolWith());
    const rows = [header, ['C', 'one', '1', ''], ['C', 'three', '1', ''], ['c', 'one', '1', '']];
    expect(await onDomain.import(rows)).toEqual({ created: 2, skipped: 1, ...NOTHING_WRONG });
    expect(await onDomain.findByCode('C', 'three')).toMatchObject({ shopId: 'three' });
  });
});

import pg from 'pg';
import { describe, expect, it, vi } from 'vitest';
import { installTriggers, PromoCodeRepository, ValidationError } from '../../src/index';
import { useSchema } from '../support';
import { SEED_TABLES } from '../support/host-tables';

/** A host that asks for more than the library knows of. */
const t = useSchema('columns');
const repository = new PromoCodeRepository(t.pool, { schema: t.schema });
const code = { shopId: 'shop', bonusValue: 5, perCustomerLimit: null };

async function host(ddl = ''): Promise<PromoCodeRepository> {
  await t.sql(`DROP TABLE IF EXISTS :"schema".promo_code_uses, :"schema".promo_codes CASCADE; ${SEED_TABLES} ${ddl}`);
  await installTriggers(t.pool, { schema: t.schema });
  return new PromoCodeRepository(t.pool, { schema: t.schema });
}

async function issuesOf(call: Promise<unknown>): Promise<{ path: string; message: string }[]> {
  const error = await call.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ValidationError);
  return (error as ValidationError).issues;
}

async function row(): Promise<Record<string, unknown>> {
  const { rows } = await t.sql<{ row: Record<string, unknown> }>(
    'SELECT to_jsonb(c) AS row FROM :"schema".promo_codes AS c ORDER BY id DESC LIMIT 1',
  );
  return rows[0]!.row;
}

describe('a column that was widened', () => {
  it('takes at once what it holds now', async () => {
    const repo = await host('ALTER TABLE :"schema".promo_code_uses ALTER base_reward TYPE numeric(8,2)');
    await repo.create({ ...code, code: 'X' });
    const asked = { code: 'X', shopId: 'shop', customerAddress: 'a' };
    expect(await repo.redeem({ ...asked, baseReward: 1 })).toMatchObject({ ok: true });
    await t.sql('ALTER TABLE :"schema".promo_code_uses ALTER base_reward TYPE numeric(18,2)');
    expect(await repo.redeem({ ...asked, baseReward: '5000000' })).toMatchObject({ ok: true });
  });

  it('is not looked at for each of many inputs that are too wide', async () => {
    const repo = await host('ALTER TABLE :"schema".promo_code_uses ALTER base_reward TYPE numeric(8,2)');
    await repo.create({ ...code, code: 'X' });
    const asked = { code: 'X', shopId: 'shop', customerAddress: 'a', baseReward: '5000000' };
    const statements = vi.spyOn(pg.Client.prototype, 'query');
    for (let call = 0; call < 10; call += 1) await issuesOf(repo.redeem(asked));
    const sent = statements.mock.calls.length;
    statements.mockRestore();
    expect(sent).toBe(1);
  });
});

describe('columns of the host that must not be NULL', () => {
  it('are named before anything is written, by the field or by the way to fill them', async () => {
    const repo = await host(`
      ALTER TABLE :"schema".promo_codes ALTER name SET NOT NULL, ADD tenant_id integer NOT NULL;
      ALTER TABLE :"schema".promo_code_uses ALTER transaction_id SET NOT NULL, ADD ledger_id integer NOT NULL`);
    const missing = [
      { path: 'name', message: expect.stringContaining('NOT NULL') },
      { path: 'columns.tenant_id', message: expect.stringContaining('columns: { tenant_id: … }') },
    ];
    expect(await issuesOf(repo.create({ ...code, code: 'X' }))).toMatchObject(missing);
    expect(await issuesOf(repo.ensure({ ...code, code: 'X' }))).toMatchObject(missing);
    expect(await issuesOf(repo.generate({ ...code, count: 2 }))).toMatchObject(missing);
    const { rows } = await t.sql('SELECT FROM :"schema".promo_codes');
    expect(rows).toHaveLength(0);
    const made = await repo.create({ ...code, code: 'X', name: 'x', columns: { tenant_id: 7 } });
    const asked = { code: made.code, shopId: made.shopId, customerAddress: 'a', baseReward: 1 };
    const unfilled = [{ path: 'transactionId' }, { path: 'columns.ledger_id' }];
    expect(await issuesOf(repo.redeem(asked))).toMatchObject(unfilled);
    expect(await issuesOf(repo.reserve({ ...asked, ttlSeconds: 5 }))).toMatchObject(unfilled);
    expect(await issuesOf(repo.redeemMany([{ ...asked, transactionId: 'order' }, asked]))).toMatchObject([
      { path: '0.columns.ledger_id' },
      { path: '1.transactionId' },
      { path: '1.columns.ledger_id' },
    ]);
  });

  it('take their default, also that of a domain', async () => {
    const repo = await host(`
      DROP DOMAIN IF EXISTS :"schema".priority;
      CREATE DOMAIN :"schema".priority AS integer NOT NULL DEFAULT 1;
      ALTER TABLE :"schema".promo_codes ALTER name SET NOT NULL, ALTER name SET DEFAULT 'nameless',
        ADD priority :"schema".priority, ADD token text NOT NULL DEFAULT 'auto'`);
    expect(await repo.create({ ...code, code: 'X' })).toMatchObject({ name: 'nameless' });
    expect(await row()).toMatchObject({ priority: 1, token: 'auto' });
    expect(await repo.create({ ...code, code: 'Y', name: 'given', columns: { priority: 3 } })).toMatchObject({
      name: 'given',
    });
    expect(await row()).toMatchObject({ priority: 3, token: 'auto' });
  });

  it('with no default for counters and times are begun by the library', async () => {
    const repo = await host(`ALTER TABLE :"schema".promo_codes
      ALTER times_used DROP DEFAULT, ALTER times_used SET NOT NULL,
      ALTER total_bonus_issued DROP DEFAULT, ALTER total_bonus_issued SET NOT NULL,
      ALTER created_at DROP DEFAULT, ALTER created_at SET NOT NULL,
      ALTER updated_at DROP DEFAULT, ALTER updated_at SET NOT NULL`);
    expect(await repo.create({ ...code, code: 'X' })).toMatchObject({ timesUsed: 0, totalBonusIssued: '0.00' });
  });

  it('refuse no limit where a limit cannot be NULL, whatever its default', async () => {
    const repo = await host(
      'ALTER TABLE :"schema".promo_codes ALTER total_usage_limit SET DEFAULT 9, ALTER total_usage_limit SET NOT NULL',
    );
    expect(await issuesOf(repo.create({ ...code, code: 'X' }))).toMatchObject([{ path: 'totalUsageLimit' }]);
    expect(await repo.create({ ...code, code: 'X', totalUsageLimit: 3 })).toMatchObject({ totalUsageLimit: 3 });
  });

  it("are left to a trigger of the host's that may fill them", async () => {
    const repo = await host(`
      ALTER TABLE :"schema".promo_codes ADD tenant_id integer NOT NULL;
      ALTER TABLE :"schema".promo_code_uses ADD tenant_id integer NOT NULL;
      CREATE OR REPLACE FUNCTION :"schema".fill_tenant() RETURNS trigger LANGUAGE plpgsql
        AS 'BEGIN NEW.tenant_id := 4; RETURN NEW; END';
      CREATE TRIGGER fill BEFORE INSERT ON :"schema".promo_codes FOR EACH ROW EXECUTE FUNCTION :"schema".fill_tenant();
      CREATE TRIGGER fill BEFORE INSERT ON :"schema".promo_code_uses FOR EACH ROW EXECUTE FUNCTION :"schema".fill_tenant()`);
    const made = await repo.create({ ...code, code: 'X' });
    expect(await row()).toMatchObject({ tenant_id: 4 });
    const asked = { code: made.code, shopId: made.shopId, customerAddress: 'a', baseReward: 1 };
    expect(await repo.redeem(asked)).toMatchObject({ ok: true });
  });
});

describe('columns', () => {
  it('fill what the host has besides, of any type', async () => {
    const repo = await host(`ALTER TABLE :"schema".promo_codes ADD tenant bigint, ADD "Notes " jsonb, ADD tags text[],
      ADD seen timestamptz, ADD raw bytea, ADD "user" text, ADD flag boolean, ADD nothing integer DEFAULT 5`);
    const columns = {
      tenant: 2n ** 62n,
      'Notes ': { deep: [1, { x: null }] },
      tags: ['a', 'b"c'],
      seen: new Date('2026-01-02T03:04:05.678Z'),
      raw: Buffer.from([0, 255]),
      user: 'O\'Hara "x" \\',
      flag: true,
      nothing: null,
    };
    await repo.create({ ...code, code: 'X', columns });
    const { rows } = await t.sql(`SELECT tenant::text, "Notes ", tags, seen, raw, "user", flag, nothing
      FROM :"schema".promo_codes`);
    expect(rows).toEqual([{ ...columns, tenant: String(2n ** 62n) }]);
    await repo.create({ ...code, code: 'Y', columns: { nothing: undefined } });
    expect(await row()).toMatchObject({ nothing: 5 });
    const [generated] = await repo.generate({ ...code, count: 3, columns: { tenant: 3 } });
    expect(generated).toMatchObject({ shopId: 'shop' });
    expect((await t.sql('SELECT FROM :"schema".promo_codes WHERE tenant = 3')).rows).toHaveLength(3);
    expect(await repo.ensure({ ...code, code: 'Z', columns: { tenant: 4 } })).toMatchObject({ code: 'Z' });
    expect(await row()).toMatchObject({ tenant: 4 });
  });

  it('refuse what is no column, what the library writes, what nobody may write, and what is no value', async () => {
    const repo = await host(`ALTER TABLE :"schema".promo_codes ADD tenant integer,
      ADD twice numeric GENERATED ALWAYS AS (bonus_value * 2) STORED, ADD serial integer GENERATED ALWAYS AS IDENTITY`);
    const loop: unknown[] = [];
    loop.push(loop);
    const columns = {
      tenantid: 1,
      code: 'Y',
      times_used: 9,
      id: 1,
      twice: 1,
      serial: 1,
    };
    const issues = await issuesOf(repo.create({ ...code, code: 'X', columns }));
    expect(issues.map(({ path }) => path)).toEqual(Object.keys(columns).map((name) => `columns.${name}`));
    expect(issues[0]?.message).toMatch(/no column of promo_codes; tenant\?$/);
    expect(issues[1]?.message).toMatch(/written by the library/);
    expect(issues[4]?.message).toMatch(/generated/);
    for (const tenant of [Number.NaN, Symbol('x'), () => 1, loop, 'a\0b', '\ud800', new Date(Number.NaN)]) {
      expect(await issuesOf(repo.create({ ...code, code: 'X', columns: { tenant } }))).toMatchObject([
        { path: 'columns.tenant' },
      ]);
    }
    expect(await issuesOf(repo.create({ ...code, code: 'X', columns: { tenant: 'seven' } }))).toMatchObject([
      { path: 'columns' },
    ]);
    expect(await issuesOf(repo.create({ ...code, code: 'X', columns: [1] as never }))).toMatchObject([
      { path: 'columns' },
    ]);
    await expect(repository.redeem({ columns: {} } as never)).rejects.toMatchObject({ code: 'VALIDATION' });
    expect((await t.sql('SELECT FROM :"schema".promo_codes')).rows).toHaveLength(0);
  });
});

describe('a code without a start', () => {
  it.each(['timestamp(0)', 'timestamptz(1)', 'date', 'timestamp', 'timestamptz'])(
    'in a column of type %s is valid at once',
    async (type) => {
      const repo = await host(`ALTER TABLE :"schema".promo_codes ALTER start_date TYPE ${type}`);
      for (let time = 0; time < 8; time += 1) {
        const made = await repo.create({ ...code, code: `C${time}` });
        expect(made.startDate.getTime()).toBeLessThanOrEqual(Date.now());
        const { rows } = await t.sql<{ begun: boolean }>(
          'SELECT start_date::timestamptz <= now() AS begun FROM :"schema".promo_codes WHERE id = $1',
          [made.id],
        );
        expect(rows[0]?.begun).toBe(true);
        await new Promise((resolve) => setTimeout(resolve, 90));
      }
    },
  );

  it('can be ended at the moment that was read back as its start', async () => {
    const repo = await host('ALTER TABLE :"schema".promo_codes ADD CHECK (end_date >= start_date)');
    const made = await repo.create({ ...code, code: 'X' });
    expect(await repo.update(made.id, { endDate: made.startDate })).toMatchObject({ endDate: made.startDate });
  });
});

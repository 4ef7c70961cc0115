import { describe, expect, it } from 'vitest';
import { inspectTriggers, installTriggers, PromoCodeRepository } from '../../src/index';
import { useRole } from '../support';
import { useHistory } from './fixture';

const t = useHistory();
const app = useRole({ label: 'app' });
const stranger = useRole({ label: 'stranger' });
const other = useRole({ label: 'other owner' });

const CHANGES = [
  `UPDATE :"library".promo_code_history SET reason = 'x'`,
  'DELETE FROM :"library".promo_code_history',
  'TRUNCATE :"library".promo_code_history',
  `INSERT INTO :"library".promo_code_history (kind) VALUES ('redeemed')`,
];

describe('the history', () => {
  it('is read by who may redeem, and changed by nobody', async () => {
    await installTriggers(t.pool, { schema: t.schema, grantTo: [app.role] });
    await t.sql(`GRANT USAGE ON SCHEMA :"schema" TO ${app.quoted}, ${stranger.quoted};
      GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA :"schema" TO ${app.quoted};
      GRANT USAGE ON ALL SEQUENCES IN SCHEMA :"schema" TO ${app.quoted}`);
    const code = await t.newCode();
    const client = await t.client(app.login);
    const own = new PromoCodeRepository(t.poolWith({ max: 2 }, app.login), { schema: t.schema });
    const result = await own.redeem(t.request(code, { idempotencyKey: 'k' }));
    expect(result).toMatchObject({ ok: true });
    expect(await own.history({ promoCodeId: code.id })).toMatchObject({ items: [{ kind: 'redeemed' }] });
    for (const change of CHANGES) await expect(client.query(t.expand(change))).rejects.toMatchObject({ code: '42501' });
    await expect(client.query(t.expand('SELECT FROM :"library".promo_code_history_default'))).rejects.toThrow(
      /permission/,
    );
    for (const call of [
      'prepare_promo_code_history()',
      'drop_promo_code_history(now())',
      'record_promo_code_history_on_insert()',
    ])
      await expect(client.query(t.expand(`SELECT :"library".${call}`))).rejects.toThrow(/permission|trigger/);
    const customer = 'customer-with-a-history';
    await own.redeem(t.request(code, { customerAddress: customer }));
    await expect(own.eraseCustomer(customer, { replacement: 'gone' })).rejects.toMatchObject({
      code: 'INSUFFICIENT_PRIVILEGE',
    });
    const outside = await t.client(stranger.login);
    await expect(outside.query(t.expand('SELECT FROM :"library".promo_code_history'))).rejects.toMatchObject({
      code: '42501',
    });
  });

  it('is guarded against its owner', async () => {
    for (const change of CHANGES.slice(0, 3)) await expect(t.sql(change)).rejects.toMatchObject({ code: 'PC020' });
    const { rows } = await t.sql<{ name: string }>(
      `SELECT c.relname AS name FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
        WHERE i.inhparent = (quote_ident(:'library') || '.promo_code_history')::regclass`,
    );
    expect(rows).toHaveLength(4);
    for (const { name } of rows)
      await expect(t.sql(`TRUNCATE :"library".${name}`)).rejects.toMatchObject({ code: 'PC020' });
  });

  it("of a month to come is nobody's but its owner's, whoever makes it and whatever default privileges say", async () => {
    const { rows } = await t.sql<{ name: string }>(`SELECT max(c.relname::text) AS name FROM pg_class AS c
      JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = :'library'
      WHERE c.relname ~ '^promo_code_history_[0-9]{4}_[0-9]{2}$'`);
    const month = rows[0]!.name;
    const ownerOf = `SELECT pg_get_userbyid(c.relowner)::text AS owner, c.relacl::text AS acl FROM pg_class AS c
      JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = :'library' WHERE c.relname = $1`;
    const defaults = (change: string) =>
      t.sql(`ALTER DEFAULT PRIVILEGES IN SCHEMA :"library" ${change} ${stranger.quoted}`);
    const [before] = (await t.sql<{ owner: string }>(ownerOf, ['promo_code_history'])).rows;
    await defaults('GRANT ALL ON TABLES TO');
    await t.sql(`ALTER TABLE :"library".promo_code_history OWNER TO ${other.quoted}; DROP TABLE :"library".${month}`);
    await t.repository.pruneHistory({ before: new Date(0) });
    const made = await t.sql<{ owner: string; acl: string }>(ownerOf, [month]);
    await t.sql(`ALTER TABLE :"library".promo_code_history OWNER TO "${before!.owner}"`);
    await t.sql(`ALTER TABLE :"library".${month} OWNER TO "${before!.owner}"`);
    await defaults('REVOKE ALL ON TABLES FROM');
    expect(made.rows).toMatchObject([{ owner: other.role }]);
    expect(made.rows[0]!.acl).not.toContain(stranger.role);
    expect(await inspectTriggers(t.pool, { schema: t.schema })).toMatchObject({ ok: true });
  });

  it('is put right for roles that redeem as well', async () => {
    for (const right of ['UPDATE', 'INSERT (reason)'])
      await t.sql(`GRANT ${right} ON :"library".promo_code_history TO ${app.quoted}`);
    expect(await inspectTriggers(t.pool, { schema: t.schema })).toMatchObject({ ok: false });
    await installTriggers(t.pool, { schema: t.schema });
    expect(await inspectTriggers(t.pool, { schema: t.schema })).toMatchObject({ ok: true });
    const own = new PromoCodeRepository(t.poolWith({ max: 1 }, app.login), { schema: t.schema });
    expect((await own.history()).items.length).toBeGreaterThan(0);
  });

  it.each([
    ['a right on it', 'promo_code_history', (to: string) => `GRANT DELETE ON :"library".promo_code_history TO ${to}`],
    [
      'a right on a column',
      'promo_code_history',
      (to: string) => `GRANT UPDATE (reason) ON :"library".promo_code_history TO ${to}`,
    ],
    [
      'a right on a partition',
      'promo_code_history_default',
      (to: string) => `GRANT INSERT ON :"library".promo_code_history_default TO ${to}`,
    ],
    ['a right of everybody', 'promo_code_history', () => 'GRANT INSERT ON :"library".promo_code_history TO PUBLIC'],
    [
      'a guard that is gone',
      'promo_code_history',
      () => 'DROP TRIGGER guard_promo_code_history ON :"library".promo_code_history',
    ],
    [
      'a trigger that is switched off',
      'record_promo_code_history_on_update',
      () => 'ALTER TABLE :"schema".promo_code_uses DISABLE TRIGGER record_promo_code_history_on_update',
    ],
  ])('%s is told, and put right', async (_what, name, statement) => {
    await t.sql(statement(stranger.quoted));
    const state = await inspectTriggers(t.pool, { schema: t.schema });
    expect(state.ok).toBe(false);
    const wrong = state.objects.filter((object) => object.state !== 'ok');
    expect(wrong).toEqual([expect.objectContaining({ name, fix: expect.any(String) })]);
    await t.sql(wrong[0]!.fix!);
    expect(await inspectTriggers(t.pool, { schema: t.schema })).toMatchObject({ ok: true, history: true });
  });
});

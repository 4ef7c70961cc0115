import { beforeAll, describe, expect, it } from 'vitest';
import {
  archivePartition,
  archiveUses,
  assertNoDrift,
  checkDrift,
  type HistoryKind,
  inspectTriggers,
  installTriggers,
  repairDrift,
} from '../../src/index';
import { HOSTS, useHistory } from '../history/fixture';
import { useRole, waitUntilBlocked } from '../support';

const OLD = '2020-06-01T12:00:00Z';
const BEFORE = '2021-01-01T00:00:00Z';

describe.each(HOSTS)('archiving on a host with $name', (host) => {
  const t = useHistory(host, `archive ${host.name}`);
  const { repository, redeem, newCode, request } = t;
  const options = { schema: t.schema };
  const age = () => t.sql(`UPDATE :"schema".promo_code_uses SET used_at = $1`, [OLD]);
  const rows = async () => (await t.sql(`SELECT FROM :"schema".promo_code_uses`)).rowCount;

  it('keeps what counts, and neither forgets nor adds to the history', async () => {
    const code = await newCode({ perCustomerLimit: 2, totalUsageLimit: 4 });
    for (const customerAddress of ['ann', 'ann', 'bob']) await redeem(code, { customerAddress });
    const gone = await redeem(code, { customerAddress: 'cid' });
    await repository.rollbackUse(gone);
    await age();
    const kinds: HistoryKind[] = (await t.all({ promoCodeId: code.id })).map(({ kind }) => kind);
    const present = await rows();
    expect(await archiveUses(t.pool, { ...options, before: BEFORE, batchSize: 2 })).toEqual({ archived: present });
    expect(await rows()).toBe(0);
    expect((await t.all({ promoCodeId: code.id })).map(({ kind }) => kind)).toEqual(kinds);
    expect(await repository.findById(code.id)).toMatchObject({ timesUsed: 3, totalBonusIssued: '15.00' });
    expect(await repository.redeem(request(code, { customerAddress: 'ann' }))).toMatchObject({
      reason: 'customer_limit_reached',
    });
    await redeem(code, { customerAddress: 'bob' });
    expect(await repository.redeem(request(code))).toMatchObject({ reason: 'usage_limit_reached' });
    await assertNoDrift(t.pool, options);
  });

  it('a repeated key has its use, and an erased customer is not in it', async () => {
    const code = await newCode();
    const asked = request(code, { idempotencyKey: 'key' });
    const first = await repository.redeem(asked);
    await archiveUses(t.pool, { ...options, before: new Date(Date.now() + 60_000) });
    expect(await repository.redeem(asked)).toEqual({ ...first, replayed: true });
    await repository.eraseCustomer(asked.customerAddress, { replacement: 'erased' });
    expect((await t.sql(`SELECT FROM :"library".promo_code_archived_uses WHERE answer[3] = 'erased'`)).rowCount).toBe(
      1,
    );
    expect(await repository.redeem(request(code, { customerAddress: 'erased' }))).toMatchObject({
      reason: 'customer_limit_reached',
    });
    await assertNoDrift(t.pool, options);
  });

  it('open holds stay', async () => {
    const code = await newCode();
    const held = await repository.reserve({ ...request(code), ttlSeconds: 600 });
    if (!held.ok) throw new Error(held.reason);
    await age();
    const before = await rows();
    const { archived } = await archiveUses(t.pool, { ...options, before: BEFORE });
    expect([archived, await rows()]).toEqual([before! - 1, 1]);
    await repository.confirm(held.use.id);
    await archiveUses(t.pool, { ...options, before: BEFORE });
    expect(await rows()).toBe(0);
    await assertNoDrift(t.pool, options);
  });
});

describe('a partition', () => {
  const t = useHistory(HOSTS[2], 'archive partition');
  const { repository, redeem, newCode, request } = t;
  const options = { schema: t.schema };
  const partition = (name: string) =>
    t.sql(`CREATE TABLE :"schema".${name} PARTITION OF :"schema".promo_code_uses FOR VALUES IN ('${name}')`);

  beforeAll(async () => {
    await partition('kept');
    await partition('gone');
    await partition('raced');
    await installTriggers(t.pool, t.options);
  });

  it.each([
    ['kept', 'detach'],
    ['gone', 'drop'],
  ] as const)('%s: what it holds counts on (%s)', async (name, action) => {
    const [code, other] = [await newCode({ shopId: name, perCustomerLimit: 1 }), await newCode()];
    const key = request(code, { shopId: name, customerAddress: 'ann', idempotencyKey: name });
    const first = await repository.redeem(key);
    await redeem(code, { shopId: name, customerAddress: 'bob' });
    await redeem(other);
    const history = (await t.all()).length;
    expect(await archivePartition(t.pool, { ...options, partition: name, action })).toEqual({ archived: 2 });
    expect(await repository.findById(code.id)).toMatchObject({ timesUsed: 2, totalBonusIssued: '10.00' });
    await assertNoDrift(t.pool, options);
    expect((await t.all()).length).toBe(history);
    expect(await repository.redeem(key)).toEqual({ ...first, replayed: true });
    expect(await repository.redeem(request(code, { shopId: name, customerAddress: 'bob' }))).toMatchObject({
      reason: 'customer_limit_reached',
    });
    if (action === 'detach') {
      // Its rows count no more, whatever happens to them.
      await t.sql(`DELETE FROM :"schema".${name}`);
      await t.sql(`TRUNCATE :"schema".${name}`);
    }
    expect(await repository.findById(code.id)).toMatchObject({ timesUsed: 2 });
    await assertNoDrift(t.pool, options);
    expect((await inspectTriggers(t.pool, options)).ok).toBe(true);
    await expect(archivePartition(t.pool, { ...options, partition: name, action })).rejects.toMatchObject({
      code: 'VALIDATION',
      issues: [{ path: 'partition' }],
    });
  });

  it('is not moved while a redemption is open, and a redemption that waits for it counts what it held', async () => {
    const code = await newCode({ shopId: 'raced', perCustomerLimit: 2 });
    const asked = request(code, { shopId: 'raced', customerAddress: 'ann' });
    const open = await t.client();
    await open.query('BEGIN');
    await repository.redeem(asked, { client: open });
    const drop = { ...options, partition: 'raced', action: 'drop' } as const;
    await expect(archivePartition(t.pool, { ...drop, lockTimeoutMs: 1 })).rejects.toMatchObject({
      code: 'LOCK_TIMEOUT',
    });
    await open.query('COMMIT');
    await repository.redeem(asked);

    const mover = await t.client();
    await mover.query('BEGIN');
    expect(await archivePartition(mover, drop)).toEqual({ archived: 2 });
    const waiting = await t.client();
    const redeemed = repository.redeem(asked, { client: waiting });
    await waitUntilBlocked(t.pool, waiting);
    await mover.query('COMMIT');
    expect(await redeemed).toMatchObject({ ok: false, reason: 'customer_limit_reached' });
    await assertNoDrift(t.pool, options);
  });

  it('with open holds stays as it is; what it holds without its table being named is refused', async () => {
    await partition('held');
    const code = await newCode({ shopId: 'held' });
    await repository.reserve({ ...request(code), shopId: 'held', ttlSeconds: 60 });
    const refused = (wrong: object) =>
      expect(
        archivePartition(t.pool, { ...options, partition: 'held', action: 'drop', ...wrong } as never),
      ).rejects.toMatchObject({
        code: 'VALIDATION',
      });
    await refused({});
    await refused({ partition: 'promo_code_uses' });
    await refused({ partition: { schema: 'nowhere', table: 'held' } });
    await refused({ action: 'delete' });
    expect(await repository.findById(code.id)).toMatchObject({ timesUsed: 1 });
    expect(await checkDrift(t.pool, options)).toEqual([]);
  });

  it('is for the owner, as archiving is', async () => {
    await expect(
      archivePartition(asAppPool(), { ...options, partition: 'held', action: 'detach' }),
    ).rejects.toMatchObject({
      code: 'INSUFFICIENT_PRIVILEGE',
    });
    await expect(archiveUses(asAppPool(), { ...options, before: BEFORE })).rejects.toMatchObject({
      code: 'INSUFFICIENT_PRIVILEGE',
    });
  });

  const app = useRole({ label: 'archiving app' });
  const asAppPool = () => t.poolWith({ max: 1 }, app.login);

  it('who may only redeem can neither write what is carried nor delete a use without taking it back', async () => {
    await t.sql(`GRANT USAGE ON SCHEMA :"schema" TO ${app.quoted}`);
    await t.sql(
      `GRANT SELECT, INSERT, UPDATE, DELETE ON :"schema".promo_codes, :"schema".promo_code_uses TO ${app.quoted}`,
    );
    await installTriggers(t.pool, { ...t.options, grantTo: [app.role] });
    expect((await inspectTriggers(t.pool, options)).ok).toBe(true);
    const pool = asAppPool();
    const run = (text: string) => pool.query(t.expand(text));
    await run(`SELECT FROM :"library".promo_code_carried_totals, :"library".promo_code_carried_customers`);
    for (const table of ['promo_code_carried_totals', 'promo_code_carried_customers'])
      await expect(run(`DELETE FROM :"library".${table}`)).rejects.toMatchObject({ code: '42501' });
    const code = await newCode();
    await redeem(code);
    await run(`SET pg_promo_codes.archiving = 'customers'`);
    await run(`DELETE FROM :"schema".promo_code_uses WHERE promo_code_id = '${code.id}'`);
    expect(await repository.findById(code.id)).toMatchObject({ timesUsed: 0 });
    expect(await t.kinds({ promoCodeId: code.id })).toEqual(['redeemed', 'rolled_back']);
    // The app finds drift and repairs it, as everybody may who may change codes.
    expect(await checkDrift(pool, options)).toEqual([]);
    await redeem(code);
    await t.sql(`UPDATE :"schema".promo_code_uses SET used_at = $1`, [OLD]);
    await archiveUses(t.pool, { ...options, before: BEFORE });
    await t.sql(
      `SET session_replication_role = replica; UPDATE :"schema".promo_codes SET times_used = 7 WHERE id = ${code.id}; RESET session_replication_role`,
    );
    expect(await repairDrift(pool, options)).toMatchObject([{ timesUsed: 7, actualUses: 1 }]);
    expect(await repository.findById(code.id)).toMatchObject({ timesUsed: 1 });
    expect(await repository.redeem(request(code))).toMatchObject({ ok: true });
  });
});

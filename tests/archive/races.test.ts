import { describe, expect, it } from 'vitest';
import { archiveUses, type PromoCode, repairDrift } from '../../src/index';
import { newCampaign, put } from '../campaigns/fixture';
import { backendPid, endBackend, eventually, waitUntilBlocked } from '../support';
import { useRepository, waitingRedemption } from '../support/repository';
import { age, archiveOld, BEFORE, carriedOf, expectNoDrift } from './fixture';

const t = useRepository('archive races');
const { repository, newCode, request } = t;

async function usedBy(code: PromoCode, ...customers: string[]): Promise<string[]> {
  const ids: string[] = [];
  for (const customerAddress of customers) {
    const result = await repository.redeem(request(code, { customerAddress }));
    if (!result.ok) throw new Error(result.reason);
    ids.push(result.use.id);
  }
  await age(t, code);
  return ids;
}

/** A transaction in which the old uses are archived, and that is still open. */
async function archivedInTransaction() {
  const client = await t.client();
  await client.query('BEGIN');
  const { archived } = await archiveUses(client, { schema: t.schema, before: BEFORE });
  return { client, archived };
}

const lockOf = async (code: PromoCode) => {
  const client = await t.client();
  await client.query('BEGIN');
  await client.query(t.expand('SELECT FROM :"schema".promo_codes WHERE id = $1 FOR NO KEY UPDATE'), [code.id]);
  return client;
};

/** Archives on a client of its own, so that its waiting can be seen. */
async function archivingOn(options: object = {}) {
  const client = await t.client();
  const done = archiveUses(client, { schema: t.schema, before: BEFORE, ...options });
  done.catch(() => undefined);
  return { client, done };
}

describe('archiving and a redemption of the same code', () => {
  it.each([
    ['alone', (code: PromoCode) => repository.redeem(request(code, { customerAddress: 'ann' }))],
    [
      'in a batch',
      async (code: PromoCode) => {
        const [, last] = await repository.redeemMany([request(code), request(code, { customerAddress: 'ann' })]);
        return last!;
      },
    ],
  ])('a redemption that waits for the archiving counts what was archived, %s', async (_how, redeem) => {
    const code = await newCode({ totalUsageLimit: 9, perCustomerLimit: 1 });
    await usedBy(code, 'ann');
    const { client } = await archivedInTransaction();
    const waiting = redeem(code);
    await waitingRedemption(t);
    await client.query('COMMIT');
    expect(await waiting).toMatchObject({ ok: false, reason: 'customer_limit_reached' });
    await expectNoDrift(t);
  });

  it('and one that has gone back counts the rows', async () => {
    const code = await newCode({ perCustomerLimit: 1 });
    await usedBy(code, 'ann');
    const { client, archived } = await archivedInTransaction();
    expect(archived).toBe(1);
    const waiting = repository.redeem(request(code, { customerAddress: 'ann' }));
    await waitingRedemption(t);
    await client.query('ROLLBACK');
    expect(await waiting).toMatchObject({ ok: false, reason: 'customer_limit_reached' });
    expect(await carriedOf(t, code)).toMatchObject({ uses: 0 });
    expect(await t.counts(code)).toMatchObject({ timesUsed: 1, uses: 1 });
    await archiveOld(t);
  });

  it('archiving waits for a redemption that is open, and leaves its use', async () => {
    const code = await newCode({ perCustomerLimit: 2 });
    await usedBy(code, 'ann');
    const client = await t.client();
    await client.query('BEGIN');
    const result = await repository.redeem(request(code, { customerAddress: 'ann' }), { client });
    expect(result.ok).toBe(true);
    const archiving = await archivingOn();
    await waitUntilBlocked(t.pool, archiving.client);
    await client.query('COMMIT');
    // What was found before is archived.
    expect(await archiving.done).toMatchObject({ archived: 1 });
    expect(await t.counts(code)).toMatchObject({ timesUsed: 2, uses: 1 });
    expect(await repository.redeem(request(code, { customerAddress: 'ann' }))).toMatchObject({
      reason: 'customer_limit_reached',
    });
    await expectNoDrift(t);
  });

  it('codes of one campaign that are archived meanwhile are counted once', async () => {
    const [a, b] = [await newCode(), await newCode()];
    const campaign = await newCampaign(t, { per_customer_limit: 2 });
    await t.sql(put(campaign, a.id, b.id));
    await usedBy(a, 'ann');
    // Two uses are open to ann, of which one is used: whether it is counted as a row or as carried, one more passes.
    const { client } = await archivedInTransaction();
    expect(await repository.redeem(request(b, { customerAddress: 'ann' }))).toMatchObject({ ok: true });
    await client.query('COMMIT');
    const c = await newCode();
    await t.sql(put(campaign, c.id));
    expect(await repository.redeem(request(c, { customerAddress: 'ann' }))).toMatchObject({
      reason: 'campaign_customer_limit_reached',
    });
    await expectNoDrift(t);
  });
});

describe('archiving and who takes back or changes a use', () => {
  it('a use that was taken back first is not archived', async () => {
    const code = await newCode();
    const [id] = await usedBy(code, 'ann', 'bob');
    const client = await t.client();
    await client.query('BEGIN');
    await repository.rollbackUse(id!, undefined, { client });
    const archiving = await archivingOn();
    await waitUntilBlocked(t.pool, archiving.client);
    await client.query('COMMIT');
    expect(await archiving.done).toEqual({ archived: 1 });
    expect(await t.counts(code)).toMatchObject({ timesUsed: 1, uses: 0 });
    await expectNoDrift(t);
  });

  it('a use that was archived first is not taken back', async () => {
    const code = await newCode();
    const [id] = await usedBy(code, 'ann');
    const { client } = await archivedInTransaction();
    const rollback = repository.rollbackUse(id!);
    await eventually(async () => {
      const { rows } = await t.sql(
        `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%rollback_promo_code_use%'
            AND application_name = current_setting('application_name') AND pid <> pg_backend_pid()`,
      );
      expect(rows).toHaveLength(1);
    });
    await client.query('COMMIT');
    expect(await rollback).toEqual({ rolledBack: false });
    expect(await t.counts(code)).toMatchObject({ timesUsed: 1, uses: 0 });
    await expectNoDrift(t);
  });
});

it('a repair that waits for the archiving counts what is carried', async () => {
  const code = await newCode();
  await usedBy(code, 'ann', 'bob');
  await t.sql(
    `SET LOCAL pg_promo_codes.counting = 'on'; UPDATE :"schema".promo_codes SET times_used = 7 WHERE id = ${code.id}`,
  );
  const { client } = await archivedInTransaction();
  const repairing = await t.client();
  const repaired = repairDrift(repairing, { schema: t.schema });
  await waitUntilBlocked(t.pool, repairing);
  await client.query('COMMIT');
  expect(await repaired).toMatchObject([{ timesUsed: 7, actualUses: 2 }]);
  expect(await t.counts(code)).toMatchObject({ timesUsed: 2, uses: 0 });
  await expectNoDrift(t);
});

it('two that archive at once archive each use once', async () => {
  const code = await newCode();
  await usedBy(code, 'ann', 'bob', 'cid');
  const { client, archived } = await archivedInTransaction();
  const second = await archivingOn();
  await waitUntilBlocked(t.pool, second.client);
  await client.query('COMMIT');
  expect([archived, (await second.done).archived]).toEqual([3, 0]);
  expect(await carriedOf(t, code)).toMatchObject({ uses: 3 });
  await expectNoDrift(t);
});

it('a crash between two batches leaves what was archived, and the next call goes on', async () => {
  const [first, last] = [await newCode(), await newCode()];
  await usedBy(first, 'ann', 'bob');
  await usedBy(last, 'ann');
  const holder = await lockOf(last);
  const archiving = await archivingOn({ batchSize: 1 });
  await waitUntilBlocked(t.pool, archiving.client);
  await endBackend(t.pool, backendPid(archiving.client));
  await expect(archiving.done).rejects.toMatchObject({ code: expect.stringMatching(/^CONNECTION_/) });
  await holder.query('ROLLBACK');
  expect(await carriedOf(t, first)).toMatchObject({ uses: 2 });
  expect(await carriedOf(t, last)).toMatchObject({ uses: 0 });
  await expectNoDrift(t);
  expect(await archiveOld(t, { batchSize: 1 })).toBe(1);
  await expectNoDrift(t);
});

it('a code that stays locked is an error that says so; batches before it are committed', async () => {
  const [first, last] = [await newCode(), await newCode()];
  await usedBy(first, 'ann');
  await usedBy(last, 'ann');
  const holder = await lockOf(last);
  await expect(archiveOld(t, { batchSize: 1, lockTimeoutMs: 50 })).rejects.toMatchObject({ code: 'LOCK_TIMEOUT' });
  await holder.query('ROLLBACK');
  expect(await carriedOf(t, first)).toMatchObject({ uses: 1 });
  expect(await archiveOld(t)).toBe(1);
  await expectNoDrift(t);
});

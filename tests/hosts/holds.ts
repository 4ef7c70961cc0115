import { describe, expect, it } from 'vitest';
import { type HostUnderTest, redeemed } from './fixture';
import { type HostRequest, rolledBackOf } from './host';

/** Checkouts in two steps. */
export function describeHolds(h: HostUnderTest): void {
  const { repository, hand, host } = h;
  const kept = rolledBackOf(host);

  async function hold(code: { code: string }, fields?: Partial<HostRequest>) {
    return redeemed(await repository.reserve({ ...h.request(code, fields), ttlSeconds: 3_600 }));
  }

  /** Time is not waited for: the hold is made older, in the library's table, whatever its name. */
  async function expire(useId: string): Promise<void> {
    const { rows } = await h.sql<{ name: string }>(
      `SELECT c.oid::regclass::text AS name FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
        WHERE c.relnamespace = ANY (SELECT n.oid FROM pg_namespace AS n WHERE n.nspname = ANY ($1))
          AND c.relkind IN ('r', 'p') AND a.attname = 'expires_at'`,
      [await h.librarySchemas()],
    );
    expect(rows).toHaveLength(1);
    const statement = `UPDATE ${rows[0]!.name} SET expires_at = now() - interval '1 minute' WHERE use_id::text = $1`;
    expect((await h.pool.query(statement, [useId])).rowCount).toBe(1);
  }

  async function expectStatus(useId: string, status: string | undefined): Promise<void> {
    if (kept?.counts && status !== undefined) expect((await hand.rowOf(useId))?.[kept.column]).toBe(status);
  }

  describe('a hold', () => {
    it('counts until it is confirmed, and after', async () => {
      const code = await h.newCode({ totalUsageLimit: 1 });
      const held = await hold(code);
      expect(held.expiresAt!.getTime()).toBeGreaterThan(Date.now());
      await expectStatus(held.use.id, kept?.reserved ?? kept?.counts?.[0]);
      await h.expectCounts(code, 1);
      expect(await repository.redeem(h.request(code))).toMatchObject({ ok: false, reason: 'usage_limit_reached' });
      const transactionId = h.newTransaction();
      const details = transactionId === undefined ? {} : { transactionId };
      const confirmed = await repository.confirm(held.use.id, details);
      expect(confirmed).toEqual({ ...held.use, ...details });
      expect(await repository.confirm(held.use.id, details)).toEqual(confirmed);
      await expectStatus(held.use.id, kept?.redeemed ?? kept?.counts?.[0]);
      expect(await repository.releaseExpired()).toMatchObject({ released: 0 });
      await h.expectCounts(code, 1);
    });

    it('that expired is released, and cannot be confirmed', async () => {
      const code = await h.newCode();
      const held = await hold(code);
      await expire(held.use.id);
      expect(await repository.releaseExpired()).toEqual({ released: 1, remaining: false });
      await h.expectCounts(code, 0);
      await expectStatus(held.use.id, kept?.value);
      const late = { code: 'HOLD_EXPIRED', reason: 'expired' };
      await expect(repository.confirm(held.use.id)).rejects.toMatchObject(late);
      expect(await repository.rollbackUse(held.use.id)).toEqual({ rolledBack: false });
    });

    it('that expired gives way to the redemption that it would refuse', async () => {
      const code = await h.newCode({ totalUsageLimit: 2 });
      const [first, second] = [await hold(code), await hold(code)];
      await expire(first.use.id);
      const request = h.request(code);
      expect(await repository.redeem(request)).toMatchObject({ ok: true });
      expect(await repository.redeem(h.request(code))).toMatchObject({ ok: false, reason: 'usage_limit_reached' });
      await h.expectCounts(code, 2);
      await expect(repository.confirm(first.use.id)).rejects.toMatchObject({ code: 'HOLD_EXPIRED' });
      expect(await repository.confirm(second.use.id)).toMatchObject({ id: second.use.id });
    });

    it('of the same customer gives way, and says so', async () => {
      const code = await h.newCode();
      const customerAddress = h.newCustomer();
      const held = await hold(code, { customerAddress });
      const { use } = await h.redeem(code, { customerAddress });
      expect(use.id).not.toBe(held.use.id);
      const replaced = { code: 'HOLD_EXPIRED', reason: 'replaced' };
      await expect(repository.confirm(held.use.id)).rejects.toMatchObject(replaced);
      await h.expectCounts(code, 1);
    });

    it('is rolled back as any use, and its key says so', async () => {
      const code = await h.newCode();
      const request = { ...h.request(code, { idempotencyKey: h.newName() }), ttlSeconds: 3_600 };
      const held = redeemed(await repository.reserve(request));
      expect(await repository.reserve(request)).toMatchObject({ ok: true, replayed: true, use: { id: held.use.id } });
      expect(await repository.rollbackUse(held.use.id)).toEqual({ rolledBack: true });
      await expectStatus(held.use.id, kept?.value);
      await expect(repository.confirm(held.use.id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
      expect(await repository.reserve(request)).toMatchObject({ ok: false, reason: 'rolled_back' });
      await h.expectCounts(code, 0);
    });
  });
}

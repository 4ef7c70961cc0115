import { describe, expect, it } from 'vitest';
import { checkDrift, HoldExpiredError, IdempotencyConflictError, NotFoundError } from '../../src/index';
import { useRepository, waitingRedemption } from '../support/repository';
import { isIncluded } from '../support/scope';

const LONG = { ttlSeconds: 3_600 };

/** Every choice of one from each. */
function mixtures(...choices: number[][]): number[][] {
  return choices.reduce<number[][]>((all, next) => all.flatMap((one) => next.map((value) => [...one, value])), [[]]);
}

describe.each(['own', 'seed'] as const)('holds, on the tables of %s', (tables) => {
  const t = useRepository(`holds ${tables}`, { tables });
  const { repository, newCode, request, counts } = t;

  async function hold(...args: Parameters<typeof request>) {
    const result = await repository.reserve({ ...request(...args), ...LONG });
    if (!result.ok) throw new Error(result.reason);
    return result;
  }

  /** Time is not waited for: the hold is made older. */
  async function expire(useId: string): Promise<void> {
    await t.sql(`UPDATE :"library".promo_code_holds SET expires_at = now() - interval '1 second' WHERE use_id = $1`, [
      useId,
    ]);
  }

  it('count until they are confirmed, and after', async () => {
    const code = await newCode({ totalUsageLimit: 1 });
    const held = await hold(code);
    const left = (held.expiresAt?.getTime() ?? 0) - Date.now();
    expect(Math.abs(left - LONG.ttlSeconds * 1_000)).toBeLessThan(60_000);
    expect(await counts(code)).toMatchObject({ timesUsed: 1, uses: 1 });
    expect(await repository.redeem(request(code))).toMatchObject({ ok: false, reason: 'usage_limit_reached' });
    const confirmed = await repository.confirm(held.use.id, { transactionId: 'paid' });
    expect(confirmed).toEqual({ ...held.use, transactionId: 'paid' });
    expect(await repository.confirm(held.use.id)).toEqual(confirmed);
    expect(await repository.confirm(held.use.id, { transactionId: 'paid' })).toEqual(confirmed);
    await expect(repository.confirm(held.use.id, { transactionId: 'paid by somebody else' })).rejects.toBeInstanceOf(
      IdempotencyConflictError,
    );
    expect(await repository.releaseExpired()).toEqual({ released: 0, remaining: false });
    expect(await counts(code)).toMatchObject({ timesUsed: 1, uses: 1 });
  });

  it('really run out', async () => {
    const code = await newCode({ totalUsageLimit: 1 });
    const held = await repository.reserve({ ...request(code), ttlSeconds: 1 });
    if (!held.ok) throw new Error(held.reason);
    expect(await repository.redeem(request(code))).toMatchObject({ reason: 'usage_limit_reached' });
    await expect.poll(() => repository.redeem(request(code)), { timeout: 5_000 }).toMatchObject({ ok: true });
    await expect(repository.confirm(held.use.id)).rejects.toBeInstanceOf(HoldExpiredError);
  });

  it('that expired give way to the redemption that they would refuse, and only then', async () => {
    const code = await newCode({ totalUsageLimit: 2 });
    const [first, second] = [await hold(code), await hold(code)];
    await expire(first.use.id);
    await expire(second.use.id);
    expect(await counts(code)).toMatchObject({ timesUsed: 2 });
    expect(await repository.validate(request(code))).toMatchObject({ valid: true });
    expect(await repository.redeem(request(code))).toMatchObject({ ok: true });
    expect(await counts(code)).toMatchObject({ timesUsed: 1, uses: 1 });
    for (const { use } of [first, second]) {
      await expect(repository.confirm(use.id)).rejects.toBeInstanceOf(HoldExpiredError);
    }
  });

  it('confirmed too late are told from unknown ones, released or not', async () => {
    const code = await newCode();
    const held = await hold(code);
    await expire(held.use.id);
    await expect(repository.confirm(held.use.id)).rejects.toMatchObject({ code: 'HOLD_EXPIRED', reason: 'expired' });
    expect(await repository.releaseExpired({ limit: 10 })).toEqual({ released: 1, remaining: false });
    await expect(repository.confirm(held.use.id)).rejects.toMatchObject({ code: 'HOLD_EXPIRED', reason: 'expired' });
    await expect(repository.confirm('999999999')).rejects.toBeInstanceOf(NotFoundError);
    expect(await counts(code)).toMatchObject({ timesUsed: 0, uses: 0 });
    expect(await repository.rollbackUse(held.use.id)).toEqual({ rolledBack: false });
  });

  it.each([
    ['released as expired', `SELECT :"library".release_promo_code_holds(promo_code_id, 10)`],
    ['rolled back', 'SELECT :"library".rollback_promo_code_use(use_id, NULL, NULL)'],
  ])('%s by a transaction that began before them were released when that was done', async (_, release) => {
    const code = await newCode();
    const early = await t.client();
    await early.query('BEGIN');
    const held = await hold(code);
    await t.sql(`UPDATE :"library".promo_code_holds SET expires_at = clock_timestamp() WHERE use_id = $1`, [
      held.use.id,
    ]);
    await early.query(t.expand(`${release} FROM :"library".promo_code_holds WHERE use_id = $1`), [held.use.id]);
    await early.query('COMMIT');
    const { rows } = await t.sql(
      `SELECT released_at >= expires_at AND expires_at > created_at AS in_order FROM :"library".promo_code_holds
        WHERE use_id = $1`,
      [held.use.id],
    );
    expect(rows).toMatchObject([{ in_order: true }]);
    expect(await counts(code)).toMatchObject({ timesUsed: 0, uses: 0 });
  });

  it('rolled back are unknown afterwards', async () => {
    const held = await hold(await newCode());
    expect(await repository.rollbackUse(held.use.id)).toEqual({ rolledBack: true });
    await expect(repository.confirm(held.use.id)).rejects.toBeInstanceOf(NotFoundError);
  });

  it('of the customer are not counted against the customer', async () => {
    const code = await newCode({ totalUsageLimit: 1 });
    const ann = { customerAddress: 'Ann' };
    const held = await hold(code, ann);
    expect(await repository.validate(request(code, { customerAddress: ' ann' }))).toMatchObject({ valid: true });
    const again = await hold(code, { customerAddress: 'ANN' });
    expect(await counts(code)).toMatchObject({ timesUsed: 1, uses: 1 });
    await expect(repository.confirm(held.use.id)).rejects.toMatchObject({ reason: 'replaced' });
    expect(await repository.redeem(request(code, ann))).toMatchObject({ ok: true, replayed: false });
    await expect(repository.confirm(again.use.id)).rejects.toMatchObject({ reason: 'replaced' });
    expect(await counts(code)).toMatchObject({ timesUsed: 1, uses: 1 });
    expect(await repository.redeem(request(code, ann))).toMatchObject({ ok: false });
  });

  it('of the customer stay where a trigger of the host keeps their uses, and the key of the refusal is free', async () => {
    const code = await newCode({ totalUsageLimit: 1 });
    const ann = { customerAddress: 'ann', idempotencyKey: `kept ${code.code}` };
    const { use } = await hold(code, { customerAddress: 'ann' });
    await t.sql(
      `CREATE OR REPLACE FUNCTION :"schema".keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`,
    );
    await t.sql(`CREATE TRIGGER keep BEFORE DELETE ON :"schema".promo_code_uses FOR EACH ROW
                 EXECUTE FUNCTION :"schema".keep()`);
    try {
      expect(await repository.redeem(request(code, ann))).toMatchObject({ ok: false, reason: 'usage_limit_reached' });
    } finally {
      await t.sql('DROP TRIGGER keep ON :"schema".promo_code_uses');
    }
    expect(await counts(code)).toMatchObject({ timesUsed: 1, uses: 1 });
    expect(await repository.rollbackUse(use.id)).toMatchObject({ rolledBack: true });
    expect(await repository.redeem(request(code, ann))).toMatchObject({ ok: true });
  });

  it('of the customer stay while there is room beside them', async () => {
    const code = await newCode({ perCustomerLimit: 2 });
    const ann = { customerAddress: 'Ann' };
    const held = await hold(code, ann);
    expect(await repository.redeem(request(code, ann))).toMatchObject({ ok: true });
    expect(await repository.confirm(held.use.id)).toMatchObject({ id: held.use.id });
    expect(await repository.redeem(request(code, ann))).toMatchObject({ reason: 'customer_limit_reached' });
  });

  it('with a key are replayed, and told when they have run out', async () => {
    const code = await newCode();
    const asked = { ...request(code, { idempotencyKey: `hold ${code.code}` }), ttlSeconds: 60 };
    const first = await repository.reserve(asked);
    expect(await repository.reserve(asked)).toEqual({ ...first, replayed: true });
    if (!first.ok) throw new Error(first.reason);
    await expire(first.use.id);
    expect(await repository.reserve(asked)).toMatchObject({ ok: false, reason: 'rolled_back' });
    expect(await repository.releaseExpired()).toEqual({ released: 1, remaining: false });
    expect(await repository.reserve(asked)).toMatchObject({ ok: false, reason: 'rolled_back' });
    expect(await counts(code)).toMatchObject({ timesUsed: 0, uses: 0 });
  });

  it('stay the customer’s when a redemption in their place has the key of another', async () => {
    const [held, other] = [await newCode(), await newCode()];
    const ann = { customerAddress: 'Ann', idempotencyKey: `two codes ${other.code}` };
    const { use } = await hold(held, { customerAddress: 'ann' });
    const client = await t.client();
    await client.query('BEGIN');
    expect(await repository.redeem(request(other, ann), { client })).toMatchObject({ ok: true });
    const redeeming = repository.redeem(request(held, ann)).catch((error: unknown) => error);
    await waitingRedemption(t);
    await client.query('COMMIT');
    expect(await redeeming).toBeInstanceOf(IdempotencyConflictError);
    expect(await repository.confirm(use.id)).toEqual(use);
    expect(await counts(held)).toMatchObject({ timesUsed: 1, uses: 1 });
  });

  it.runIf(isIncluded('lowered limits with holds'))(
    'and lowered limits are the same to a preview and to the redemption after it',
    async () => {
      const ann = { customerAddress: 'Ann' };
      const seen = new Set<string>();
      for (const [used, expired, pending] of mixtures([0, 2], [0, 2], [0, 2])) {
        for (const limit of ['perCustomerLimit', 'totalUsageLimit'] as const) {
          for (const lowered of [1, 2, 3]) {
            const code = await newCode({ totalUsageLimit: 9, perCustomerLimit: 9 });
            await repository.redeemMany(Array.from({ length: used! }, () => request(code, ann)));
            for (let time = 0; time < expired!; time += 1) await expire((await hold(code, ann)).use.id);
            for (let time = 0; time < pending!; time += 1) await hold(code, ann);
            await repository.update(code.id, { [limit]: lowered });
            const preview = await repository.validate(request(code, ann));
            const result = await repository.redeem(request(code, ann));
            const answers = [preview.valid || preview.reason, result.ok || result.reason];
            const world = `${used} used, ${expired} expired, ${pending} pending, ${limit} ${lowered}`;
            expect(answers[0], world).toBe(answers[1]);
            seen.add(String(answers[1]));
          }
        }
      }
      expect(seen).toEqual(new Set(['true', 'customer_limit_reached', 'usage_limit_reached']));
      expect(await checkDrift(t.pool, { schema: t.schema })).toEqual([]);
    },
  );

  it('released, confirmed, rolled back and redeemed at once leave the counters true', async () => {
    const code = await newCode({ totalUsageLimit: 10 });
    const held = await Promise.all(Array.from({ length: 10 }, () => hold(code)));
    for (const { use } of held.slice(0, 5)) await expire(use.id);
    await Promise.allSettled([
      ...held.map(({ use }) => repository.confirm(use.id)),
      ...held.map(({ use }) => repository.rollbackUse(use.id)),
      ...held.map(() => repository.redeem(request(code))),
      ...held.map(() => repository.releaseExpired()),
    ]);
    const { timesUsed, uses } = await counts(code);
    expect(timesUsed).toBe(uses);
    expect(timesUsed).toBeLessThanOrEqual(10);
    expect(await checkDrift(t.pool, { schema: t.schema })).toEqual([]);
  });

  it('a first attempt that the network delivers late does not take the place of its own hold', async () => {
    const code = await newCode({ perCustomerLimit: 1 });
    const hold = await repository.reserve({ ...request(code, { customerAddress: 'late' }), ttlSeconds: 60 });
    if (!hold.ok) throw new Error(hold.reason);
    const held = () =>
      t.sql('SELECT expires_at, released_as FROM :"library".promo_code_holds WHERE use_id = $1', [hold.use.id]);
    const before = (await held()).rows;
    const { rows } = await t.sql<{ answer: string }>(
      `SELECT :"library".redeem_promo_codes($1, '{shop}', '{1}', '{late}', '{1}', '{}', '{}', '{}', $2, '{999}', '{}', false, false,
         $2, 1000, '{}') AS answer`,
      [[code.code], [hold.use.id]],
    );
    expect(JSON.parse(rows[0]!.answer)[0][1]).toBe('customer_limit_reached');
    expect((await held()).rows).toEqual(before);
  });
});

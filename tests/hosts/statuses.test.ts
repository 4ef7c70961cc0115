import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { installTriggers, PromoCodeRepository } from '../../src/index';
import { useSchema } from '../support';
import { describeContract } from './contract';
import { redeemed, useHost } from './fixture';
import { enumStatus, reservedAlone, textStatus } from './hosts';

for (const host of [enumStatus, textStatus, reservedAlone]) describeContract(host);

describe.each([enumStatus, reservedAlone])('a hold that the host makes a use itself, of $name', (host) => {
  const h = useHost(host);

  it('is not released, and can be confirmed', async () => {
    const code = await h.newCode({ totalUsageLimit: 1 });
    const customerAddress = h.newCustomer();
    const request = { ...h.request(code, { customerAddress }), ttlSeconds: 3_600 };
    const { use } = redeemed(await h.repository.reserve(request));
    await h.hand.bringBack(use.id);
    const [library] = await h.librarySchemas();
    await h.sql(
      `UPDATE ${pg.escapeIdentifier(library!)}.promo_code_holds SET expires_at = now() - interval '1 minute'`,
    );
    // Neither by its time nor for the customer's own purchase.
    expect(await h.repository.redeem(h.request(code))).toMatchObject({ reason: 'usage_limit_reached' });
    expect(await h.repository.redeem(h.request(code, { customerAddress }))).toMatchObject({ ok: false });
    expect(await h.repository.releaseExpired()).toEqual({ released: 0, remaining: false });
    expect(await h.repository.confirm(use.id)).toMatchObject({ id: use.id });
    await h.expectCounts(code, 1);
  });

  it('keeps its word when it is confirmed', async () => {
    const code = await h.newCode();
    const { use } = redeemed(await h.repository.reserve({ ...h.request(code), ttlSeconds: 3_600 }));
    await h.hand.bringBack(use.id);
    const before = await h.hand.rowOf(use.id);
    const transactionId = h.newTransaction();
    await h.repository.confirm(use.id, { transactionId });
    expect(await h.hand.rowOf(use.id)).toEqual({ ...before, transaction_id: transactionId });
  });
});

describe('a default status that does not count', () => {
  const t = useSchema('uncounted default');

  it.each([["'new'"], ["'it''s new'"]])('is refused when codes are redeemed: %s', async (value) => {
    const ddl = textStatus.ddl!.replace("state text NOT NULL DEFAULT 'active'", `state text DEFAULT ${value}`);
    await t.sql('DROP TABLE IF EXISTS :"schema".promo_code_uses, :"schema".promo_codes');
    await t.sql(ddl);
    const options = { schema: t.schema, tables: textStatus.tables };
    await installTriggers(t.pool, options);
    const repository = new PromoCodeRepository(t.pool, { schema: t.schema });
    await expect(repository.findByCode('X')).rejects.toMatchObject({
      code: 'NOT_INSTALLED',
      message: expect.stringContaining(`has the default ${value}`),
    });
    const {
      column,
      counts,
      value: takenBack,
    } = textStatus.tables!.uses!.rolledBack as { column: string; counts: string[]; value: string };
    const rolledBack = { column, counts, value: takenBack, redeemed: counts[0]! };
    await installTriggers(t.pool, { ...options, tables: { uses: { rolledBack } } });
    expect(await new PromoCodeRepository(t.pool, { schema: t.schema }).findByCode('X')).toBeNull();
  });
});

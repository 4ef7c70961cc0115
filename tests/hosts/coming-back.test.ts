import { describe, expect, it } from 'vitest';
import { useHost } from './fixture';
import { enumStatus, softDeletes } from './hosts';

describe.each([softDeletes, enumStatus])('uses that are brought back by hand, of $name', (host) => {
  const h = useHost(host);

  it('count again, also beyond a limit that was reached meanwhile', async () => {
    const code = await h.newCode({ totalUsageLimit: 1 });
    const { use } = await h.redeem(code);
    await h.repository.rollbackUse(use.id);
    const other = await h.redeem(code);
    await h.hand.bringBack(use.id);
    await h.expectCounts(code, 2);
    const refusal = { ok: false, reason: 'usage_limit_reached' };
    expect(await h.repository.redeem(h.request(code))).toMatchObject(refusal);
    expect(await h.repository.rollbackUse(other.use.id)).toEqual({ rolledBack: true });
    expect(await h.repository.redeem(h.request(code))).toMatchObject(refusal);
    expect(await h.repository.amendUse(use.id, { bonusAmount: '1.00' })).toMatchObject({ id: use.id });
    await h.expectCounts(code, 1, '1.00');
    expect(await h.repository.rollbackUse(use.id)).toEqual({ rolledBack: true });
    await h.expectCounts(code, 0);
  });

  it('are refused beyond a limit where limits are enforced', async () => {
    const code = await h.newCode({ totalUsageLimit: 1, perCustomerLimit: 1 });
    const ann = h.newCustomer();
    const { use } = await h.redeem(code, { customerAddress: ann });
    await h.repository.rollbackUse(use.id);
    await h.install({ enforceLimits: true });
    try {
      const other = await h.redeem(code);
      await expect(h.hand.bringBack(use.id)).rejects.toMatchObject({ code: 'PC002' });
      await h.expectCounts(code, 1);
      await h.repository.rollbackUse(other.use.id);
      await h.repository.update(code.id, { totalUsageLimit: null });
      await h.redeem(code, { customerAddress: ann });
      await expect(h.hand.bringBack(use.id)).rejects.toMatchObject({ code: 'PC003' });
      await h.expectCounts(code, 1);
      // What does not count may be of anybody.
      await h.hand.setUse(use.id, 'customerAddress', `'${h.newCustomer()}'`);
      await h.hand.bringBack(use.id);
      await h.expectCounts(code, 2);
    } finally {
      await h.install({ enforceLimits: false });
    }
  });
});

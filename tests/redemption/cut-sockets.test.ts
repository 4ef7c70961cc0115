import { expect, it } from 'vitest';
import { checkDrift, PromoCodeRepository } from '../../src/index';
import { useRepository } from '../support/repository';
import { isIncluded } from '../support/scope';
import { redeemUnderCuts } from '../support/under-cuts';

const t = useRepository('cut sockets');
const { newCode, schema } = t;

it.runIf(isIncluded('sockets that are cut under load'))(
  '24 callers of one code, a socket cut every 15 ms as long as answers come, both processors burnt: 99 of 100 are acknowledged',
  async () => {
    const code = await newCode({ perCustomerLimit: null });
    const figures = await redeemUnderCuts({
      ...{
        url: t.url,
        schema,
        code: { code: code.code, shopId: code.shopId },
        callers: 24,
        durationMs: 4_000,
        everyMs: 15,
        leastCuts: 51,
        burners: 2,
      },
      make: (pool, options) => new PromoCodeRepository(pool, options),
    });
    expect(figures.cuts).toBeGreaterThan(50);
    expect(figures.calls).toBeGreaterThanOrEqual(24);
    expect(figures.acknowledged.size / figures.calls).toBeGreaterThanOrEqual(0.99);
    expect([...figures.errors.keys()].filter((error) => error !== 'OUTCOME_UNKNOWN')).toEqual([]);
    // A whole deadline in the queue, and one on the way.
    expect(figures.slowestMs).toBeLessThan(21_000);

    const { rows } = await t.sql<{ customer: string; ids: string[] }>(
      `SELECT customer_address AS customer, array_agg(id::text) AS ids FROM :"schema".promo_code_uses
      WHERE promo_code_id = $1 GROUP BY customer_address`,
      [code.id],
    );
    expect(rows.filter(({ ids }) => ids.length > 1)).toEqual([]);
    const recorded = new Map(rows.map(({ customer, ids }) => [customer, ids[0]]));
    for (const [customer, id] of figures.acknowledged) expect(recorded.get(customer)).toBe(id);
    expect(await checkDrift(t.pool, { schema })).toEqual([]);
  },
  60_000,
);

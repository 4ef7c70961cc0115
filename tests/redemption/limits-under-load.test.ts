import { describe, expect, it } from 'vitest';
import { checkDrift, PromoCodeRepository, RetryableTransactionError } from '../../src/index';
import { cases } from '../support';
import { useRepository } from '../support/repository';

describe.each(cases('tables under load', ['own', 'seed'] as const, (tables) => tables === 'seed'))(
  'limits under load, on the tables of %s',
  (tables) => {
    const t = useRepository(`load ${tables}`, { tables });
    const { newCode, request, counts, schema } = t;
    const pools = [0, 1, 2].map(() => t.poolWith());
    const repositories = pools.map((pool) => new PromoCodeRepository(pool, { schema }));

    it('300 concurrent redemptions from three pools against a limit of 50 give exactly 50', async () => {
      const code = await newCode({ totalUsageLimit: 50 });
      const results = await Promise.all(
        Array.from({ length: 300 }, (_, index) => repositories[index % 3]!.redeem(request(code))),
      );
      expect(results.filter(({ ok }) => ok)).toHaveLength(50);
      expect(results.filter((result) => !result.ok && result.reason === 'usage_limit_reached')).toHaveLength(250);
      expect(await counts(code)).toEqual({ timesUsed: 50, uses: 50, total: '250.00' });
    });

    it('60 callers of one customer with a limit of 2 give exactly 2', async () => {
      const code = await newCode({ perCustomerLimit: 2 });
      const spellings = ['Ann', ' ann', 'ANN '];
      const results = await Promise.all(
        Array.from({ length: 60 }, (_, index) =>
          repositories[index % 3]!.redeem(request(code, { customerAddress: spellings[index % 3]! })),
        ),
      );
      expect(results.filter(({ ok }) => ok)).toHaveLength(2);
      expect(await counts(code)).toMatchObject({ timesUsed: 2, uses: 2 });
    });

    it('batches from three pools keep both limits as well', async () => {
      const codes = [await newCode({ totalUsageLimit: 30 }), await newCode({ perCustomerLimit: 1 })];
      const results = await Promise.all(
        Array.from({ length: 12 }, (_, batch) =>
          repositories[batch % 3]!.redeemMany(
            Array.from({ length: 40 }, (_, index) =>
              request(codes[(batch + index) % 2]!, { customerAddress: `c${(batch * 7 + index) % 150}` }),
            ),
          ),
        ),
      );
      expect(results.flat()).toHaveLength(480);
      expect(await counts(codes[0]!)).toMatchObject({ timesUsed: 30, uses: 30 });
      // The second code is met by 58 customers, most of them several times.
      expect(await counts(codes[1]!)).toMatchObject({ timesUsed: 58, uses: 58 });
      expect(await checkDrift(t.pool, { schema })).toEqual([]);
    });

    it('adds no use after deactivate() has returned, in the middle of a flood', async () => {
      const code = await newCode();
      let stop = false;
      const callers = Array.from({ length: 15 }, async (_, caller) => {
        while (!stop) await repositories[caller % 3]!.redeem(request(code));
      });
      await expect.poll(() => counts(code).then(({ uses }) => uses)).toBeGreaterThan(20);
      await t.repository.deactivate(code.id);
      const then = await counts(code);
      await expect.poll(() => repositories[0]!.redeem(request(code))).toMatchObject({ ok: false, reason: 'inactive' });
      stop = true;
      await Promise.all(callers);
      expect(await counts(code)).toEqual(then);
    });

    it.each(['REPEATABLE READ', 'SERIALIZABLE'])('limits hold in hosts with %s transactions', async (isolation) => {
      const code = await newCode({ totalUsageLimit: 7, perCustomerLimit: null });
      let repeated = 0;
      const buy = async (caller: number): Promise<boolean> => {
        for (;;) {
          const client = await pools[caller % 3]!.connect();
          try {
            await client.query(`BEGIN ISOLATION LEVEL ${isolation}`);
            await client.query('SELECT 1');
            const result = await t.repository.redeem(request(code), { client });
            await client.query('COMMIT');
            return result.ok;
          } catch (error) {
            await client.query('ROLLBACK');
            const isRetryable =
              error instanceof RetryableTransactionError || (error as { code?: string }).code === '40001';
            if (!isRetryable) throw error;
            repeated += 1;
          } finally {
            client.release();
          }
        }
      };
      const results = await Promise.all(Array.from({ length: 20 }, (_, caller) => buy(caller)));
      expect(results.filter(Boolean)).toHaveLength(7);
      expect(repeated).toBeGreaterThan(0);
      expect(await counts(code)).toMatchObject({ timesUsed: 7, uses: 7 });
    });
  },
);

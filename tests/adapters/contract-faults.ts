import { expect, it } from 'vitest';
import { PromoCodeRepository } from '../../src/index';
import { backendPid, waitUntilBlocked } from '../support';
import type { Contract, Given } from './contract';

/** What the server refuses, however the library wraps its error. */
export function faultsContract({ t, transaction }: Contract): void {
  const { repository, newCode, request, counts, schema } = t;
  const update = (id: string) => t.expand(`UPDATE :"schema".promo_codes SET name = name WHERE id = ${id}`);

  /** An error rolls the transaction back, as it does at a host. */
  const failing = (work: (given: Given) => Promise<unknown>, isolation?: 'repeatable read') =>
    transaction(work, isolation).then(
      () => undefined,
      (error: unknown) => error,
    );

  it('a lock that is not granted is a LockTimeoutError that names its holder', async () => {
    const hasty = new PromoCodeRepository(t.pool, { schema, lockTimeoutMs: 50 });
    const [code, ready] = [await newCode(), await newCode()];
    const holder = await t.client();
    await holder.query('BEGIN');
    await holder.query(update(code.id));
    const pid = await backendPid(holder);
    const error = await failing(async ({ client }) => {
      await hasty.redeem(request(ready), { client });
      await hasty.redeem(request(code), { client });
    });
    expect(error).toMatchObject({ code: 'LOCK_TIMEOUT', sqlState: '55P03', promoCodeId: code.id, holder: { pid } });
    await holder.query('ROLLBACK');
    expect(await counts(ready)).toMatchObject({ timesUsed: 0, uses: 0 });
  });

  it('a deadlock is a RetryableTransactionError, and the second attempt succeeds', async () => {
    const [one, two] = [await newCode(), await newCode()];
    const other = await t.client();
    await other.query(`BEGIN; SET LOCAL deadlock_timeout = '20s'; ${update(two.id)}`);
    const pid = await backendPid(other);
    const both = async ({ client, run }: Given) => {
      await run(`SET LOCAL deadlock_timeout = '10ms'`);
      await repository.redeem(request(one), { client });
      return client;
    };
    let waiting: Promise<unknown> | undefined;
    const error = await failing(async (given) => {
      const client = await both(given);
      waiting = other.query(update(one.id));
      await waitUntilBlocked(t.pool, pid);
      await repository.redeem(request(two), { client });
    });
    expect(error).toMatchObject({ name: 'RetryableTransactionError', sqlState: '40P01' });
    await waiting;
    await other.query('COMMIT');
    await transaction(async (given) => {
      await repository.redeem(request(two), { client: await both(given) });
    });
    expect(await counts(two)).toMatchObject({ timesUsed: 1, uses: 1 });
  });

  it('a serialization failure is a RetryableTransactionError', async () => {
    const code = await newCode();
    const error = await failing(async ({ client, run }) => {
      await run('SELECT 1');
      await repository.findById(code.id, { client });
      await t.sql(update(code.id));
      await repository.redeem(request(code), { client });
    }, 'repeatable read');
    expect(error).toMatchObject({ name: 'RetryableTransactionError', sqlState: '40001' });
    expect(await counts(code)).toMatchObject({ timesUsed: 0, uses: 0 });
  });

  it("a violated constraint of the host's is a ValidationError with its SQLSTATE", async () => {
    await t.sql(
      `ALTER TABLE :"schema".promo_code_uses ADD CONSTRAINT host_rule CHECK (customer_address <> 'forbidden')`,
    );
    try {
      const code = await newCode();
      const error = await failing(({ client }) =>
        repository.redeem(request(code, { customerAddress: 'forbidden' }), { client }),
      );
      expect(error).toMatchObject({ code: 'VALIDATION', sqlState: '23514' });
      expect((error as Error).message).toContain('host_rule');
      expect((error as Error).message.length).toBeLessThan(300);
    } finally {
      await t.sql('ALTER TABLE :"schema".promo_code_uses DROP CONSTRAINT host_rule');
    }
  });

  it('in a transaction that has failed already it says so', async () => {
    const code = await newCode();
    let seen: unknown;
    await failing(async ({ client, run }) => {
      await run('SELECT 1 / 0').catch(() => undefined);
      await repository.redeem(request(code), { client }).catch((error: unknown) => {
        seen = error;
      });
      throw new Error('rolled back');
    });
    expect(seen).toMatchObject({ code: 'TRANSACTION_ABORTED', sqlState: '25P02' });
  });
}

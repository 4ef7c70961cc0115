import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { checkDrift, OutcomeUnknownError, PromoCodeRepository, type RedeemResult } from '../../src/index';
import { type CuttingProxy, startProxy } from '../support/proxy';
import { useRepository, waitingRedemption } from '../support/repository';
import { cases } from '../support/scope';

const t = useRepository('broken connections');
const { newCode, request, counts, schema } = t;
let proxy: CuttingProxy;
let pool: pg.Pool;
let repository: PromoCodeRepository;

beforeAll(async () => {
  proxy = await startProxy(t.url);
  pool = new pg.Pool({ connectionString: proxy.url, max: 10 });
  pool.on('error', () => {});
  repository = new PromoCodeRepository(pool, { schema, retry: { attempts: 12, maxDelayMs: 200 } });
});
beforeEach(() => proxy.onData(() => false));
afterAll(async () => {
  await pool.end();
  await proxy.close();
});

/** Calls once beforehand, so that what comes through the proxy afterwards is the redemption alone. */
async function warmUp(): Promise<void> {
  const code = await newCode();
  await repository.redeem(request(code));
}

const isRedemption = (data: Buffer) => data.includes('redeem_promo_code');

describe('a connection that breaks once', () => {
  it.each([
    ['before the call arrives', 'client'],
    ['before the answer arrives', 'server'],
  ] as const)('%s: the call answers, with one use', async (_, cutFrom) => {
    await warmUp();
    const code = await newCode();
    let sent = false;
    let done = false;
    proxy.onData((from, data) => {
      sent ||= from === 'client' && isRedemption(data);
      const isIt = sent && !done && from === cutFrom;
      done ||= isIt;
      return isIt;
    });
    const result = await repository.redeem(request(code));
    expect(done).toBe(true);
    expect(result).toMatchObject({ ok: true, replayed: false });
    expect(await counts(code)).toEqual({ timesUsed: 1, uses: 1, total: '5.00' });
  });

  it('while the call waits for the lock: the repetition waits for it, and finds its use', async () => {
    await warmUp();
    const code = await newCode({ totalUsageLimit: 1 });
    const holder = await t.client();
    await holder.query('BEGIN');
    await holder.query(t.expand('SELECT FROM :"schema".promo_codes WHERE id = $1 FOR NO KEY UPDATE'), [code.id]);
    // In a queue the first attempt would soon step back from the lock.
    const patient = new PromoCodeRepository(pool, { schema, batching: false });
    const calling = patient.redeem(request(code, { customerAddress: 'waiting' }));
    await waitingRedemption(t);
    proxy.cutAll();
    // The first attempt still waits in the server; the second one queues up behind it.
    await waitingRedemption(t, 'advisory');
    await holder.query('COMMIT');
    expect(await calling).toMatchObject({ ok: true, replayed: false, use: { customerAddress: 'waiting' } });
    expect(await counts(code)).toMatchObject({ timesUsed: 1, uses: 1 });
  });

  it('inside the transaction of the host: nothing is repeated, and nothing is in doubt', async () => {
    await warmUp();
    const code = await newCode();
    const client = await pool.connect();
    client.on('error', () => {});
    await client.query('BEGIN');
    proxy.onData((from, data) => from === 'client' && isRedemption(data));
    await expect(repository.redeem(request(code), { client })).rejects.toMatchObject({
      code: 'CONNECTION_LOST',
    });
    client.release(true);
    proxy.onData(() => false);
    expect(await counts(code)).toMatchObject({ timesUsed: 0, uses: 0 });
  });

  it('for good: the outcome is said to be unknown', async () => {
    await warmUp();
    const code = await newCode();
    const hopeless = new PromoCodeRepository(pool, { schema, retry: { attempts: 3, maxDelayMs: 10 } });
    await hopeless.redeem(request(await newCode()));
    let sent = false;
    proxy.onData((from, data) => {
      sent ||= from === 'client' && isRedemption(data);
      return sent;
    });
    await expect(hopeless.redeem(request(code))).rejects.toBeInstanceOf(OutcomeUnknownError);
  });
});

const CUTS = [
  { batching: true, part: 0.2 },
  { batching: false, part: 0.04 },
];

it.each(cases('floods through cut connections', CUTS, ({ batching }) => batching))(
  '1,000 redemptions through a proxy that cuts connections at random: none makes two uses ($batching)',
  async ({ batching, part }) => {
    const repository = new PromoCodeRepository(pool, { schema, batching, retry: { attempts: 12, maxDelayMs: 200 } });
    await warmUp();
    const codes = await Promise.all([
      newCode({ perCustomerLimit: null }),
      newCode({ perCustomerLimit: null }),
      newCode({ perCustomerLimit: null }),
    ]);
    const before = proxy.cuts;
    proxy.onData(() => Math.random() < part);
    const outcomes: { customer: string; result?: RedeemResult; error?: unknown }[] = [];
    const queue = Array.from({ length: 1_000 }, (_, index) => index);
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        for (let index = queue.pop(); index !== undefined; index = queue.pop()) {
          const customer = `caller-${batching}-${index}`;
          const key = index % 4 === 0 ? { idempotencyKey: customer } : {};
          await repository.redeem(request(codes[index % 3]!, { customerAddress: customer, ...key })).then(
            (result) => outcomes.push({ customer, result }),
            (error: unknown) => outcomes.push({ customer, error }),
          );
        }
      }),
    );
    proxy.onData(() => false);
    expect(proxy.cuts - before).toBeGreaterThan(20);

    const { rows } = await t.sql<{ customer: string; ids: string[] }>(
      `SELECT customer_address AS customer, array_agg(id::text) AS ids FROM :"schema".promo_code_uses
      WHERE customer_address LIKE $1 GROUP BY customer_address`,
      [`caller-${batching}-%`],
    );
    const recorded = new Map(rows.map(({ customer, ids }) => [customer, ids]));
    expect(rows.filter(({ ids }) => ids.length > 1)).toEqual([]);
    for (const { customer, result } of outcomes) {
      if (result) expect(result.ok && [result.use.id]).toEqual(recorded.get(customer));
    }
    expect(outcomes.filter(({ result }) => result?.ok).length).toBeGreaterThanOrEqual(950);
    for (const { customer, error } of outcomes) {
      if (!error || error instanceof OutcomeUnknownError) continue;
      // Ids could not be fetched, or no connection was made: a definite error, and nothing was recorded.
      expect(error).toMatchObject({ code: expect.stringMatching(/^CONNECTION_(FAILED|LOST)$/) });
      expect(recorded.has(customer)).toBe(false);
    }
    expect(await checkDrift(t.pool, { schema })).toEqual([]);
  },
  120_000,
);

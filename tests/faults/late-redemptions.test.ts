import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkDrift, type PromoCode, PromoCodeRepository } from '../../src/index';
import { eventually } from '../support';
import { type CuttingProxy, startProxy } from '../support/proxy';
import { useRepository } from '../support/repository';

const t = useRepository('late redemptions');
const { counts, newCode, schema } = t;
let proxy: CuttingProxy;
let pool: pg.Pool;
let repository: PromoCodeRepository;
let name = 0;

beforeEach(async () => {
  proxy = await startProxy(t.url);
  pool = new pg.Pool({ connectionString: proxy.url, max: 4 });
  pool.on('error', () => {});
  repository = new PromoCodeRepository(pool, {
    schema,
    lockTimeoutMs: 800,
    attemptTimeoutMs: 1_000,
    deadlineMs: 8_000,
  });
  await repository.redeem(t.request(await newCode()));
});
afterEach(async () => {
  await proxy.close();
  await pool.end();
});

/** Holds back the first request of the customer that is sent. */
function holdBack(customer: string) {
  let first: number | undefined;
  proxy.onData((from, data, connection) => {
    if (from === 'server' || first !== undefined || !data.includes(customer)) return 'pass';
    first = connection;
    return 'hold';
  });
  return () => eventually(async () => expect(first).toBeDefined());
}

/** Delivers what was held back, and waits until the server has done with it. */
async function deliver(): Promise<void> {
  proxy.deliver();
  // The connection that it came on had no client any more, and ends with it.
  await eventually(() => expect(proxy.open).toBe(pool.totalCount));
  await eventually(async () => {
    const { rows } = await t.sql(
      `SELECT pid FROM pg_stat_activity WHERE application_name = current_setting('application_name')
          AND pid <> pg_backend_pid() AND state <> 'idle'`,
    );
    expect(rows).toEqual([]);
  });
}

type Ask = { code: string; shopId: string; customerAddress: string; baseReward: number; idempotencyKey?: string };
const ways = {
  redeem: (ask: Ask) => repository.redeem(ask),
  reserve: (ask: Ask) => repository.reserve({ ...ask, ttlSeconds: 600 }),
  redeemMany: async (ask: Ask) =>
    (await repository.redeemMany([{ ...ask, customerAddress: 'before', idempotencyKey: undefined }, ask]))[1]!,
};
const cases = (Object.keys(ways) as (keyof typeof ways)[]).flatMap((way) =>
  [false, true].map((hasKey) => ({ way, hasKey })),
);

function ask(code: PromoCode, hasKey: boolean): Ask {
  name += 1;
  const customerAddress = `late-${name}-x`;
  return {
    code: code.code,
    shopId: 'shop',
    customerAddress,
    baseReward: 10,
    ...(hasKey && { idempotencyKey: `key of ${customerAddress}` }),
  };
}

async function usesOf(customer: string) {
  const { rows } = await t.sql(`SELECT id::text FROM :"schema".promo_code_uses WHERE customer_address = $1`, [
    customer,
  ]);
  return rows.map(({ id }) => id);
}

describe.each(cases)('$way, with a key: $hasKey, whose request is delivered late', ({ way, hasKey }) => {
  it('does not come back after it was rolled back', async () => {
    const code = await newCode({ perCustomerLimit: null });
    const asked = ask(code, hasKey);
    holdBack(asked.customerAddress);
    const result = await ways[way](asked);
    if (!result.ok) throw new Error(result.reason);
    expect(await t.repository.rollbackUse(result.use.id)).toEqual({ rolledBack: true });
    await deliver();
    expect(await usesOf(asked.customerAddress)).toEqual([]);
    expect(await counts(code)).toMatchObject({ timesUsed: way === 'redeemMany' ? 1 : 0 });
    await expect(t.repository.confirm(result.use.id)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await checkDrift(t.pool, { schema })).toEqual([]);
  });

  it('records nothing after its retry was refused', async () => {
    const code = await newCode({ perCustomerLimit: null });
    const asked = ask(code, hasKey);
    const held = holdBack(asked.customerAddress);
    const result = ways[way](asked);
    await held();
    await t.repository.deactivate(code.id);
    expect(await result).toMatchObject({ ok: false, reason: 'inactive' });
    await t.repository.activate(code.id);
    await deliver();
    expect(await counts(code)).toMatchObject({ timesUsed: 0, uses: 0 });
    expect(await t.repository.redeem(asked)).toMatchObject({ ok: true, replayed: false });
  });
});

it('a request for a code that was not there does not find the code that is made meanwhile', async () => {
  const code = await newCode();
  const asked = { ...ask(code, false), code: 'NOT YET' };
  holdBack(asked.customerAddress);
  expect(await repository.redeem(asked)).toMatchObject({ reason: 'not_found' });
  await t.repository.create({ code: 'NOT YET', shopId: 'shop', bonusValue: 1 });
  await deliver();
  expect(await usesOf(asked.customerAddress)).toEqual([]);
});

it('a retry after one whose refusal was lost is recorded once, under an id of its own', async () => {
  const code = await newCode({ isActive: false, perCustomerLimit: null });
  const asked = ask(code, false);
  let first: number | undefined;
  let second: number | undefined;
  let sent = 0;
  proxy.onData((from, data, connection) => {
    if (from === 'client' && data.includes(asked.customerAddress)) {
      first ??= connection;
      if (connection === first) return 'hold';
      second ??= connection;
      if (connection === second) sent += 1;
    }
    // What it finds is let through, what it does is not answered.
    return from === 'server' && connection === second && sent > 1 ? 'hold' : 'pass';
  });
  const result = repository.redeem(asked);
  await eventually(async () => {
    const { rows } = await t.sql('SELECT FROM :"library".promo_code_holds WHERE customer_address = $1', [
      asked.customerAddress,
    ]);
    expect(rows.length).toBe(1);
  });
  await t.repository.activate(code.id);
  const redeemed = await result;
  if (!redeemed.ok) throw new Error(redeemed.reason);
  await deliver();
  expect(await usesOf(asked.customerAddress)).toEqual([redeemed.use.id]);
  expect(await counts(code)).toMatchObject({ timesUsed: 1, uses: 1 });
});

it('marks of rollbacks go after 90 days, with the rollbacks that come then', async () => {
  const code = await newCode({ perCustomerLimit: null });
  const rollBackOne = async () => {
    const used = await t.repository.redeem(t.request(code));
    if (used.ok) await t.repository.rollbackUse(used.use.id);
  };
  for (let n = 0; n < 4; n += 1) await rollBackOne();
  await t.sql(
    `UPDATE :"library".promo_code_holds SET released_at = now() - interval '91 days' WHERE promo_code_id = $1`,
    [code.id],
  );
  const left = async () =>
    (await t.sql('SELECT FROM :"library".promo_code_holds WHERE promo_code_id = $1', [code.id])).rowCount;
  await rollBackOne();
  expect(await left()).toBe(3);
  await rollBackOne();
  expect(await left()).toBe(2);
});

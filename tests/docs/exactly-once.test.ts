import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { PromoCodeRepository, RedeemInput } from '../../src/index';
import { useDatabase } from '../support';
import { type CuttingProxy, startProxy } from '../support/proxy';
import { PAGE_LIMIT_MS, pageText, useProgram } from './page';

interface Purchase {
  key: string;
  customer: string;
  code: string;
  reward: string;
}
interface Page {
  pool: { end(): Promise<void> };
  promoCodes: PromoCodeRepository;
  server: Server;
  redeemAt(url: string, purchase: Purchase): Promise<{ status: number; body: unknown }>;
  isRedeemed(customer: string, transactionId: string): Promise<boolean>;
}

const t = useDatabase('exactly once');
const run = useProgram();
let page: Page;
/** Between the service and the server, and between the caller and the service. */
let toServer: CuttingProxy;
let toService: CuttingProxy;

beforeAll(async () => {
  toServer = await startProxy(t.url);
  page = await run('exactly-once', { DATABASE_URL: toServer.url, PORT: '0' });
  toService = await startProxy(`http://127.0.0.1:${(page.server.address() as AddressInfo).port}`);
}, PAGE_LIMIT_MS);
afterAll(async () => {
  page?.server.closeAllConnections();
  page?.server.close();
  if (page) await once(page.server, 'close');
  await page?.pool.end();
  await toServer?.close();
  await toService?.close();
});
afterEach(() => {
  toServer.onData(() => 'pass');
  toService.onData(() => 'pass');
});

let serial = 0;
const purchase = (fields: Partial<Purchase> = {}): Purchase => {
  serial += 1;
  return { key: `${serial}`, customer: `customer-${serial}`, code: 'summer', reward: '20.00', ...fields };
};
const usesOf = async ({ customer }: Purchase) => (await page.promoCodes.usesByCustomer(customer)).items;

describe('the service', () => {
  it('answers 201 and then 200 with the same body', async () => {
    const asked = purchase();
    const first = await page.redeemAt(toService.url, asked);
    expect(first).toMatchObject({ status: 201, body: { total: '25.00' } });
    expect(await page.redeemAt(toService.url, asked)).toEqual({ ...first, status: 200 });
    expect(await usesOf(asked)).toHaveLength(1);
  });

  it('makes one use where its answer is lost on the way to the caller', async () => {
    const asked = purchase();
    let lost = 0;
    toService.onData((from) => (from === 'server' && lost++ < 2 ? 'cut' : 'pass'));
    expect(await page.redeemAt(toService.url, asked)).toMatchObject({ status: 200, body: { total: '25.00' } });
    expect(toService.cuts).toBe(2);
    expect(await usesOf(asked)).toHaveLength(1);
  });

  it('makes one use where the answer of the server is lost on the way to the service', async () => {
    const asked = purchase();
    let cut = false;
    toServer.onData((from, data) => {
      if (from !== 'server' || cut || !data.includes('redeemed')) return 'pass';
      cut = true;
      return 'cut';
    });
    expect(await page.redeemAt(toService.url, asked)).toMatchObject({ body: { total: '25.00' } });
    expect(cut).toBe(true);
    expect(await usesOf(asked)).toHaveLength(1);
  });

  it('answers 409 to another purchase under the same key, 422 to a refusal, 400 to what is wrong', async () => {
    const asked = purchase();
    await page.redeemAt(toService.url, asked);
    const answer = (fields: Partial<Purchase>) => page.redeemAt(toService.url, { ...asked, ...fields });
    expect(await answer({ reward: '21.00' })).toMatchObject({ status: 409, body: { code: 'IDEMPOTENCY_CONFLICT' } });
    expect(await answer({ customer: 'somebody else' })).toMatchObject({ status: 201 });
    expect(await answer({ key: 'x', code: 'none' })).toMatchObject({ status: 422, body: { reason: 'not_found' } });
    expect(await answer({ key: 'x', reward: '1,50' })).toMatchObject({ status: 400, body: { code: 'VALIDATION' } });
    const post = async (headers: Record<string, string>, body: string) =>
      (await fetch(toService.url, { method: 'POST', headers, body })).status;
    expect(await post({ 'Idempotency-Key': 'y', 'X-Customer': 'ann' }, '{')).toBe(400);
    expect([await post({ 'X-Customer': 'ann' }, '{}'), await post({ 'Idempotency-Key': 'y' }, '{}')]).toEqual([
      400, 401,
    ]);
  });

  it('takes the curl of the page', async () => {
    const [, headers = '', body = ''] =
      /curl -X POST localhost:3000 (.*) -d '(.*)'/.exec(pageText('exactly-once')) ?? [];
    const sent = [...headers.matchAll(/-H '([^:]+): ([^']+)'/g)].map(([, name, value]) => [name!, value!] as const);
    const post = async () => fetch(toService.url, { method: 'POST', headers: Object.fromEntries(sent), body });
    expect([(await post()).status, (await post()).status]).toEqual([201, 200]);
  });
});

describe('what the tables of the page say of keys', () => {
  const request = (fields: Partial<RedeemInput> = {}): RedeemInput => {
    const { key: idempotencyKey, customer: customerAddress, reward: baseReward, code } = purchase();
    return {
      code,
      shopId: 'shop-1',
      customerAddress,
      baseReward,
      idempotencyKey: `direct ${idempotencyKey}`,
      ...fields,
    };
  };

  it('what is compared, and how', async () => {
    const { promoCodes } = page;
    const asked = request({ customerAddress: 'Ann', transactionId: 'a' });
    const same = { ...asked, code: ' SUMMER ', customerAddress: ' ann', baseReward: 20 };
    expect([await promoCodes.redeem(asked), await promoCodes.redeem(same)]).toMatchObject([
      { replayed: false },
      { replayed: true },
    ]);
    for (const other of [{ bonusAmount: '5.00' }, { transactionId: 'b' }, { baseReward: '20.01' }])
      await expect(promoCodes.redeem({ ...asked, ...other })).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
  });

  it('a replay is the use as it is now; after a rollback it is refused; after pruning it is a new one', async () => {
    const { promoCodes } = page;
    const asked = request();
    const first = await promoCodes.redeem(asked);
    if (!first.ok) throw new Error(first.message);
    await promoCodes.amendUse(first.use.id, { bonusAmount: '1.00' });
    expect(await promoCodes.redeem(asked)).toMatchObject({ replayed: true, use: { bonusAmount: '1.00' } });
    await promoCodes.rollbackUse(first.use.id);
    expect(await promoCodes.redeem(asked)).toMatchObject({ ok: false, reason: 'rolled_back' });
    await promoCodes.pruneIdempotencyKeys({ olderThanDays: 0 });
    expect(await promoCodes.redeem(asked)).toMatchObject({ ok: true, replayed: false });
  });

  it('a refusal and a transaction that rolls back leave the key free', async () => {
    const { promoCodes } = page;
    const asked = request({ code: 'later' });
    expect(await promoCodes.redeem(asked)).toMatchObject({ reason: 'not_found' });
    await promoCodes.create({ code: 'LATER', shopId: 'shop-1', bonusValue: 1 });
    const client = await t.client();
    await client.query('BEGIN');
    expect(await promoCodes.redeem(asked, { client })).toMatchObject({ replayed: false });
    await client.query('ROLLBACK');
    expect(await promoCodes.redeem(asked)).toMatchObject({ replayed: false });
  });

  it('a batch may hold a request twice, and a conflict undoes all of it', async () => {
    const { promoCodes } = page;
    const asked = request();
    expect(await promoCodes.redeemMany([asked, asked])).toMatchObject([{ replayed: false }, { replayed: true }]);
    const batch = [request({ customerAddress: 'undone' }), { ...asked, baseReward: '1.00' }];
    await expect(promoCodes.redeemMany(batch)).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
    expect((await promoCodes.usesByCustomer('undone')).items).toEqual([]);
  });

  it('how long a key may be', async () => {
    for (const idempotencyKey of [' ', '', 'x'.repeat(501), 'ä'.repeat(257)])
      await expect(page.promoCodes.redeem(request({ idempotencyKey }))).rejects.toMatchObject({ code: 'VALIDATION' });
    for (const idempotencyKey of ['x'.repeat(500), 'ä'.repeat(256)])
      expect(await page.promoCodes.redeem(request({ idempotencyKey }))).toMatchObject({ ok: true });
  });

  it('without a key the number of the purchase finds the use', async () => {
    const asked = request({ transactionId: 'order-9', idempotencyKey: undefined });
    const customer = String(asked.customerAddress);
    expect(await page.isRedeemed(customer, 'order-9')).toBe(false);
    await page.promoCodes.redeem(asked);
    expect(await page.isRedeemed(customer, 'order-9')).toBe(true);
  });
});

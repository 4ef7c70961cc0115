import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildCheckout } from '../../examples/checkout/app';
import { useRepository } from '../support/repository';

const t = useRepository('checkout');
const app = buildCheckout(t.pool, t.schema, 'shop');
const narrow = new pg.Pool({ connectionString: t.url, max: 2 });
const narrowApp = buildCheckout(narrow, t.schema, 'shop');
beforeAll(async () => {
  await t.sql('CREATE TABLE :"schema".orders (id text PRIMARY KEY, customer text NOT NULL)');
});
afterAll(async () => {
  await Promise.all([app.close(), narrowApp.close()]);
  await narrow.end();
});

function send(payload: Record<string, string>, { to = app, from = '198.51.100.1' } = {}) {
  const body = { customer: 'Ann', promoCode: '', reward: '10.00', ...payload };
  return to.inject({ method: 'POST', url: '/orders', payload: body, remoteAddress: from });
}

async function order(orderId: string, promoCode: string): Promise<Record<string, string>> {
  const response = await send({ orderId, promoCode });
  expect(response.statusCode).toBe(201);
  return response.json();
}

it('redeems within the transaction of the order, once however often it is sent', async () => {
  const code = await t.newCode();
  const answers = await Promise.all(Array.from({ length: 5 }, () => order('order-1', code.code)));
  for (const answer of answers) expect(answer).toEqual({ orderId: 'order-1', total: '15.00', bonus: '5.00' });
  expect(await t.counts(code)).toMatchObject({ timesUsed: 1, uses: 1 });
});

it('takes the order without the bonus when the code is refused', async () => {
  expect(await order('order-2', 'NOSUCH')).toMatchObject({ total: '10.00', bonus: '0.00' });
  const { rows } = await t.sql('SELECT id FROM :"schema".orders ORDER BY id');
  expect(rows).toEqual([{ id: 'order-1' }, { id: 'order-2' }]);
});

it('takes many orders at once with few connections', async () => {
  const code = await t.newCode({ perCustomerLimit: null });
  const orders = Array.from({ length: 14 }, (_, index) =>
    send({ orderId: `at-once-${index}`, promoCode: index % 2 ? code.code : 'NOSUCH' }, { to: narrowApp }),
  );
  const answers = await Promise.all(orders);
  expect(answers.map(({ statusCode }) => statusCode)).toEqual(answers.map(() => 201));
  expect(await t.counts(code)).toMatchObject({ uses: 7 });
});

it('takes an order without a code, or with what cannot be one', async () => {
  expect(await order('plain', ' ')).toEqual({ orderId: 'plain', total: '10.00', bonus: '0.00' });
  expect(await order('odd', 'x'.repeat(5_000))).toMatchObject({ bonus: '0.00', promoCode: expect.any(String) });
});

it('refuses a bad amount and an order that was sent with other contents', async () => {
  const { code: promoCode } = await t.newCode();
  for (const reward of ['-1', '1e3', 'ten', '10.001']) {
    expect(await send({ orderId: 'bad', promoCode, reward })).toMatchObject({ statusCode: 400 });
  }
  await order('changed', promoCode);
  expect(await send({ orderId: 'changed', promoCode, reward: '99.00' })).toMatchObject({ statusCode: 409 });
  expect(await send({ orderId: 'changed', promoCode, customer: 'Bob' })).toMatchObject({ statusCode: 409 });
  const { rows } = await t.sql(`SELECT FROM :"schema".orders WHERE id = 'bad'`);
  expect(rows).toEqual([]);
});

it('takes the order of somebody who has guessed too often, without the bonus', async () => {
  const { code: promoCode } = await t.newCode();
  const from = '203.0.113.9';
  expect((await send({ orderId: 'before', promoCode }, { from })).json()).toMatchObject({ bonus: '5.00' });
  for (let time = 0; time < 20; time += 1) await send({ orderId: `guess-${time}`, promoCode: 'NOSUCH' }, { from });
  const answer = await send({ orderId: 'limited', promoCode }, { from });
  expect(answer.statusCode).toBe(201);
  expect(answer.json()).toMatchObject({ bonus: '0.00', promoCode: expect.stringContaining('Too many') });
  const { rows } = await t.sql(`SELECT FROM :"schema".orders WHERE id = 'limited'`);
  expect(rows).toHaveLength(1);
  // Repeated, an order of before must not look as if it had no bonus.
  expect(await send({ orderId: 'before', promoCode }, { from })).toMatchObject({ statusCode: 429 });
});

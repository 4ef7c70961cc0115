import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildCheckout } from '../../examples/checkout/app';
import { useRepository } from '../support/repository';

const t = useRepository('checkout');
const app = buildCheckout(t.pool, t.schema, 'shop');
beforeAll(async () => {
  await t.sql('CREATE TABLE :"schema".orders (id text PRIMARY KEY, customer text NOT NULL)');
});
afterAll(() => app.close());

async function order(orderId: string, promoCode: string): Promise<Record<string, string>> {
  const payload = { orderId, customer: 'Ann', promoCode, reward: '10.00' };
  const response = await app.inject({ method: 'POST', url: '/orders', payload });
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

import { readFileSync } from 'node:fs';
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { assertNoDrift, type PromoCodeRepository, type RedeemResult } from '../../src/index';
import { useDatabase } from '../support';
import { PAGE_LIMIT_MS, pageText, useProgram } from './page';

interface Order {
  id: string;
  customer: string;
  reward: string;
}
interface Page {
  pool: pg.Pool;
  promoCodes: PromoCodeRepository;
  placeOrder(order: Order): Promise<RedeemResult>;
  redeemAll(orders: Order[]): Promise<number>;
}

const t = useDatabase('performance');
const run = useProgram();
let page: Page;
beforeAll(async () => {
  page = await run('performance', { DATABASE_URL: t.url });
}, PAGE_LIMIT_MS);
afterAll(() => page?.pool.end());

const orderOf = (id: string): Order => ({ id, customer: `customer of ${id}`, reward: '10.00' });

it('the order and its use are committed together, or neither', async () => {
  expect(await page.placeOrder(orderOf('one'))).toMatchObject({ ok: true, use: { transactionId: 'one' } });
  await expect(page.placeOrder({ ...orderOf('one'), customer: 'another' })).rejects.toMatchObject({ code: '23505' });
  expect((await page.promoCodes.usesByCustomer('another')).items).toEqual([]);
  expect(page.pool.totalCount).toBe(page.pool.idleCount);
});

it('a job that redeems many may be run again', async () => {
  const orders = Array.from({ length: 1_100 }, (_, n) => orderOf(`many ${n}`));
  for (let time = 0; time < 2; time += 1) expect(await page.redeemAll(orders)).toBe(1_100);
  expect(await page.promoCodes.findByCode('hot')).toMatchObject({ timesUsed: 1_101 });
  await assertNoDrift(t.pool);
});

it('every figure of the page is one of bench/results', () => {
  const results = ['redemption', 'counters'].map((name) => readFileSync(`bench/results/${name}.md`, 'utf8')).join('\n');
  const figures = [...pageText('performance').matchAll(/\d[\d,.]*(?:\/s| m?s\b)/g)].map(([figure]) => figure);
  expect(figures.length).toBeGreaterThan(40);
  expect(figures.filter((figure) => !results.includes(`${figure} `))).toEqual([]);
});

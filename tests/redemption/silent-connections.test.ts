import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkDrift, PromoCodeRepository } from '../../src/index';
import { type CuttingProxy, startProxy } from '../support/proxy';
import { useRepository } from '../support/repository';

const t = useRepository('silent lanes');
const { newCode, request, counts, schema } = t;
let proxy: CuttingProxy;
beforeAll(async () => {
  proxy = await startProxy(t.url);
});
afterAll(() => proxy.close());

it('both lanes on silent connections are free after the deadline of an attempt, and nobody is lost', async () => {
  const pool = new pg.Pool({ connectionString: proxy.url, max: 10 });
  pool.on('error', () => {});
  const limits = { lockTimeoutMs: 500, attemptTimeoutMs: 1_000, deadlineMs: 4_000 };
  const repository = new PromoCodeRepository(pool, { schema, ...limits });
  const codes = [await newCode(), await newCode(), await newCode()];
  await Promise.all(codes.map((code) => repository.redeem(request(code))));
  const silent = new Set<number>();
  proxy.onData((from, data, connection) => {
    if (from === 'client' && silent.size < 2 && data.includes('.redeem_promo_code')) silent.add(connection);
    return silent.has(connection) ? 'silence' : 'pass';
  });
  const began = performance.now();
  const took: number[] = [];
  const redeem = (place: number) =>
    repository.redeem(request(codes[place % 3]!)).then((result) => {
      took.push(performance.now() - began);
      return result;
    });
  // The first two take a lane each, and then their connections go silent.
  const results = await Promise.all([redeem(0), redeem(1), ...Array.from({ length: 30 }, (_, place) => redeem(place))]);
  expect(silent.size).toBe(2);
  for (const result of results) expect(result).toMatchObject({ ok: true, replayed: false });
  expect(Math.min(...took)).toBeGreaterThan(500);
  expect(Math.max(...took)).toBeLessThan(2 * limits.deadlineMs);
  proxy.onData(() => 'pass');
  for (const [place, code] of codes.entries()) {
    const expected = 1 + 10 + (place < 2 ? 1 : 0);
    expect(await counts(code)).toMatchObject({ timesUsed: expected, uses: expected });
  }
  expect(await checkDrift(t.pool, { schema })).toEqual([]);
  await pool.end();
}, 40_000);

import { describe, expect, it } from 'vitest';
import { waitUntilBlocked } from '../support';
import { useRepository } from '../support/repository';

const t = useRepository('attempts');

const ONE = `SELECT :"library".redeem_promo_code($1, 'shop', $2, 1, NULL, NULL, NULL, $3, $4, 5000) AS answer`;
const BATCH = `SELECT :"library".redeem_promo_codes(ARRAY[$1], '{shop}', '{1}', ARRAY[$2], '{1}', '{}', '{}', '{}', ARRAY[$3::bigint], '{}',
  '{}', true, false, $4, 5000, '{}') AS answer`;

const outcomes = ([row]: { answer: string }[]) => JSON.parse(row!.answer).map(([, outcome]: string[]) => outcome);

describe.each([
  ['a single call', ONE],
  ['a batch', BATCH],
])('the locks of attempts in %s', (_, statement) => {
  const nextIds = async (count: number) => {
    const { rows } = await t.sql<{ ids: string[] }>(`SELECT :"library".reserve_promo_code_use_ids($1) AS ids`, [count]);
    return rows[0]!.ids;
  };

  it('let parts of one earlier batch be repeated at the same time', async () => {
    const codes = [await t.newCode(), await t.newCode()];
    const [earlier, ...own] = await nextIds(3);
    const clients = [await t.client(), await t.client()];
    for (const [place, client] of clients.entries()) {
      await client.query('BEGIN');
      const calls = `{${earlier},${own[place]}}`;
      const { rows } = await client.query(t.expand(statement), [codes[place]!.code, `c${place}`, own[place], calls]);
      expect(outcomes(rows)).toEqual(['redeemed']);
    }
    for (const client of clients) await client.query('COMMIT');
  });

  it('let a repetition wait until the attempt before it has ended', async () => {
    const code = await t.newCode({ perCustomerLimit: null });
    const [earlier, other, own] = await nextIds(3);
    const [first, repetition] = [await t.client(), await t.client()];
    await first.query('BEGIN');
    await first.query(t.expand(statement), [code.code, 'ann', other, `{${earlier}}`]);
    // Of another code: nothing but the attempt itself is waited for.
    const free = await t.newCode();
    const waiting = repetition.query(t.expand(statement), [free.code, 'ann', own, `{${earlier},${own}}`]);
    expect((await waitUntilBlocked(t.pool, repetition)).lock).toBe('advisory');
    await first.query('COMMIT');
    expect(outcomes((await waiting).rows)).toEqual(['redeemed']);
  });
});

import { describe, expect, it } from 'vitest';
import { installTriggers, uninstallTriggers } from '../../src/index';
import { useHost } from '../hosts/fixture';
import type { Host } from '../hosts/host';
import { renamed, seed, softDeletes, sumOnly, textIds, withoutAmounts, withoutTimes } from '../hosts/hosts';
import { cases, useSchema } from '../support';
import { runHere } from './command-line';

const HOSTS: Host[] = [seed, renamed, textIds, softDeletes, sumOnly, withoutAmounts, withoutTimes];

const EVERYDAY = [renamed];

describe.each(cases('hosts of the command line', HOSTS, (host) => EVERYDAY.includes(host)))('$name', (host) => {
  const t = useHost(host);
  const run = async (...args: string[]) => {
    const outcome = await runHere([...args, '--schema', t.schema, '--url', t.url]);
    expect(outcome.stderr, args.join(' ')).toBe('');
    return outcome;
  };
  const json = async (...args: string[]) => JSON.parse((await run(...args, '--json')).stdout);

  it('every command that reads works on its tables', async () => {
    const code = await t.newCode({ totalUsageLimit: 2 });
    await t.redeem(code, { idempotencyKey: 'first' });
    await t.redeem(code);
    expect(await json('check')).toEqual([]);
    expect(await json('status')).toMatchObject({ ok: true, dueHolds: 0, oldKeys: 0 });
    const bonus = t.has.amounts ? 10 : 0;
    const one = await json('stats', code.code, '--days', '2');
    expect(one).toMatchObject({ promoCodeId: code.id, totalUses: 2, distinctCustomers: 2 });
    expect(Number(one.totalBonus)).toBe(bonus);
    const all = await json('stats', '--days', '2');
    expect(all).toMatchObject({ codes: 1, totalUses: 2, nearLimit: [{ id: code.id }], topCodes: [{ id: code.id }] });
    expect(Number(all.totalBonus)).toBe(bonus);
    const days = host === withoutTimes ? [] : [0, 2];
    for (const { perDay } of [one, all]) expect(perDay.map(({ uses }: { uses: number }) => uses)).toEqual(days);
    expect((await run('stats')).stdout).toContain(host === withoutTimes ? 'there is no chart' : '┼');
    expect(await json('locks', code.code)).toEqual([]);
    expect(await json('prune', '--older-than-days', '0')).toEqual({ pruned: 1 });
    expect(await json('release')).toEqual({ released: 0, remaining: false });
    expect(await json('repair', '--yes')).toEqual([]);
  });
});

describe('tables on which nothing is installed, or nothing can be redeemed', () => {
  const t = useSchema('counting only');
  const run = (...args: string[]) => runHere([...args, '--schema', t.schema, '--url', t.url]);

  it('are checked, and shown', async () => {
    await t.sql(`
      CREATE TABLE :"schema".promo_codes (id bigint PRIMARY KEY, code text, shop_id text, times_used integer,
        total_bonus_issued numeric(12,2), updated_at timestamptz);
      CREATE TABLE :"schema".promo_code_uses (promo_code_id bigint, bonus_amount numeric(12,2));
      INSERT INTO :"schema".promo_codes VALUES (1, 'ONE', 'a', 1, 5), (2, 'one', 'b', 0, 0);
      INSERT INTO :"schema".promo_code_uses VALUES (1, 5)`);
    expect(await run('check')).toMatchObject({ code: 0, stderr: '' });
    const before = await run('status');
    expect(before).toMatchObject({ code: 1, stderr: '' });
    expect(before.stdout).toMatch(/installed +nothing[\s\S]*pg-promo-codes install/);
    for (const install of [false, true]) {
      if (install) await installTriggers(t.pool, { schema: t.schema });
      expect(await run('stats')).toMatchObject({ code: 0, stderr: '' });
      expect(await run('locks', 'One', '--shop', 'b')).toMatchObject({ code: 0, stderr: '' });
      const { code, stderr } = await run('locks', 'One');
      expect({ code, stderr }).toEqual({
        code: 2,
        stderr: 'pg-promo-codes: Several shops have the code One; say which with --shop: a, b.\n',
      });
    }
    expect(await run('status')).toMatchObject({ code: 0, stderr: '' });
    expect(await run('release')).toMatchObject({ code: 1, stderr: expect.stringContaining('cannot redeem') });
    await uninstallTriggers(t.pool, { schema: t.schema });
  });
});

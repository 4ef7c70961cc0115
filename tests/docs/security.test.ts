import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installTriggers, PromoCodeRepository, type RedeemInput } from '../../src/index';
import { eventually, useDatabase, useRole } from '../support';
import { PAGE_LIMIT_MS, tableOf, useProgram } from './page';

interface Page {
  pool: { end(): Promise<void> };
  promoCodes: PromoCodeRepository;
  redeemFor(ip: string, request: RedeemInput): Promise<{ status: number; message?: string }>;
}

const t = useDatabase('security page');
const stranger = useRole({ label: 'stranger' });
const run = useProgram();
let page: Page;
beforeAll(async () => {
  page = await run('security', { DATABASE_URL: t.url });
  await page.promoCodes.create({ code: 'GOOD', shopId: 's', bonusValue: 1, totalUsageLimit: 1 });
  await page.promoCodes.create({ code: 'OFF', shopId: 's', bonusValue: 1, isActive: false });
}, PAGE_LIMIT_MS);
afterAll(() => page?.pool.end());

const ask = (code: string, customerAddress = 'ann@example.com') => ({
  code,
  shopId: 's',
  customerAddress,
  baseReward: 1,
});

describe('the threats', () => {
  const lines = tableOf('security', ['threat', 'by whom', 'what holds', 'by design', 'test']);

  it.each(lines.map((cells) => [cells[0]!.replaceAll('**', ''), cells] as const))(
    '%s has its test',
    (_threat, cells) => {
      expect(cells).toHaveLength(5);
      const [threat, , holds, , tests] = cells as [string, string, string, string, string];
      expect(threat).not.toBe('');
      expect(holds).not.toBe('');
      const named = [...tests.matchAll(/`([a-z-]+\/[a-z-]+)`(?:: "([^"]+)")?/g)];
      expect(named.map(([text]) => text).join(', ')).toBe(tests);
      expect(named.length).toBeGreaterThan(0);
      for (const [, file, title] of named) {
        const text = readFileSync(`tests/${file}.test.ts`, 'utf8');
        if (title === undefined) continue;
        // In a string, as a title is.
        const quoted = text.split('\n').filter((line) => /['"`]/.test(line.split(title)[0]!) && line.includes(title));
        expect(quoted, `${file}: ${title}`).not.toEqual([]);
      }
    },
  );

  it('every test of tests/security is named', () => {
    const named = lines.map((cells) => cells.at(-1)).join();
    for (const file of readdirSync('tests/security').filter((name) => name.endsWith('.test.ts')))
      expect(named).toContain(`\`security/${file.replace('.test.ts', '')}\``);
  });
});

describe('codes that are guessed', () => {
  it('look alike, and after 20 failures the address waits; a code that is used up is known, and costs nothing', async () => {
    expect(await page.redeemFor('203.0.113.1', ask('good'))).toEqual({ status: 201 });
    const off = await page.redeemFor('203.0.113.7', ask('off'));
    expect(await page.redeemFor('203.0.113.7', ask('none'))).toEqual(off);
    for (let time = 0; time < 25; time += 1)
      expect(await page.redeemFor('203.0.113.7', ask('good', 'bob'))).toMatchObject({
        message: expect.stringContaining('as often'),
      });
    for (let time = 2; time < 20; time += 1) expect(await page.redeemFor('203.0.113.7', ask(`X${time}`))).toEqual(off);
    expect(await page.redeemFor('203.0.113.7', ask('none'))).toMatchObject({ status: 429 });
    expect(await page.redeemFor('203.0.113.8', ask('none'))).toEqual(off);
  });
});

describe('advisory locks that a stranger takes', () => {
  it('stop a change of the installation and new codes of that shop until the timeout, and nothing else', async () => {
    const { rows } = await t.sql<{ key: string }>(
      `SELECT concat('public.promo_codes'::regclass::oid, ' s') AS key UNION ALL SELECT 'pg-promo-codes:pgpromocodes'`,
    );
    const taking = await t.client(stranger.login);
    for (const { key } of rows) await taking.query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [key]);
    const repository = new PromoCodeRepository(t.pool, { lockTimeoutMs: 100 });
    const timeout = { code: 'LOCK_TIMEOUT' };
    await expect(repository.create({ code: 'NEW', shopId: 's', bonusValue: 1 })).rejects.toMatchObject(timeout);
    await repository.create({ code: 'NEW', shopId: 'another', bonusValue: 1 });
    const change = installTriggers(t.pool, { counterWrites: 'reject' });
    await eventually(async () => {
      const { rowCount } = await t.sql(`SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND database =
        (SELECT oid FROM pg_database WHERE datname = current_database())`);
      expect(rowCount).toBe(1);
    });
    expect(await installTriggers(t.pool)).toMatchObject({ changed: false });
    expect(await repository.redeem({ ...ask('new'), shopId: 'another' })).toMatchObject({ ok: true });
    await taking.end();
    expect(await change).toMatchObject({ changed: true });
  });
});

describe('what is logged and shown', () => {
  it('the defaults of the server are what the page says', async () => {
    const { rows } = await t.sql(
      `SELECT name, boot_val FROM pg_settings WHERE name LIKE 'log_parameter_max_length%' ORDER BY name`,
    );
    expect(rows).toEqual([
      { name: 'log_parameter_max_length', boot_val: '-1' },
      { name: 'log_parameter_max_length_on_error', boot_val: '0' },
    ]);
  });

  it('the message of an error that a constraint raised has no address; its cause may', async () => {
    await t.sql('ALTER TABLE public.promo_code_uses ADD CONSTRAINT no_eve CHECK (customer_address NOT LIKE $$eve%$$)');
    const error = await page.promoCodes
      .redeem({ ...ask('new', 'eve@example.com'), shopId: 'another' }, { rateLimitKey: 'x' })
      .catch((thrown) => thrown);
    expect(error.message).toContain('no_eve');
    expect(error.message).not.toContain('eve@');
    expect(error.cause.detail).toContain('eve@');
  });

  it('a function without a pinned search_path is one of six, and PUBLIC may execute none', async () => {
    const { rows } = await t.sql(
      `SELECT count(*) FILTER (WHERE coalesce(array_to_string(proconfig, ' '), '') NOT LIKE '%search_path=pg_catalog, public, pg_temp%')::integer AS unpinned,
              count(*) FILTER (WHERE has_function_privilege($1, oid, 'EXECUTE'))::integer AS open
         FROM pg_proc WHERE pronamespace = 'pgpromocodes'::regnamespace`,
      [stranger.role],
    );
    expect(rows).toEqual([{ unpinned: 6, open: 0 }]);
  });
});

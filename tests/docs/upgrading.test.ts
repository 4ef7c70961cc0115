import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { installSchema, installTriggers, PromoCodeRepository, uninstallTriggers } from '../../src/index';
import { SQL_REVISION } from '../../src/inspect/definition';
import { runHere } from '../cli/command-line';
import { useDatabase } from '../support';
import { PAGE_LIMIT_MS, pageText, useProgram } from './page';

interface Page {
  pool: { end(): Promise<void> };
  isReady(): Promise<boolean>;
}

const t = useDatabase('upgrading');
const run = useProgram();
let page: Page;
beforeAll(async () => {
  page = await run('upgrading', { DATABASE_URL: t.url });
}, PAGE_LIMIT_MS);
afterAll(() => page?.pool.end());
beforeEach(async () => {
  await t.sql('DROP SCHEMA IF EXISTS public, pgpromocodes CASCADE; CREATE SCHEMA public');
  await installSchema(t.pool);
});

it('the readiness check says yes, what is not in order, and that the database is newer', async () => {
  const said: string[] = [];
  vi.spyOn(console, 'error').mockImplementation((text) => said.push(String(text)));
  try {
    expect(await page.isReady()).toBe(true);
    await t.sql('ALTER TABLE public.promo_code_uses DISABLE TRIGGER promo_code_uses_insert_trigger');
    expect(await page.isReady()).toBe(false);
    const { rows } = await t.sql<{ text: string }>(
      `SELECT pg_get_functiondef('pgpromocodes.promo_code_installation()'::regprocedure) AS text`,
    );
    await t.pool.query(rows[0]!.text.replace(/"usableFrom":\d+/, `"usableFrom":${SQL_REVISION + 1}`));
    expect(await page.isReady()).toBe(false);
  } finally {
    vi.restoreAllMocks();
  }
  expect(said).toEqual([
    `revision ${SQL_REVISION}: promo_code_uses_insert_trigger is disabled`,
    expect.stringContaining('newer pg-promo-codes'),
  ]);
});

it('looking first writes nothing', async () => {
  const [, command = ''] = /npx pg-promo-codes (install --dry-run)/.exec(pageText('upgrading')) ?? [];
  await t.sql('DROP TRIGGER promo_code_uses_delete_trigger ON public.promo_code_uses');
  const { stdout } = await runHere(command.split(' '), { env: { DATABASE_URL: t.url } });
  expect(stdout).toContain('Nothing was changed');
});

it('the way back: uninstalling keeps rows, forgets keys, and leaves holds as uses', async () => {
  const repository = new PromoCodeRepository(t.pool);
  const { id } = await repository.create({ code: 'A', shopId: 's', bonusValue: 1, perCustomerLimit: null });
  const ask = { code: 'A', shopId: 's', customerAddress: 'ann', baseReward: 1, idempotencyKey: 'k' };
  await repository.redeem(ask);
  await repository.reserve({ ...ask, idempotencyKey: undefined, ttlSeconds: 60 });
  await uninstallTriggers(t.pool);
  await t.sql('UPDATE public.promo_codes SET times_used = 0');
  expect((await installTriggers(t.pool)).repaired).toHaveLength(1);
  const later = new PromoCodeRepository(t.pool);
  expect(await later.redeem(ask)).toMatchObject({ ok: true, replayed: false });
  expect((await t.sql('SELECT FROM pgpromocodes.promo_code_holds')).rowCount).toBe(0);
  expect(await later.findById(id)).toMatchObject({ timesUsed: 3 });
});

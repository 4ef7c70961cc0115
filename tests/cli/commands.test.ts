import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkDrift, inspectTriggers, PromoCodeRepository, renderSql } from '../../src/index';
import { useRole, useSchema } from '../support';
import { changeUrl } from '../support/urls';
import { type Outcome, runHere } from './command-line';
import { makeDriftedShop } from './shop';

const t = useSchema('command line');
const role = useRole();
const folder = mkdtempSync(path.join(tmpdir(), 'pg-promo-codes-cli-'));
const PASSWORD = 'S3cret-of-the-host';

beforeAll(() => makeDriftedShop(t, t.schema));
afterAll(() => rmSync(folder, { recursive: true }));

/** On the schema of this file. */
const run = (...args: string[]) => runHere([...args, '--schema', t.schema], { env: { DATABASE_URL: t.url } });
const json = async (...args: string[]) => {
  const outcome = await run(...args, '--json');
  expect(outcome.stderr).toBe('');
  return { code: outcome.code, value: JSON.parse(outcome.stdout) };
};

describe('on a drifted database', () => {
  it('check: exit code 1 and what differs; --json is what checkDrift answers', async () => {
    const [shown, all, one, shop] = await Promise.all([
      run('check'),
      json('check'),
      json('check', '--limit', '1'),
      json('check', '--shop', 'shop-2'),
    ]);
    expect(shown).toMatchObject({ code: 1, stderr: '' });
    expect(shown.stdout).toMatch(/^2 codes differ from their uses:\n(.*\n){3}To do: `pg-promo-codes repair`/);
    const records = await checkDrift(t.pool, { schema: t.schema });
    expect(all).toEqual({ code: 1, value: records });
    expect(one).toEqual({ code: 1, value: records.slice(0, 1) });
    expect(shop).toEqual({ code: 0, value: [] });
    expect(await json('check', '--fail-fast')).toEqual({ code: 1, value: records.slice(0, 1) });
  });

  it('scrub: exit code 1 and what differs; --json is what scrubDrift answers, and status has its age', async () => {
    expect((await json('status')).value.oldestCheck).toBeNull();
    const shown = await run('scrub');
    expect(shown).toMatchObject({ code: 1, stderr: '' });
    expect(shown.stdout).toMatch(/^2 codes differ from their uses\. 3 codes compared now, all since \d{4}-.*Z\.\n/);
    const { code, value } = await json('scrub', '--duration', '1s');
    const drifted = await checkDrift(t.pool, { schema: t.schema });
    expect({ code, value }).toEqual({ code: 1, value: { checked: 3, drifted, oldestCheck: expect.any(String) } });
    expect((await json('status')).value.oldestCheck).toBe(value.oldestCheck);
    expect((await run('status')).stdout).toContain(`everything since ${value.oldestCheck}`);
    for (const wrong of [
      ['--duration', '1'],
      ['--rows-per-second', '0'],
      ['--duration', '1h', '--rows-per-second', '9'],
    ]) {
      expect(await run('scrub', ...wrong)).toMatchObject({ code: 2, stdout: '' });
    }
  });

  it('status: exit code 1, the SQL that fixes it, and what to do at the end', async () => {
    const [shown, { code, value }] = await Promise.all([run('status'), json('status')]);
    expect(shown.code).toBe(1);
    expect(shown.stdout).toContain('ENABLE TRIGGER "promo_code_uses_delete_trigger"');
    expect(shown.stdout.trimEnd().split('\n').at(-1)).toBe('  pg-promo-codes install   puts it in order and recounts');
    expect(code).toBe(1);
    expect(value).toMatchObject(JSON.parse(JSON.stringify(await inspectTriggers(t.pool, { schema: t.schema }))));
    expect(value).toMatchObject({ dueHolds: 0, oldKeys: 0, versions: { sqlRevision: 2 } });
  });

  it('stats: counters, days, and what is near a limit', async () => {
    const [all, one] = await Promise.all([json('stats', '--days', '7'), json('stats', ' summer ', '--days', '7')]);
    expect(all.value).toMatchObject({ codes: 3, activeCodes: 3, totalUses: 53, totalBonus: '265.00', shopId: null });
    expect(all.value.perDay.map(({ uses }: { uses: number }) => uses).reduce((a: number, b: number) => a + b)).toBe(53);
    expect(all.value.topCodes.map(({ code }: { code: string }) => code)).toEqual(['WELCOME', 'SUMMER']);
    expect(all.value.nearLimit.map(({ code }: { code: string }) => code)).toEqual(['SUMMER']);
    const repository = new PromoCodeRepository(t.pool, { schema: t.schema });
    const stats = await repository.usageStats(one.value.promoCodeId, { days: 7 });
    expect(one.value).toMatchObject({ ...stats, totalUses: 15, promoCode: { timesUsed: 17, totalUsageLimit: 18 } });
    expect(one.value.nearLimit).toHaveLength(1);
    const [shop, text] = await Promise.all([json('stats', '--shop', 'shop-2'), run('stats')]);
    expect(shop.value).toMatchObject({ codes: 1, totalUses: 0, shopId: 'shop-2', nearLimit: [] });
    expect(text.stdout).toMatch(/┼[\s\S]*Most used:[\s\S]*Near their limit/);
  });

  it('stats: who is near a budget', async () => {
    await t.sql(`UPDATE :"schema".promo_codes SET max_total_bonus = 200, min_base_reward = 1 WHERE code = 'WELCOME'`);
    const [shop, one] = await Promise.all([run('stats'), run('stats', 'welcome')]);
    await t.sql(`UPDATE :"schema".promo_codes SET max_total_bonus = NULL, min_base_reward = NULL`);
    expect(shop.stdout).toMatch(/Near their limit or budget[\s\S]*WELCOME .* of 200\.00 \(\d+ %\)/);
    expect(one.stdout).toMatch(
      /from a reward of 1\.00 on, active[\s\S]* of 200\.00 \(\d+ %\) in all, .*, near its budget/,
    );
  });

  it('stats --html: a page in a file', async () => {
    const file = path.join(folder, 'stats.html');
    expect(await run('stats', '--html', file)).toEqual({ code: 0, stdout: '', stderr: `Wrote ${file}.\n` });
    expect(readFileSync(file, 'utf8')).toMatch(/^<!doctype html>/);
    const refused = await run('stats', '--html', path.join(folder, 'none', 'stats.html'));
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('cannot be written') });
  });

  it('repair: tells with --dry-run, refuses where nobody can be asked, recounts with --yes', async () => {
    const records = await checkDrift(t.pool, { schema: t.schema });
    expect(await json('repair', '--dry-run')).toEqual({ code: 1, value: records });
    expect(await run('repair')).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('--yes') });
    expect(await json('repair', '--yes')).toEqual({ code: 0, value: records });
    expect(await checkDrift(t.pool, { schema: t.schema })).toEqual([]);
    expect(await run('repair', '--dry-run')).toMatchObject({ code: 0 });
    expect(await run('check')).toMatchObject({
      code: 0,
      stdout: 'No drift: every counter is what its uses add up to.\n',
    });
  });

  it('install: says what it would do, then does it, and status is in order', async () => {
    const config = path.join(folder, 'promo-codes.json');
    writeFileSync(config, JSON.stringify({ counterWrites: 'reject', timeZone: 'Europe/Berlin' }));
    const rehearsal = await json('install', '--dry-run', '--config', config, '--enforce-limits');
    expect(rehearsal).toMatchObject({ code: 0, value: { changed: true } });
    expect(rehearsal.value.replaced).toContain('promo_code_uses_delete_trigger');
    expect((await inspectTriggers(t.pool, { schema: t.schema })).ok).toBe(false);
    const installed = await run('install', '--config', config, '--counter-writes', 'allow');
    expect(installed).toMatchObject({ code: 0, stderr: '' });
    expect(installed.stdout).toMatch(/^Installed; triggers count once per statement\.\nReplaced \(\d+\)/);
    const { code, value } = await json('status');
    expect(code).toBe(0);
    expect(value).toMatchObject({ ok: true, counterWrites: 'allow', enforceLimits: false, timeZone: 'Europe/Berlin' });
    expect(await run('install', '--no-enforce-limits')).toMatchObject({ stdout: expect.stringContaining('in place') });
    const shown = await run('status');
    expect(shown.stdout.trimEnd().split('\n').length).toBeLessThanOrEqual(24);
    for (const line of shown.stdout.split('\n'))
      expect(line.length).toBeLessThanOrEqual(t.schema.length + t.library.length + 80);
  });

  it('prune and release: old keys and due holds, which status counts', async () => {
    const repository = new PromoCodeRepository(t.pool, { schema: t.schema });
    const request = { code: 'SPRING', shopId: 'shop-2', baseReward: 10, customerAddress: 'ann' };
    await repository.redeem({ ...request, idempotencyKey: 'old' });
    await repository.reserve({ ...request, customerAddress: 'bob', ttlSeconds: 600 });
    await t.sql(`UPDATE :"library".promo_code_idempotency_keys SET created_at = now() - interval '91 days'`);
    await t.sql(`UPDATE :"library".promo_code_holds SET expires_at = now() - interval '1 second'`);
    expect((await json('status')).value).toMatchObject({ dueHolds: 1, oldKeys: 1, ok: true });
    expect((await run('status')).stdout).toMatch(/1 hold due, 1 key older[\s\S]*codes release[\s\S]*codes prune/);
    expect(await json('prune', '--older-than-days', '92')).toEqual({ code: 0, value: { pruned: 0 } });
    expect(await json('prune')).toEqual({ code: 0, value: { pruned: 1 } });
    expect(await json('release')).toEqual({ code: 0, value: { released: 1, remaining: false } });
    expect((await run('release')).stdout).toBe('Released 0 holds whose time had run out.\n');
  });

  it('sql: what renderSql writes, without a connection', async () => {
    const script = await runHere([
      'sql',
      'triggers',
      '--schema',
      'shop',
      '--counter-writes',
      'reject',
      '--grant-to',
      'app',
    ]);
    expect(script).toEqual({
      ...{ code: 0, stderr: '' },
      stdout: renderSql('triggers', { schema: 'shop', counterWrites: 'reject', grantTo: ['app'] }),
    });
    expect(JSON.parse((await runHere(['sql', 'drift', '--json'])).stdout)).toBe(renderSql('drift'));
    const unknown = await runHere(['sql', 'trigers']);
    expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('Did you mean triggers?') });
  });

  it('uninstall: only with --yes where nobody can be asked', async () => {
    const own = `${t.schema} to remove`;
    const more = await runHere(['install', '--create-tables', '--schema', own, '--url', t.url]);
    expect(more).toMatchObject({ code: 0, stderr: '' });
    expect(await runHere(['uninstall', '--schema', own, '--url', t.url])).toMatchObject({ code: 2, stdout: '' });
    const { stdout, code } = await runHere(['uninstall', '--yes', '--json', '--schema', own, '--url', t.url]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout).removed).toContain('promo_code_uses_insert_trigger');
    await t.pool.query(`DROP SCHEMA "${own.replaceAll('"', '""')}" CASCADE`);
  });
});

describe('what cannot be', () => {
  /** One line, without a stack and without the password. */
  const line = (outcome: Outcome, code: number, ...parts: string[]) => {
    expect(outcome).toMatchObject({ code, stdout: '' });
    expect(outcome.stderr.trimEnd().split('\n')).toHaveLength(1);
    for (const part of parts) expect(outcome.stderr).toContain(part);
    expect(outcome.stderr).not.toContain(PASSWORD);
  };
  const status = (url: string, ...args: string[]) => runHere(['status', '--url', url, ...args]);

  it('connect: exit code 3, and which of host, user and database it was', async () => {
    const nobody = `postgresql://someone:${PASSWORD}@127.0.0.1:1/shop`;
    line(await status(nobody), 3, 'could not be reached at 127.0.0.1:1, database shop', '--url or DATABASE_URL');
    line(await status(changeUrl(t.url, { database: 'no_such_database' })), 3, 'no_such_database', 'Create it');
    line(await status(changeUrl(t.url, { user: 'no_such_user', password: PASSWORD })), 3, 'no_such_user');
    const debug = await status(nobody, '--debug');
    expect(debug.stderr).toMatch(/\n {4}at /);
    expect(debug.stderr).not.toContain(PASSWORD);
  });

  it('be read: exit code 2, and what was meant', async () => {
    line(await runHere(['chek']), 2, 'Did you mean check?');
    line(await runHere(['check', '--limt', '3']), 2, 'Did you mean --limit?');
    line(await runHere(['check', '--shema', 'x']), 2, 'Did you mean --schema?');
    line(await runHere(['check', '--limit', 'ten']), 2, 'a whole number from 1');
    line(await runHere([`--urll=postgres://a:${PASSWORD}@b/c`, 'status']), 2, 'Did you mean --url?');
    line(await runHere([`postgres://a:${PASSWORD}@b/c`]), 2, 'unknown command');
    line(await runHere(['install', '--counter-writes', 'maybe']), 2, 'ignore, allow, reject');
    line(await status(`host=localhost password=${PASSWORD}`), 2, 'must begin with postgresql://');
    line(await status(`postgresql://a:${PASSWORD}#/@[`), 2, 'is no URL');
    line(await runHere(['install', '--config', 'no.json', '--url', t.url]), 2, '--config no.json cannot be read');
    const none = await runHere([]);
    expect(none).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('Usage: pg-promo-codes') });
  });

  it('be an option of the library: exit code 2, and what was meant', async () => {
    const config = path.join(folder, 'wrong.json');
    writeFileSync(config, JSON.stringify({ counterWrite: 'allow' }));
    line(await run('install', '--config', config), 2, 'counterWrites?');
    writeFileSync(config, '{');
    line(await run('install', '--config', config), 2, 'is not JSON');
    line(await status(t.url, '--schema', 'x'.repeat(64)), 2, '--schema: must be at most 63 bytes long');
  });

  it('be found: exit code 1, and what to do', async () => {
    line(
      await status(t.url, '--schema', 'no_such_schema'),
      1,
      'There is no schema no_such_schema',
      'install --create-tables',
    );
    line(await runHere(['stats', 'X', '--schema', 'no_such_schema', '--url', t.url]), 1, 'no_such_schema');
    line(await run('stats', 'NOPE'), 1, 'There is no code NOPE.');
    line(await run('locks', 'NOPE'), 1, 'There is no code NOPE.');
    line(await run('stats', '--time-zone', 'Nowhere'), 2, 'Europe/Berlin');
  });

  it('be done by this role: exit code 1, and who can', async () => {
    const url = changeUrl(t.url, role.login);
    const as = (...args: string[]) => runHere([...args, '--schema', t.schema, '--url', url]);
    line(await as('check'), 1, 'may not do that', 'Connect as the owner');
    line(
      await as('install', '--counter-writes', 'reject'),
      1,
      'Let the owner of the tables',
      'pg-promo-codes sql triggers',
    );
  });
});

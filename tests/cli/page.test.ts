import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import type { CodesStats } from '../../src/cli/stats/read-stats';
import { statsPage } from '../../src/cli/stats/stats-page';
import type { Campaign, PromoCode } from '../../src/index';
import { isWhole } from '../support';

const code: PromoCode = {
  ...{ id: '1', code: '<SUMMER & "sun">', shopId: 'a-shop-with-a-name-that-does-not-fit-a-phone', name: null },
  ...{ description: null, bonusType: 'percentage', bonusValue: '15.15', maxBonus: '20.00', isActive: true },
  ...{ startDate: new Date(0), endDate: new Date(8.64e15), createdAt: new Date(0), updatedAt: new Date(0) },
  ...{ totalUsageLimit: 20, perCustomerLimit: 1, timesUsed: 17, totalBonusIssued: '85.00' },
  ...{ maxTotalBonus: '100.00', budgetOverrun: 'refuse', minBaseReward: null, customerAddress: null, metadata: null },
  campaignId: null,
};
const campaign: Campaign = {
  ...{ id: '7', shopId: 'shop', name: '<b>Summer</b>', isActive: true, startDate: null, endDate: null, metadata: null },
  ...{ totalUsageLimit: 1_000, perCustomerLimit: 2, maxTotalBonus: null, budgetOverrun: 'refuse' },
  ...{ timesUsed: 840, totalBonusIssued: '4200.00', createdAt: new Date(0), updatedAt: new Date(0) },
};
const perDay = Array.from({ length: 90 }, (_, day) => ({
  date: new Date(Date.UTC(2026, 0, 1 + day)).toISOString().slice(0, 10),
  uses: day % 7,
  bonus: `${day % 7}.50`,
}));
const stats: CodesStats = {
  ...{ shopId: null, codes: 1, activeCodes: 1, totalUses: 17, totalBonus: '85.00', timeZone: 'UTC', perDay },
  ...{ totalBaseReward: '170.00', averageBonus: '5.00', distinctCustomers: 16 },
  ...{ topCodes: [code], nearLimit: [code], campaigns: [campaign] },
};
const page = statsPage(stats, new Date('2026-03-31T12:00:00Z'));

describe('the page of stats --html', () => {
  it('needs nothing beside it and runs nothing', () => {
    expect(page).not.toMatch(/<script|<link|<img|src=|href=|url\(|@import/i);
    expect(page).toContain(`default-src 'none'`);
    expect(page).toMatch(/prefers-color-scheme: dark[\s\S]*@media print/);
  });

  it('writes what stands in the database as text', () => {
    expect(page).toContain('&lt;SUMMER &amp; &quot;sun&quot;&gt;');
    expect(page).not.toContain('<SUMMER');
    expect(page).toContain('<td>&lt;b&gt;Summer&lt;/b&gt;</td>');
    expect(page).toContain('no end');
    expect(page).toContain('85.00 of 100.00 (85 %)');
  });

  it('has a chart with a name, and its figures as a table', () => {
    expect(page.match(/<svg [^>]*role="img" aria-label="[^"]+"/g)).toHaveLength(2);
    expect(page.match(/<rect /g)).toHaveLength(180);
    expect(page).toContain('<td>2026-01-01</td>');
    expect(statsPage({ ...stats, perDay: [] }, new Date())).toContain('there is no chart');
  });

  it('of one code says how near its limit it is', () => {
    const usage = { promoCodeId: '1', totalUses: 17, totalBonus: '85.00', totalBaseReward: '170.00' };
    const more = {
      distinctCustomers: 17,
      averageBonus: '5.00',
      timeZone: 'UTC',
      perDay,
      promoCode: code,
      nearLimit: [],
    };
    const alone = statsPage({ ...usage, ...more, campaign: null }, new Date());
    expect(alone).toContain('17 of 20 (85 %)');
    expect(alone).not.toContain('Campaign');
    const together = statsPage({ ...usage, ...more, campaign }, new Date());
    expect(together).toContain('&lt;b&gt;Summer&lt;/b&gt; (id 7): 840 of 1,000 (84 %)');
  });
});

const chromium = spawnSync('chromium', ['--version'], { stdio: 'ignore' }).status === 0;
if (!chromium)
  process.stderr.write('SKIPPED: the page of stats --html in a browser, because chromium is not installed\n');

describe.skipIf(!chromium || !isWhole)('in a browser', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'pg-promo-codes-page-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** What a script in the page finds, which only this copy of it may run. */
  const measure = (width: number, ...more: string[]) => {
    const file = path.join(folder, `${width}.html`);
    const script = `<script>document.title = JSON.stringify({
      overflow: document.documentElement.scrollWidth - innerWidth,
      bars: document.querySelector('rect:nth-of-type(7)').getBoundingClientRect().height,
      paper: getComputedStyle(document.body).backgroundColor })</script></body>`;
    writeFileSync(file, page.replace(/<meta http-equiv[^>]*>/, '').replace('</body>', script));
    const flags = ['--headless', '--no-sandbox', '--disable-gpu', `--user-data-dir=${folder}/profile`];
    const dom = execFileSync(
      'chromium',
      [...flags, ...more, `--window-size=${width},800`, '--dump-dom', pathToFileURL(file).href],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 25_000 },
    );
    return JSON.parse(/<title>(.*?)<\/title>/.exec(dom)![1]!.replaceAll('&quot;', '"'));
  };

  it.each([1_280, 500])('fits a window %i pixels wide', (width) => {
    const { overflow, bars, paper } = measure(width);
    expect(overflow).toBeLessThanOrEqual(0);
    expect(bars).toBeGreaterThan(100);
    expect(paper).toBe('rgb(255, 255, 255)');
  });

  it('is dark where the system is', () => {
    expect(measure(1_280, '--force-dark-mode', '--blink-settings=preferredColorScheme=0').paper).toBe(
      'rgb(20, 25, 31)',
    );
  });
});

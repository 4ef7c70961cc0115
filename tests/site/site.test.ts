import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type { Browser, Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromium, findOverflow, openBrowser, watchFaults } from './browser';
import { serve } from './serve';

const SITE = 'docs/.vitepress/dist';
if (!existsSync(SITE)) throw new Error(`There is no ${SITE}: npm run docs builds it`);
const pages = readdirSync(SITE, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.html') && file !== '404.html')
  .sort();

/** Where pictures of every page go; none are taken where it is not set. */
const pictures = process.env.DOCS_SCREENSHOTS;

/** A window and a phone, in an order that changes the scheme as rarely as it can. */
const STATES = [
  [1_280, ['light', 'dark']],
  [390, ['dark', 'light']],
] as const;

if (chromium === '') process.stderr.write('SKIPPED: the site in a browser, because chromium is not installed\n');

describe.skipIf(chromium === '')('the site', () => {
  let browser: Browser;
  let site: Awaited<ReturnType<typeof serve>>;
  let tab: Page;
  let faults: () => string[];
  beforeAll(async () => {
    [browser, site] = await Promise.all([openBrowser(), serve(SITE)]);
    tab = await browser.newPage();
    faults = watchFaults(tab);
  });
  afterAll(async () => {
    await browser?.close();
    site?.close();
  });

  /** Loads a page, and waits until its script has taken over. */
  async function open(page: string): Promise<void> {
    await tab.goto(`${site.url}/${page}`);
    await tab.waitForFunction(() => '__vue_app__' in (document.querySelector('#app') ?? {}));
  }

  async function picture(page: string, width: number, scheme: string): Promise<void> {
    if (pictures === undefined) return;
    const file = path.join(pictures, `${page.replace(/\.html$/, '').replaceAll('/', '_')}-${width}-${scheme}.png`);
    mkdirSync(pictures, { recursive: true });
    await tab.screenshot({ path: file as `${string}.png`, fullPage: true });
  }

  it('has pages', () => {
    expect(pages.length).toBeGreaterThan(100);
  });

  it.each(pages)('fits a window and a phone, light and dark, and reports nothing: %s', async (page) => {
    await open(page);
    for (const [width, schemes] of STATES) {
      await tab.setViewport({ width, height: 800 });
      const papers = new Set<string>();
      for (const scheme of schemes) {
        await tab.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
        await tab.waitForFunction(
          (isDark) => document.documentElement.classList.contains('dark') === isDark,
          {},
          scheme === 'dark',
        );
        papers.add(await tab.evaluate(() => getComputedStyle(document.body).backgroundColor));
        expect(await tab.evaluate(findOverflow), `${width}, ${scheme}`).toEqual([]);
        await picture(page, width, scheme);
      }
      expect(papers.size, 'light is another colour than dark').toBe(2);
    }
    expect(faults()).toEqual([]);
  });

  it('is searched: a word of a guide and the name of a function lead to their pages', async () => {
    await tab.setViewport({ width: 1_280, height: 800 });
    for (const [words, address] of [
      ['idempotency key', '/exactly-once.html'],
      ['checkDrift', '/api/pg-promo-codes/functions/checkDrift.html'],
    ] as const) {
      await open('');
      await tab.click('#local-search button');
      await tab.locator('.search-input').fill(words);
      await tab.locator(`.result[href^="${address}"]`).click();
      await tab.waitForFunction((path) => location.pathname === path, {}, address);
      expect(faults()).toEqual([]);
    }
  });

  it('goes from page to page without a load: the sidebar leads to every guide', async () => {
    await open('getting-started.html');
    const links = await tab.$$eval('.VPSidebar a', (found) =>
      found.map((link) => new URL(link.href).pathname.slice(1)),
    );
    const guides = pages.filter((page) => !/^(api|files)\/|^index/.test(page));
    for (const guide of guides) expect(links).toContain(guide);
    await tab.click('.VPSidebar a[href="/adopting.html"]');
    await tab.waitForFunction(() => location.pathname === '/adopting.html' && document.title.startsWith('Adopting'));
    expect(faults()).toEqual([]);
  });
});

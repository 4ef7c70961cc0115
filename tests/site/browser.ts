import { spawnSync } from 'node:child_process';
import type { Browser, Page } from 'puppeteer-core';
import puppeteer from 'puppeteer-core';

/** Debian's chromium, where it is installed. */
export const chromium = spawnSync('sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).stdout.trim();

export function openBrowser(): Promise<Browser> {
  return puppeteer.launch({
    executablePath: chromium,
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
  });
}

/** What goes wrong in a tab, as it is noticed; the list is emptied by who reads it. */
export function watchFaults(tab: Page): () => string[] {
  let faults: string[] = [];
  tab.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warn') faults.push(`console: ${message.text()}`);
  });
  tab.on('pageerror', (error) => faults.push(`exception: ${String(error)}`));
  tab.on('requestfailed', (request) => {
    // A page that is left gives up what it was prefetching.
    if (request.failure()?.errorText !== 'net::ERR_ABORTED') faults.push(`request: ${request.url()}`);
  });
  tab.on('response', (response) => {
    if (response.status() >= 400) faults.push(`${response.status()}: ${response.url()}`);
  });
  return () => {
    const found = faults;
    faults = [];
    return found;
  };
}

/** What stands out of the window to the right, and cannot be scrolled to within the page. */
export function findOverflow(): string[] {
  const limit = document.documentElement.clientWidth + 1;
  const isCut = (element: Element | null): boolean =>
    element !== null && (getComputedStyle(element).overflowX !== 'visible' || isCut(element.parentElement));
  const found = [...document.querySelectorAll('.VPContent *')].filter((element) => {
    const { right, width } = element.getBoundingClientRect();
    return width > 0 && right > limit && !isCut(element.parentElement);
  });
  const names = found.map((element) => `${element.tagName} ${element.textContent?.trim().slice(0, 60)}`);
  const { scrollWidth } = document.documentElement;
  return scrollWidth > limit ? [`the page is ${scrollWidth} wide`, ...names] : names;
}

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** What every link of a built site leads to, fragments included; VitePress itself checks no fragments. */
export function checkLinks(site: string): void {
  const pages = new Map<string, string>();
  for (const file of readdirSync(site, { recursive: true, encoding: 'utf8' })) {
    if (file.endsWith('.html'))
      pages.set(`/${file.replaceAll(path.sep, '/')}`, readFileSync(path.join(site, file), 'utf8'));
  }
  const anchors = new Map<string, Set<string>>();
  for (const [page, html] of pages) {
    anchors.set(page, new Set([...html.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id!)));
  }
  const dead = new Map<string, string[]>();
  for (const [page, html] of pages) {
    for (const [, href = ''] of html.matchAll(/<a\s[^>]*href="([^"]+)"/g)) {
      if (/^[a-z]+:/i.test(href)) continue;
      const url = new URL(href.replaceAll('&amp;', '&'), `http://site${page}`);
      const target = url.pathname.endsWith('/') ? `${url.pathname}index.html` : url.pathname;
      const fragment = decodeURIComponent(url.hash.slice(1));
      const there = anchors.get(decodeURI(target));
      if (there !== undefined && (fragment === '' || there.has(fragment))) continue;
      dead.set(url.pathname + url.hash, [...(dead.get(url.pathname + url.hash) ?? []), page]);
    }
  }
  if (dead.size === 0) return;
  const lines = [...dead].map(([link, from]) => `${link}, linked to on ${from.length} pages, such as ${from[0]}`);
  throw new Error(`Links that lead nowhere:\n${lines.join('\n')}`);
}

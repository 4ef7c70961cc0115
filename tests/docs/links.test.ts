import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import GithubSlugger from 'github-slugger';
import { expect, it } from 'vitest';
import { PAGES, proseOf } from './code-blocks';

/** Pages that others link to, and that have links of their own. */
const FILES = [...PAGES, 'CHANGELOG.md'];

/** Where the links and pictures of a page lead: a path of the repository, and a fragment. */
function linksOf(page: string): { file: string; fragment: string }[] {
  return [...proseOf(page).matchAll(/\]\(([^()\s]+)\)/g)]
    .map(([, link]) => link!)
    .filter((link) => !/^([a-z]+:|\/)/i.test(link))
    .map((link) => {
      const [target = '', fragment = ''] = link.split('#');
      return { file: target === '' ? page : path.join(path.dirname(page), target), fragment };
    });
}

/** The anchors of the headings of a page, as code hosts, npm and the site give them. */
function anchorsOf(page: string): string[] {
  const slugger = new GithubSlugger();
  const text = (heading: string) => heading.replaceAll(/`|\*\*/g, '').replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1');
  return [...proseOf(page).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading]) => slugger.slug(text(heading!)));
}

it.each(FILES)('every link leads to a file, and to a heading where it says so: %s', (page) => {
  for (const { file, fragment } of linksOf(page)) {
    expect(existsSync(file), file).toBe(true);
    if (fragment !== '') expect(anchorsOf(file), file).toContain(fragment);
  }
});

it('links work in the package as well: what pages link to is packed with them', () => {
  const answer = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { encoding: 'utf8' });
  const packed = (JSON.parse(answer)[0].files as { path: string }[]).map((file) => file.path);
  const pages = FILES.filter((page) => page !== 'docs/index.md');
  expect(packed).toEqual(expect.arrayContaining(pages));
  expect(packed.filter((file) => /^docs\/(index\.md|api|files|public|\.vitepress)/.test(file))).toEqual([]);
  for (const page of pages) {
    for (const { file } of linksOf(page)) expect(packed, `${page} links to ${file}`).toContain(file);
  }
});

it('the README has the picture that the site begins with, and fits a page', () => {
  const readme = readFileSync('README.md', 'utf8');
  expect(readme).toMatch(/!\[[^\]]+\]\(docs\/images\/counters\.svg\)/);
  expect(readme.split('\n').length).toBeLessThan(140);
});

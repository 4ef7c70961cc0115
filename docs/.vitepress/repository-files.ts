import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

// Guides link to files of the repository that are not below docs/, as they do on a code host and in the package. The site shows
// each of these files on a page below /files/, so a reader of the site never leaves it.

export const ROOT = path.resolve(import.meta.dirname, '../..');
const DOCS = path.join(ROOT, 'docs');

/** The languages in which files are shown, by the ending of the file. */
const LANGUAGES: Record<string, string> = { yml: 'yaml', mjs: 'js' };

/** A link or a picture of Markdown, outside of code. */
const LINK = /(!?\[[^\]]*\]\()([^()\s]+)(\))/g;

export interface FilePage {
  params: { file: string };
  content: string;
}

/** Where a link of a file leads: a path of the repository, with the fragment apart; null for a link to elsewhere. */
function resolveLink(link: string, from: string): { file: string; fragment: string } | null {
  if (/^([a-z]+:|\/|#)/i.test(link)) return null;
  const [target = '', fragment] = link.split('#');
  const file = path.resolve(path.dirname(from), decodeURI(target));
  if (!existsSync(file) || !statSync(file).isFile()) {
    throw new Error(`${path.relative(ROOT, from)} links to ${link}, and there is no such file`);
  }
  return { file, fragment: fragment === undefined ? '' : `#${fragment}` };
}

function slashed(file: string): string {
  return file.replaceAll(path.sep, '/');
}

/** The name of the page that shows a file. */
function pageOf(file: string): string {
  return slashed(path.relative(ROOT, file)).replace(/\.md$/, '');
}

/** The address of a file on the site, as a link that VitePress checks. */
function addressOf(file: string): string {
  const isGuide = !path.relative(DOCS, file).startsWith('..');
  return isGuide ? `/${slashed(path.relative(DOCS, file))}` : `/files/${pageOf(file)}.md`;
}

/** What a link of a guide is on the site: unchanged below docs/, a page of /files/ otherwise. */
export function siteLink(link: string, from: string): string {
  const target = resolveLink(link, from);
  if (target === null || !path.relative(DOCS, target.file).startsWith('..')) return link;
  return addressOf(target.file) + target.fragment;
}

function withoutCode(markdown: string): string {
  return markdown.replaceAll(/^(`{3,})[\s\S]*?^\1$/gm, '').replaceAll(/`[^`\n]*`/g, '');
}

function linkedFiles(file: string): string[] {
  const links = [...withoutCode(readFileSync(file, 'utf8')).matchAll(LINK)].map(([, , link = '']) => link);
  return links.flatMap((link) => resolveLink(link, file)?.file ?? []);
}

function contentOf(file: string): string {
  const text = readFileSync(file, 'utf8');
  const name = path.relative(ROOT, file);
  if (!file.endsWith('.md')) {
    const ending = path.extname(file).slice(1);
    return `# ${name}\n\n\`\`\`\`${LANGUAGES[ending] ?? ending}\n${text}\`\`\`\`\n`;
  }
  return text.replaceAll(LINK, (whole, before: string, link: string, after: string) => {
    const target = resolveLink(link, file);
    if (target === null) return whole;
    if (!before.startsWith('!')) return before + addressOf(target.file) + target.fragment + after;
    return `<img src="@repository/${path.relative(ROOT, target.file)}" alt="${before.slice(2, -2)}">`;
  });
}

/** The change log, every file that a guide links to, and what those link to in their turn. */
export function filePages(guides: string[]): FilePage[] {
  const waiting = [...guides.map((page) => path.join(DOCS, `${page}.md`)), path.join(ROOT, 'CHANGELOG.md')];
  const seen = new Set(waiting);
  for (const file of waiting) {
    if (!file.endsWith('.md')) continue;
    for (const linked of linkedFiles(file)) {
      if (seen.has(linked) || linked.endsWith('.svg')) continue;
      seen.add(linked);
      waiting.push(linked);
    }
  }
  return waiting
    .filter((file) => path.relative(DOCS, file).startsWith('..'))
    .map((file) => ({ params: { file: pageOf(file) }, content: contentOf(file) }));
}

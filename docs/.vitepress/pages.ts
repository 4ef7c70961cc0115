import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { DefaultTheme } from 'vitepress';

const DOCS = path.resolve(import.meta.dirname, '..');

interface Group {
  text: string;
  pages: string[];
}

/** The pages below the page of that name. */
const BELOW: Record<string, string[]> = {
  'in-your-transaction': [
    ...['pg', 'kysely', 'drizzle', 'knex', 'prisma', 'typeorm', 'sequelize', 'mikro-orm', 'postgres-js', 'pglite'],
  ],
};

/** Every guide, in the order of the navigation. A guide that is not listed here, or is listed and not there, ends the build. */
const GROUPS: Group[] = [
  { text: 'Start', pages: ['getting-started', 'adopting', 'hosts', 'installing', 'migrations', 'testing', 'faq'] },
  {
    text: 'Redeem',
    pages: ['redeeming', 'codes', 'campaigns', 'in-your-transaction', 'limits-and-holds', 'exactly-once', 'errors'],
  },
  {
    text: 'Operate',
    pages: ['cli', 'drift', 'history', 'archiving', 'operations', 'scale', 'observability', 'security', 'upgrading'],
  },
  { text: 'Look up', pages: ['requirements', 'schema-reference', 'performance'] },
  { text: 'Look inside', pages: ['how-it-works', 'how-it-counts', 'torture', 'contributing'] },
];

/** What is rendered and is no guide: the landing page, and the template of the files that guides link to. */
const OTHERS = ['index.md', 'files/[file].md'];

function titleOf(page: string): string {
  const title = /^# (.+)$/m.exec(readFileSync(path.join(DOCS, `${page}.md`), 'utf8'))?.[1];
  if (title === undefined) throw new Error(`docs/${page}.md has no title: a line that begins with '# '`);
  return title.replaceAll('`', '');
}

function itemOf(page: string): DefaultTheme.SidebarItem {
  const item = { text: titleOf(page), link: `/${page}` };
  const below = BELOW[page]?.map((name) => itemOf(`${page}/${name}`));
  return below === undefined ? item : { ...item, items: below, collapsed: true };
}

/** Every guide by its path below docs/, without the ending. */
export function guidePages(): string[] {
  const listed = GROUPS.flatMap((group) =>
    group.pages.flatMap((page) => [page, ...(BELOW[page] ?? []).map((name) => `${page}/${name}`)]),
  );
  const present = readdirSync(DOCS, { recursive: true, encoding: 'utf8' })
    .map((file) => file.replaceAll(path.sep, '/'))
    .filter((file) => file.endsWith('.md') && !/^(api|\.vitepress)\//.test(file) && !OTHERS.includes(file))
    .map((file) => file.replace(/\.md$/, ''));
  const missing = listed.filter((page) => !present.includes(page));
  const unlisted = present.filter((page) => !listed.includes(page));
  if (missing.length > 0)
    throw new Error(`docs/.vitepress/pages.ts lists pages that are not there: ${missing.join(', ')}`);
  if (unlisted.length > 0) throw new Error(`docs/.vitepress/pages.ts does not list: ${unlisted.join(', ')}`);
  return listed;
}

/** The guides as the sidebar shows them. */
export function guideSidebar(): DefaultTheme.SidebarItem[] {
  guidePages();
  return GROUPS.map(({ text, pages }) => ({ text, items: pages.map(itemOf) }));
}

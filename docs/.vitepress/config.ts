import { readFileSync } from 'node:fs';
import path from 'node:path';
import { slug } from 'github-slugger';
import { type DefaultTheme, defineConfig } from 'vitepress';
import { checkLinks } from './check-links';
import { guideSidebar } from './pages';
import { ROOT, siteLink } from './repository-files';
import { strictLogger } from './strict-logger';

const { description, version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8'));

/** What TypeDoc has written; `npm run docs` runs it first. */
const api: DefaultTheme.SidebarItem[] = JSON.parse(
  readFileSync(path.join(ROOT, 'docs/api/typedoc-sidebar.json'), 'utf8'),
);

export default defineConfig({
  title: 'pg-promo-codes',
  description,
  lang: 'en',
  // The sidebar has links to every page; a page is loaded when it is asked for.
  router: { prefetchLinks: false },
  head: [['link', { rel: 'icon', type: 'image/svg+xml', href: '/logo.svg' }]],
  themeConfig: {
    logo: '/logo.svg',
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [
      { text: 'Guide', link: '/getting-started', activeMatch: '^/(?!api/|files/|$)' },
      { text: 'API', link: '/api/', activeMatch: '^/api/' },
      { text: version, link: '/files/CHANGELOG.md' },
    ],
    sidebar: [...guideSidebar(), { text: 'API', link: '/api/', collapsed: true, items: api }],
  },
  markdown: {
    // The anchors that code hosts and npm give to headings, so that a link works there and here.
    anchor: { slugify: slug },
    languageAlias: { crontab: 'shell' },
    config(md) {
      md.core.ruler.push('repository-files', ({ tokens, env }) => {
        for (const token of tokens.flatMap(({ children }) => children ?? [])) {
          const link = token.type === 'link_open' ? token.attrGet('href') : null;
          if (link !== null) token.attrSet('href', siteLink(link, env.path));
        }
      });
    },
  },
  vite: {
    customLogger: strictLogger,
    resolve: { alias: { '@repository': ROOT } },
    // The search index and the highlighted API are what they are.
    build: { chunkSizeWarningLimit: 5_000 },
  },
  buildEnd: ({ outDir }) => checkLinks(outDir),
});

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { cases, useDatabase } from '../support';
import { blocksOf, pageText, printedBy, useModules } from './page';

const PAGE = 'in-your-transaction';
const pages = readdirSync(`docs/${PAGE}`).map((file) => file.replace(/\.md$/, ''));
const everyday = cases('examples', pages, (page) => page !== 'pglite');
/** They take a connection string apart by themselves, and know no names that are written with a percent sign there. */
const OWN_URLS = ['mikro-orm', 'postgres-js', 'sequelize'];
const [, setup = '', attempt = ''] = blocksOf(PAGE, 'ts');
const said = [...(/^prints (.*)$/m.exec(pageText(PAGE))?.[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, text]) => text);

const database = useDatabase('adapter examples');
const run = useModules();
const isHostile = !/^\/\w+$/.test(new URL(database.url).pathname);
if (isHostile) console.log(`SKIPPED: ${OWN_URLS.join(', ')}, because of the name of the database`);
beforeAll(() => run({ 'setup.ts': setup }, { DATABASE_URL: database.url }));

it('has a page for each example, and a row for each page', () => {
  expect(readdirSync('examples/adapters').filter((file) => file.endsWith('.ts'))).toEqual(
    pages.map((page) => `${page}.ts`),
  );
  for (const page of pages) expect(pageText(PAGE)).toContain(`](${PAGE}/${page}.md)`);
});

describe.each(pages)('%s', (page) => {
  const [program = ''] = blocksOf(path.join(PAGE, page), 'ts');

  // PGlite takes seconds to start, and pglite.test.ts has started one.
  it.runIf(everyday.includes(page) && !(isHostile && OWN_URLS.includes(page)))(
    'places an order with its promo code, or neither',
    async () => {
      const printed = await printedBy(() =>
        run({ 'order.ts': program, 'try.ts': attempt }, { DATABASE_URL: database.url }),
      );
      expect(printed.map(([line]) => line)).toEqual(said);
    },
  );

  it('shows what examples/adapters has, which is compiled and linted', () => {
    expect(program).toBe(readFileSync(`examples/adapters/${page}.ts`, 'utf8'));
  });
});

it('an order whose promo code was refused is not there', async () => {
  const { rows } = await database.sql(
    `SELECT (SELECT count(*) FROM orders) = (SELECT count(*) FROM promo_code_uses) AS same FROM orders LIMIT 1`,
  );
  expect(rows).toEqual([{ same: true }]);
});

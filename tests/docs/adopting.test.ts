import { beforeAll, expect, it } from 'vitest';
import { redeem } from '../../examples/demo/old-application';
import { useDatabase } from '../support';
import { SEED_TABLES } from '../support/host-tables';
import { blocksOf, pageText, printedBy, useModules } from './page';

const t = useDatabase('adopting');
const page = pageText('adopting');
const run = useModules();

/** The programs of the page by the name in their first line. */
const programs = new Map(blocksOf('adopting', 'js').map((code) => [/^\/\/ (\S+\.mjs)/.exec(code)?.[1] ?? '', code]));

/** `node <name>` on the database of this file; gives what it prints. */
async function node(name: string): Promise<string[]> {
  const printed = await printedBy(() => run({ [name]: programs.get(name) ?? '' }, { DATABASE_URL: t.url }));
  return printed.map(([line]) => String(line));
}

/** What a proof of the page promises. */
function promised(step: string): string[] {
  const section = page.split(/^## /m).find((text) => text.startsWith(step)) ?? '';
  const proof = section.split('**Proof:**')[1] ?? '';
  return [...proof.matchAll(/`([^`]+)`/g)].map(([, text]) => text!);
}

/** An order of the application that counts by itself. */
const order = () => redeem(t.pool, 1, '5.00');

beforeAll(async () => {
  await t.pool.query(SEED_TABLES.replaceAll(':"schema"', 'public'));
  await t.pool.query(`INSERT INTO promo_codes (code, shop_id) VALUES ('SUMMER', 'shop-1')`);
});

it('names every program that it runs, and runs every program that it shows', () => {
  const named = [...page.matchAll(/\bnode (\w+\.mjs)/g)].map(([, name]) => name!);
  expect(new Set(named)).toEqual(new Set(programs.keys()));
});

it('the steps prove what they say, in their order, and the way back too', async () => {
  // A crash between the row and the counter: what the application is adopted for.
  await order();
  await expect(redeem(t.pool, 1, '5.00', () => Promise.reject(new Error('crash')))).rejects.toThrow('crash');
  expect(await node('look.mjs')).toEqual([`${promised('1.')[1]}, 1 codes drift`, 'SUMMER: 1 counted, 2 there']);

  expect(await node('install.mjs')).toEqual(['1 codes corrected']);
  expect(await node('look.mjs')).toEqual([promised('2.')[1]]);
  await order();
  expect(await node('look.mjs')).toEqual([promised('2.')[1]]);

  await node('reject.mjs');
  await expect(order()).rejects.toMatchObject({ code: promised('3.')[0] });
  await node('install.mjs');

  expect(await node('race.mjs')).toEqual([promised('5.')[1]]);
  expect(await node('watch.mjs')).toEqual([promised('6.')[1]]);
  await t.pool.query(promised('6.')[2]!);
  await expect(node('watch.mjs')).rejects.toMatchObject({ code: 'DRIFT' });
  await node('install.mjs');
  expect(await node('watch.mjs')).toEqual([promised('6.')[1]]);

  await node('uninstall.mjs');
  expect(await node('look.mjs')).toEqual([promised('The way back')[1]]);
  await order();
  expect(await node('look.mjs')).toEqual([promised('The way back')[1]]);
});

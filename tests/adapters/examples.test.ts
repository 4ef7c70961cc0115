import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { installSchema, PromoCodeRepository } from '../../src/index';
import { cases, useDatabase } from '../support';

/** Every file of examples/adapters. */
interface Example {
  placeOrder(order: { id: number; customer: string; code: string }): Promise<string>;
  close(): Promise<void>;
}

const folder = 'examples/adapters';
const files = readdirSync(folder).filter((file) => file.endsWith('.ts'));
const everyday = cases('examples', files, (file) => file !== 'pglite.ts');
/** They take a connection string apart by themselves, and know no names that are written with a percent sign there. */
const OWN_URLS = ['mikro-orm.ts', 'postgres-js.ts', 'sequelize.ts'];
const page = readFileSync('docs/adapters.md', 'utf8');

const database = useDatabase('adapter examples');
const isHostile = !/^\/\w+$/.test(new URL(database.url).pathname);
if (isHostile) console.log(`SKIPPED: ${OWN_URLS.join(', ')}, because of the name of the database`);
beforeAll(async () => {
  await database.sql('CREATE TABLE public.orders (id integer PRIMARY KEY, customer text NOT NULL)');
  await installSchema(database.pool);
  const promoCodes = new PromoCodeRepository(database.pool);
  await promoCodes.create({ code: 'SUMMER', shopId: 'shop-1', bonusValue: '5.00' });
  vi.stubEnv('DATABASE_URL', database.url);
});
afterAll(() => {
  vi.unstubAllEnvs();
});

describe.each(files)('%s', (file) => {
  // PGlite takes seconds to start, and pglite.test.ts has started one.
  it.runIf(everyday.includes(file) && !(isHostile && OWN_URLS.includes(file)))(
    'places an order with its promo code, or neither',
    async () => {
      const program = path.resolve(folder, file);
      const { placeOrder, close }: Example = await import(program);
      const id = files.indexOf(file) * 10;
      expect(await placeOrder({ id, customer: `ann of ${file}`, code: 'summer' })).toBe('25.00');
      await expect(placeOrder({ id: id + 1, customer: `ann of ${file}`, code: 'summer' })).rejects.toThrow(
        /as often as you may/,
      );
      expect(await placeOrder({ id: id + 1, customer: `bob of ${file}`, code: 'summer' })).toBe('25.00');
      await close();
    },
  );

  it('stands in docs/adapters.md as it is', () => {
    expect(page).toContain(`\`\`\`ts\n${readFileSync(`${folder}/${file}`, 'utf8')}\`\`\`\n`);
  });
});

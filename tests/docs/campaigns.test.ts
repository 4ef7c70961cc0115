import { expect, it } from 'vitest';
import { useDatabase } from '../support';
import { PAGE_LIMIT_MS, pageText, printedBy, useProgram } from './page';

const t = useDatabase('campaigns page');
const run = useProgram();

it(
  'docs/campaigns.md: its examples run, one after the other, and print what it says',
  async () => {
    const printed = await printedBy(async () => {
      const page = await run('campaigns', { DATABASE_URL: t.url });
      await page.pool.end();
    });
    expect(printed).toEqual([
      [['5.00', '5.00', 'campaign_customer_limit_reached']],
      [2, '10.00'],
      [{ added: 1, moved: 0 }],
      [{ added: 0, moved: 100 }],
      [2],
      [['Autumn 2026', 'Summer 2026'], null],
      [2, null],
    ]);
    const said = pageText('campaigns')
      .match(/^It prints .*$/gm)
      ?.join('\n');
    for (const part of [
      "`[ '5.00', '5.00', 'campaign_customer_limit_reached' ]`",
      '`2 10.00`',
      '`{ added: 0, moved: 100 }`',
    ]) {
      expect(said).toContain(part);
    }
  },
  PAGE_LIMIT_MS,
);

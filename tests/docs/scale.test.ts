import { expect, it } from 'vitest';
import { useDatabase } from '../support';
import { PAGE_LIMIT_MS, pageText, printedBy, useProgram } from './page';

const eu = useDatabase('scale eu');
const us = useDatabase('scale us');
const run = useProgram();

it('docs/scale.md runs as one program, twice, and prints what it says', { timeout: PAGE_LIMIT_MS }, async () => {
  const replica = new URL(eu.url);
  replica.searchParams.set('options', '-c default_transaction_read_only=on');
  const urls = { EU_URL: eu.url, US_URL: us.url, REPLICA_URL: replica.toString() };
  for (let time = 0; time < 2; time += 1) {
    expect(await printedBy(() => run('scale', urls))).toEqual([
      ['38.33'],
      [true, { eu: [], us: [] }, {}],
      [['15.00', 'not_found', '15.00']],
      ['WINTER', true],
    ]);
  }
  const said = pageText('scale');
  for (const text of ['38.33', 'true { eu: [], us: [] } {}', "['15.00', 'not_found', '15.00']", 'WINTER true']) {
    expect(said).toContain(`// ${text}`);
  }
});

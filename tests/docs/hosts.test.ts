import { expect, it } from 'vitest';
import { useDatabase } from '../support';
import { blocksOf, pageText, printedBy, useModules } from './page';

const { url } = useDatabase('hosts page');
const run = useModules();

it('the example of docs/hosts.md runs as it stands and prints what the page says; what it asks once more is replayed', async () => {
  const [program = ''] = blocksOf('hosts', 'ts');
  const [, said] = /^It prints `([^`]+)`/m.exec(pageText('hosts')) ?? [];
  for (let time = 0; time < 2; time += 1) {
    const printed = await printedBy(() => run({ 'hosts.ts': program }, { DATABASE_URL: url }));
    const text = printed.map((values) => values.map((value) => (Array.isArray(value) ? JSON.stringify(value) : value)));
    expect(text.map((values) => values.join(' '))).toEqual([said]);
  }
});

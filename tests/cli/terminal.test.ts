import { beforeAll, describe, expect, it } from 'vitest';
import { chart } from '../../src/cli/stats/chart';
import { table, visible } from '../../src/cli/table';
import { checkDrift, inspectTriggers } from '../../src/index';
import { useSchema } from '../support';
import { runHere } from './command-line';
import { makeDriftedShop } from './shop';

const t = useSchema('terminal');
beforeAll(() => makeDriftedShop(t, t.schema));

const here = (...args: string[]) => [...args, '--schema', t.schema, '--url', t.url];
const ESCAPE = '\u001b[';

describe('on a terminal', () => {
  it('status has colours, but not where they are not wanted', async () => {
    const shown = (env: Record<string, string>) => runHere(here('status'), { isTerminal: true, env });
    expect((await shown({ TERM: 'xterm' })).stdout).toContain(`${ESCAPE}31mNot in order`);
    for (const env of [{ NO_COLOR: '1' }, { TERM: 'dumb' }, { FORCE_COLOR: '0' }]) {
      expect((await shown(env)).stdout).not.toContain(ESCAPE);
    }
    const piped = await runHere(here('status'), { env: { FORCE_COLOR: '1' } });
    expect(piped.stdout).toContain(ESCAPE);
  });

  it('check shows its progress, and answers the same', async () => {
    const { code, stdout, stderr } = await runHere(here('check', '--json'), {
      isTerminal: true,
      env: { NO_COLOR: '1' },
    });
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toEqual(await checkDrift(t.pool, { schema: t.schema }));
    expect(stderr).toMatch(/checking █+ 3\/3 codes/);
    const limited = await runHere(here('check', '--json', '--limit', '1'), { isTerminal: true });
    expect(JSON.parse(limited.stdout)).toHaveLength(1);
  });

  it('scrub shows its progress, and Ctrl-C ends it', async () => {
    const { code, stderr } = await runHere(here('scrub'), { isTerminal: true, env: { NO_COLOR: '1' } });
    expect(code).toBe(1);
    expect(stderr).toMatch(/checking █+ 3\/3 codes/);
    const interruption = new AbortController();
    const ending = runHere(here('scrub', '--rows-per-second', '1'), { isTerminal: true, signal: interruption.signal });
    setTimeout(() => interruption.abort(130), 300);
    expect((await ending).code).toBe(130);
  });

  it('repair and uninstall ask, and do nothing without a yes', async () => {
    const records = await checkDrift(t.pool, { schema: t.schema });
    for (const input of ['n\n', '\n', '']) {
      const { code, stdout, stderr } = await runHere(here('repair'), { isTerminal: true, input });
      expect(code).toBe(1);
      expect(stdout).toBe('');
      expect(stderr).toMatch(/Recount 2 codes\? \[y\/N\] Nothing was changed\.\n$/);
    }
    expect(await checkDrift(t.pool, { schema: t.schema })).toEqual(records);
    const repaired = await runHere(here('repair'), { isTerminal: true, input: 'y\n' });
    expect(repaired.code).toBe(0);
    expect(repaired.stderr).toMatch(/recounting █+ 2\/2 codes/);
    expect(await checkDrift(t.pool, { schema: t.schema })).toEqual([]);
    expect((await runHere(here('uninstall'), { isTerminal: true, input: 'no\n' })).code).toBe(1);
    expect((await inspectTriggers(t.pool, { schema: t.schema })).revision).toBe(2);
  });

  it('Ctrl-C ends a question', async () => {
    const interruption = new AbortController();
    const asking = runHere(here('uninstall'), { isTerminal: true, signal: interruption.signal });
    setTimeout(() => interruption.abort(130), 200);
    expect((await asking).code).toBe(130);
  });
});

describe('what is printed of a database', () => {
  it('moves no cursor and stays on its line', () => {
    expect(visible('a\u001b[31mb\nc\u202ed')).toBe('a·[31mb c·d');
    expect(visible('x'.repeat(60))).toBe(`${'x'.repeat(47)}…`);
    const text = table(
      [{ title: 'code' }, { title: 'uses', isNumber: true }],
      [
        ['A\u0007', '1'],
        ['ÄÖ', '1,000'],
      ],
    );
    expect(text.split('\n')).toEqual(['code   uses', 'A·        1', 'ÄÖ    1,000']);
  });

  it('is a chart that fits its lines, of any number of days', () => {
    for (const days of [1, 7, 30, 90, 3_650]) {
      const values = Array.from({ length: days }, (_, day) => day % 13);
      const lines = chart(values, 80).split('\n');
      expect(lines.length, `${days} days`).toBeLessThanOrEqual(8);
      for (const line of lines) expect(line.length, `${days} days`).toBeLessThanOrEqual(80);
    }
    expect(chart([0, 0], 80)).toMatch(/^ {5}1 ┼/);
  });
});

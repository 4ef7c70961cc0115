import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, inject, it } from 'vitest';
import { dayText } from '../../torture/soak/figures';
import type { Sample, TableFigures } from '../../torture/soak/sample';
import { WATCHED } from '../../torture/soak/sample';
import { hotShare, judge, type Rule } from '../../torture/soak/verdict';
import { cases, useSchema } from '../support';
import { isIncluded } from '../support/scope';

const root = fileURLToPath(new URL('../..', import.meta.url));
const t = useSchema('soak');
const MB = 1_048_576;

/** A day on which nothing changes, with noise as a busy machine has it. */
function quietDay(count = 60): Sample[] {
  return Array.from({ length: count }, (_, at) => {
    const table: TableFigures = { rows: 1_000, dead: at % 7, bytes: 4 * MB, updates: at * 1_000, hot: at * 990 };
    return {
      atMs: at * 1_000,
      // Half of the time it is half as fast.
      rate: at % 2 === 0 ? 1_000 : 550,
      longestMs: 100,
      heapBytes: (20 + (at % 3)) * MB,
      rssBytes: (150 + (at % 11)) * MB,
      tables: Object.fromEntries(WATCHED.map((name) => [name, { ...table }])) as Sample['tables'],
      drifted: 0,
    };
  });
}

/** The rules that a day breaks on which this happens to each sample. */
function brokenBy(happens: (sample: Sample, share: number, at: number) => void, findings = {}, count = 60): Rule[] {
  const day = quietDay(count);
  for (const [at, sample] of day.entries()) happens(sample, at / day.length, at);
  return [...new Set(judge(day, { errors: new Map(), heldConnections: 0, ...findings }).map(({ rule }) => rule))];
}

describe('the verdict over a day', () => {
  it('is that nothing has changed where nothing has', () => {
    expect(brokenBy(() => {})).toEqual([]);
    expect(brokenBy(() => {}, {}, 6)).toEqual([]);
    // While caches fill, and whatever the day begins with.
    expect(brokenBy((sample, share) => (sample.heapBytes = share < 0.2 ? 5 * MB : sample.heapBytes))).toEqual([]);
    expect(brokenBy((sample, share) => (sample.rate = share < 0.2 ? 9_000 : sample.rate))).toEqual([]);
    // More rows take more room.
    expect(
      brokenBy(({ tables }, share) =>
        Object.assign(tables.uses, { rows: 1_000 + 9_000 * share, bytes: (4 + 36 * share) * MB }),
      ),
    ).toEqual([]);
  });

  it.each<[Rule, Parameters<typeof brokenBy>]>([
    ['memory', [(sample, share) => (sample.heapBytes += share * 40 * MB)]],
    ['process', [(sample, share) => (sample.rssBytes += share * 400 * MB)]],
    ['rate', [(sample, share) => (sample.rate *= 1 - share * 0.9)]],
    ['bloat', [({ tables }, share) => (tables.codes.bytes += share * 20 * MB)]],
    ['bloat', [({ tables }, share) => (tables.holds.bytes += share * 20 * MB)]],
    ['hot', [({ tables }, _, at) => (tables.codes.hot = at * 800)]],
    ['hot', [({ tables }, _, at) => (tables.campaigns.hot = at * 800)]],
    ['drift', [(sample, _, at) => (sample.drifted = at === 7 ? 1 : 0)]],
    ['errors', [() => {}, { errors: new Map([['LOCK_TIMEOUT', 1]]) }]],
    ['connections', [() => {}, { heldConnections: 1 }]],
    ['samples', [() => {}, {}, 5]],
  ])('%s is found', (rule, day) => {
    expect(brokenBy(...day)).toEqual([rule]);
  });

  it('is told with what was seen', () => {
    const samples = quietDay();
    expect(hotShare(samples, 'codes')).toBeCloseTo(0.99);
    const quiet = dayText({ samples, violations: [] });
    expect(quiet).toMatch(/codes 99\.0%, campaigns 99\.0%/);
    expect(quiet).toMatch(/Nothing has changed over the day\.$/);
    for (const sample of samples.slice(40)) sample.heapBytes = 90 * MB;
    const violations = judge(samples, { errors: new Map(), heldConnections: 0 });
    expect(dayText({ samples, violations })).toContain(
      'VIOLATION memory: what Node.js holds after a garbage collection',
    );
    expect(dayText({ samples, violations })).toContain('(heap: 21.0 MB, later 90.0 MB)');
  });
});

/** The whole program, on the server of the tests, so that no other has to be started. */
function soak(...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const { NODE_OPTIONS: _loader, NODE_V8_COVERAGE: _coverage, ...env } = process.env;
  const child = spawn(process.execPath, ['--import', 'tsx', 'torture/soak/run.ts', ...args], {
    cwd: root,
    env: { ...env, TSX_DISABLE_CACHE: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text: string) => {
      said[name] += text;
    });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, ...said })));
}

describe('npm run soak', () => {
  it('is a day in seconds, ends by itself, and leaves nothing behind', { timeout: 120_000 }, async () => {
    const { code, stdout, stderr } = await soak('--minutes', '0.1', '--callers', '4', '--url', inject('postgresUrl'));
    expect({ code, stdout, stderr }).toMatchObject({ code: 0, stdout: expect.stringContaining('Nothing has changed') });
    expect(stdout).toMatch(/heap after a garbage collection +\d+\.\d MB +\d+\.\d MB/);
    expect(stdout).toMatch(/heap-only, after the warm-up: codes (?:\d+\.\d%|-)/);
    const { rows } = await t.sql(`SELECT nspname FROM pg_namespace WHERE nspname ~ '^(pgpromocodes_)?bench_.*_soak$'`);
    expect(rows).toEqual([]);
  });

  it.runIf(isIncluded('a soak that ends with exit code 1'))(
    'ends with exit code 1 and says why',
    { timeout: 60_000 },
    async () => {
      const { code, stdout } = await soak('--minutes', '0.02', '--callers', '1', '--url', inject('postgresUrl'));
      expect(code).toBe(1);
      expect(stdout).toMatch(/^VIOLATION samples: there were too few samples/m);
    },
  );

  const WRONG = [
    ['--minutes', 'long'],
    // Where others may be at work.
    ['--url', 'postgres://db.example.com/shop'],
    ['--url', 'postgres://10.0.0.7/shop'],
    ['--minutes', '9999'],
    ['--callers', '1.5'],
  ];
  it.each(cases('wrong arguments of the soak', WRONG, (_, at) => at < 2).map((args) => [args]))(
    'refuses %j',
    { timeout: 60_000 },
    async (args) => {
      const { code, stderr } = await soak(...args);
      expect(code).toBe(2);
      expect(stderr).toContain(`${args[0]} must be`);
    },
  );
});

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import type { Outcome } from '../../torture/campaign';
import { History } from '../../torture/log';
import { appendReport, outcomeText, storyOf } from '../../torture/report';

const folder = mkdtempSync(path.join(tmpdir(), 'pg-promo-codes-report-'));
afterAll(() => rmSync(folder, { recursive: true }));

const history = new History();
history.add('2.1', { t: 'begin', id: '2.1.1', at: 10_000, kind: 'rollbackUse', args: { useId: '7' }, limitMs: 100 });
const error = { class: 'PromoCodesError', code: 'DATABASE_ERROR', sqlState: '57014', message: 'canceled' };
history.add('2.1', { t: 'end', id: '2.1.1', at: 10_500, stoodMs: 0, error });

const outcome: Outcome = {
  settings: { seed: 7, durationMs: 30_000, design: 'library', processes: 4, callers: 12, url: undefined },
  server: 'PostgreSQL 18.4',
  history,
  faults: [
    { name: 'reset', from: 1_000, until: 1_000, detail: 'long before' },
    { name: 'cancel', from: 10_100, until: 10_400, detail: '3 backends' },
  ],
  skipped: [{ name: 'diskFull', reason: 'not here' }],
  ends: [{ name: '3.1', at: 2_000, how: 'killed', detail: 'SIGKILL' }],
  snapshots: 12,
  violations: [
    { rule: 'definite_error_with_effect', message: 'The use 7 is gone', calls: ['2.1.1'], rows: [{ id: '8' }] },
  ],
  recoveries: new Map([['2.1', 120]]),
};

it('a violation is told with its calls, its rows and the faults around it, in the order of time', () => {
  expect(storyOf(outcome, outcome.violations[0]!)).toEqual([
    'definite_error_with_effect: The use 7 is gone',
    '  00:00:10.000  2.1.1 begins rollbackUse {"useId":"7"}',
    '  00:00:10.100  fault cancel 3 backends (300 ms)',
    `  00:00:10.500  2.1.1 ends ${JSON.stringify(error)}`,
    '  row {"id":"8"}',
  ]);
});

it('the outcome names the seed, the faults, what was skipped, and the calls by class of error', () => {
  const text = outcomeText(outcome);
  expect(text).toContain('Seed 7, design library, 30 s of faults, 4 processes of 12 callers');
  expect(text).toContain('Faults: reset 1, cancel 1');
  expect(text).toContain('SKIPPED diskFull: not here');
  expect(text).toMatch(/rollbackUse +1 +0 +0 +500 +500 +DATABASE_ERROR 57014 1/);
  expect(text).toContain('VIOLATIONS: 1 (definite_error_with_effect 1)');
  expect(outcomeText({ ...outcome, violations: [] })).toContain('No violation.');
});

it('a report is a table that grows by a row', () => {
  const file = path.join(folder, 'report.md');
  appendReport(file, outcome);
  appendReport(file, { ...outcome, violations: [] });
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  expect(lines).toHaveLength(4);
  expect(lines[2]).toBe(
    '| 7 | library | 0.5 | PostgreSQL 18.4 | 2 | 1 | 1 | 0 | 12 | 120 ms | definite_error_with_effect 1 |',
  );
  expect(lines[3]).toMatch(/\| none \|$/);
});

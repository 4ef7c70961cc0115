// Counts the results that Vitest's JSON reporter wrote. As a program: prints the counts over all runs of a folder, as
// the last line of .ci/run, also when a step before the end has failed.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** Counts one run. A run that failed without a failed test, as by an error outside of tests, is one failure. */
export function countRun(file, succeeded) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  if (existsSync(file)) {
    const results = JSON.parse(readFileSync(file, 'utf8'));
    counts.passed = results.numPassedTests;
    counts.failed = results.numFailedTests;
    counts.skipped = results.numPendingTests + results.numTodoTests;
  }
  const ranNothing = counts.passed + counts.failed === 0;
  if (counts.failed === 0 && (ranNothing || !succeeded)) counts.failed = 1;
  return counts;
}

export function sumCounts(all) {
  const sum = { passed: 0, failed: 0, skipped: 0 };
  for (const counts of all) for (const kind of Object.keys(sum)) sum[kind] += counts[kind];
  return sum;
}

export function countsLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [folder, status] = process.argv.slice(2);
  const matrix = path.join(folder, 'matrix.json');
  const test = path.join(folder, 'npm-test.json');
  // The matrix has counted the run of `npm test` already.
  const counts = [existsSync(matrix) ? JSON.parse(readFileSync(matrix, 'utf8')) : countRun(test, status === '0')];
  const docs = path.join(folder, 'docs.json');
  if (existsSync(docs)) counts.push(countRun(docs, true));
  process.stdout.write(`${countsLine(sumCounts(counts))}\n`);
}

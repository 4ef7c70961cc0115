import fs from 'node:fs';
import path from 'node:path';
import type { Outcome } from './campaign.js';
import type { Rule, Violation } from './checker/violation.js';
import type { Call } from './log.js';
import { libraryOptions } from './settings.js';

const STORIES = 3;
const STORY_LINES = 40;
/** Faults around a call that may have to do with it. */
const AROUND_MS = 2_000;

/** The whole outcome, for a terminal. */
export function outcomeText(outcome: Outcome): string {
  const { settings, server, faults, skipped, ends, history, snapshots, violations, recoveries } = outcome;
  const killed = ends.filter(({ how }) => how === 'killed').length;
  const lines = [
    '',
    `Seed ${settings.seed}, design ${settings.design}, ${settings.durationMs / 1_000} s of faults, ${settings.processes} processes of ${settings.callers} callers`,
    server,
    ...(settings.design === 'library' ? [`Options of the library: ${JSON.stringify(libraryOptions)}`] : []),
    `Faults: ${counted(faults.map(({ name }) => name))}`,
    ...skipped.map(({ name, reason }) => `SKIPPED ${name}: ${reason}`),
    `Processes killed: ${killed}, died: ${ends.length - killed}. Snapshots: ${snapshots}.`,
    `Recovery of each process: ${[...recoveries].map(([name, ms]) => `${name} ${ms} ms`).join(', ') || 'not seen'}`,
    '',
    ...callTable([...history.calls.values()]),
    '',
    violations.length === 0
      ? 'No violation.'
      : `VIOLATIONS: ${violations.length} (${counted(violations.map(({ rule }) => rule))})`,
    ...stories(outcome).flatMap((story) => ['', ...story]),
  ];
  return lines.join('\n');
}

/** Calls by kind: how many, how many failed with which code, and how long they took. */
function callTable(calls: readonly Call[]): string[] {
  const kinds = [...new Set(calls.map(({ kind }) => kind))].sort();
  const rows = kinds.map((kind) => {
    const of = calls.filter((call) => call.kind === kind);
    const took = of.flatMap(({ begin, end }) => (end === undefined ? [] : [end - begin])).sort((a, b) => a - b);
    const errors = of.flatMap(({ error }) =>
      error ? [error.sqlState ? `${error.code} ${error.sqlState}` : error.code] : [],
    );
    const longest = took.at(-1) ?? 0;
    const median = took[Math.floor(took.length / 2)] ?? 0;
    const ok = of.filter(({ result }) => result).length;
    return [
      kind,
      of.length,
      ok,
      of.filter(({ end }) => end === undefined).length,
      median,
      longest,
      counted(errors),
    ].map(String);
  });
  const head = ['call', 'calls', 'answered', 'no end', 'median ms', 'longest ms', 'errors'];
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)));
  return [head, ...rows].map((row) =>
    row.map((cell, column) => cell.padEnd(column === 6 ? 0 : widths[column]!)).join('  '),
  );
}

/** Of each rule the first few violations, each with its calls, rows, and the faults around it. */
function stories(outcome: Outcome): string[][] {
  const told = new Map<Rule, number>();
  return outcome.violations.flatMap((violation) => {
    const before = told.get(violation.rule) ?? 0;
    told.set(violation.rule, before + 1);
    return before < STORIES ? [storyOf(outcome, violation)] : [];
  });
}

/** Everything that is known about a violation, in the order of time. */
export function storyOf(
  { history, faults }: Pick<Outcome, 'history' | 'faults'>,
  { rule, message, calls, rows, at }: Violation,
): string[] {
  const events: { at: number; text: string }[] = [];
  for (const id of calls) {
    const call = history.calls.get(id);
    if (!call) continue;
    const within = call.tx === undefined ? '' : ` in ${call.tx}`;
    events.push({ at: call.begin, text: `${id} begins ${call.kind}${within} ${JSON.stringify(call.args)}` });
    if (call.end !== undefined)
      events.push({ at: call.end, text: `${id} ends ${JSON.stringify(call.error ?? call.result)}` });
    const fate = call.tx === undefined ? undefined : history.fates.get(call.tx);
    if (fate) events.push({ at: fate.at, text: `${call.tx} was ${fate.fate}` });
  }
  if (at !== undefined) events.push({ at, text: 'seen' });
  const from = Math.min(...events.map((event) => event.at)) - AROUND_MS;
  const until = Math.max(...events.map((event) => event.at)) + AROUND_MS;
  for (const fault of faults) {
    if (fault.until < from || fault.from > until) continue;
    events.push({ at: fault.from, text: `fault ${fault.name} ${fault.detail} (${fault.until - fault.from} ms)` });
  }
  const shown = [...new Map(events.map((event) => [event.text, event])).values()].sort(
    (one, other) => one.at - other.at,
  );
  return [
    `${rule}: ${message}`,
    ...shown.slice(0, STORY_LINES).map((event) => `  ${clock(event.at)}  ${event.text}`),
    ...(shown.length > STORY_LINES ? [`  … and ${shown.length - STORY_LINES} more`] : []),
    ...rows.map((row) => `  row ${JSON.stringify(row)}`),
  ];
}

/** Copies what the client processes wrote down, and writes down the faults beside it. */
export function keepLogs(from: string, to: string, { faults, ends }: Pick<Outcome, 'faults' | 'ends'>): void {
  fs.mkdirSync(to, { recursive: true });
  for (const name of fs.readdirSync(from).filter((file) => file.endsWith('.jsonl'))) {
    fs.copyFileSync(path.join(from, name), path.join(to, name));
  }
  fs.writeFileSync(path.join(to, 'faults.json'), `${JSON.stringify({ faults, ends }, undefined, 1)}\n`);
}

/** Appends a row to a table in a Markdown file, which is made with its head where there is none. */
export function appendReport(file: string, outcome: Outcome): void {
  const { settings, server, faults, history, violations, recoveries, snapshots } = outcome;
  const calls = [...history.calls.values()];
  const head = [
    '| seed | design | minutes | server | faults | calls | errors | in doubt | snapshots | slowest recovery | violations |',
    '|---|---|---|---|---|---|---|---|---|---|---|',
  ];
  const errors = calls.filter(({ error }) => error).length;
  const unknown = calls.filter(({ error }) => error?.code === 'OUTCOME_UNKNOWN').length;
  const slowest = Math.max(0, ...recoveries.values());
  const found = violations.length === 0 ? 'none' : counted(violations.map(({ rule }) => rule));
  const row = [
    settings.seed,
    settings.design,
    (settings.durationMs / 60_000).toFixed(1),
    server,
    faults.length,
    calls.length,
    errors,
    unknown,
    snapshots,
    `${slowest} ms`,
    found,
  ];
  const isNew = !fs.existsSync(file) || !fs.readFileSync(file, 'utf8').includes(head[0]!);
  fs.appendFileSync(file, `${isNew ? `${head.join('\n')}\n` : ''}| ${row.join(' | ')} |\n`);
}

function counted(names: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts]
    .sort(([, one], [, other]) => other - one)
    .map(([name, count]) => `${name || 'other'} ${count}`)
    .join(', ');
}

function clock(at: number): string {
  return new Date(at).toISOString().slice(11, 23);
}

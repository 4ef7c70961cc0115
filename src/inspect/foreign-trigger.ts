import type { Layout } from '../host/layout.js';

/**
 * Whether the source of a trigger function writes one of the counters. A judgement of its text: what it calls is not
 * followed, and a name that is put together at run time is not recognised.
 */
export function writesCounters(source: string, { codes }: Layout): boolean {
  const names = [codes.columns.timesUsed, codes.columns.totalBonusIssued].flatMap((name) => name ?? []);
  const counter = `"?(?<!\\w)(?:${names.map(escapeRegExp).join('|')})(?!\\w)"?`;
  const patterns = [
    // `SET times_used = …` and `SET name = x, times_used = …`, but not a comparison in the WHERE that follows.
    `\\bset\\b(?:(?!\\bwhere\\b|;)[\\s\\S])*?${counter}\\s*(?:=|(?:,[^;=()]*)?\\)\\s*=)`,
    // `NEW.times_used := …`, or with the `=` that PL/pgSQL accepts as well, at the beginning of a statement.
    `(?:^|;|\\bbegin\\b|\\bthen\\b|\\belse\\b|\\bloop\\b)\\s*new\\.${counter}\\s*:?=`,
    // `SELECT … INTO NEW.times_used`.
    `\\binto\\b(?:\\s+strict)?\\s+(?:[\\w.]+\\s*,\\s*)*new\\.${counter}`,
  ];
  const code = source.replace(/--.*$/gm, ' ').replace(/\/\*[\s\S]*?\*\//g, ' ');
  return patterns.some((pattern) => new RegExp(pattern, 'i').test(code));
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

import type { Layout } from '../host/layout.js';

/** The revision of the library's SQL that a body is of; 0 for what is not the library's. */
export function revisionOf({ source }: { source: string }): number {
  return Number(/^\s*-- pg-promo-codes (\d+)$/m.exec(source)?.[1] ?? 0);
}

const WORDS = 'begin end update set where and return new old null coalesce greatest least now current_timestamp'.split(
  ' ',
);

/**
 * Whether the source of a trigger function is the counting of the seed and nothing else: one UPDATE of the counters, in the
 * words that it takes.
 */
export function countsOnly(source: string, { codes, uses }: Layout): boolean {
  if (revisionOf({ source }) > 0) return false;
  const { id, timesUsed, totalBonusIssued, updatedAt } = codes.columns;
  const columns = [id, timesUsed, totalBonusIssued, updatedAt, uses.columns.promoCodeId, uses.columns.bonusAmount];
  const known = new Set([...WORDS, ...[codes.name, ...columns].flatMap((name) => name?.toLowerCase() ?? [])]);
  // Without comments, quotes and the schema before the table.
  const plain = source
    .replace(/--[^\n]*/g, ' ')
    .replace(/(?:"(?:[^"]|"")+"|\w+)\s*\.\s*(?="?(\w+)\b)/g, (before, next: string) =>
      next.toLowerCase() === codes.name.toLowerCase() ? ' ' : before,
    )
    .replaceAll('"', ' ')
    .toLowerCase();
  const [, table] =
    /^\s*begin\s+update\s+(\S+)\s+set\s[^;]*;\s*return\s+(?:new|old|null)\s*;\s*end\s*;?\s*$/.exec(plain) ?? [];
  return table === codes.name.toLowerCase() && (plain.match(/[a-z_]\w*/g) ?? []).every((word) => known.has(word));
}

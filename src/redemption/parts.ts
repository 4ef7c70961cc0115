import { createHash } from 'node:crypto';
import { codeKey } from './code-name.js';
import type { Attempted } from './redeem.js';

/** Requests of a batch in doubt that are repeated by a statement of their own. */
export type Part = readonly Attempted[];

/** Statements at the same time; enough that a network which breaks one connection after another does not meet all of them. */
export const PARTS_AT_ONCE = 4;

/** The codes of requests, each in one form for all ways to write it. */
export function codesOf(entries: readonly Attempted[]): Set<string> {
  return new Set(entries.map(codeOf));
}

/**
 * Shares out requests, in their order: each code by itself, or into a few parts, of different codes as long as there are
 * several. Each part gets a lock of its own, and those that it has waited for stay.
 */
export function partsOf(entries: readonly Attempted[], perCode: boolean): Part[] {
  const byCode = new Map<string, Attempted[]>();
  for (const entry of entries) byCode.set(codeOf(entry), [...(byCode.get(codeOf(entry)) ?? []), entry]);
  const codes = [...byCode.values()];
  const units = codes.length === 1 ? codes[0]!.map((entry) => [entry]) : codes;
  const size = perCode && codes.length > 1 ? 1 : Math.ceil(units.length / PARTS_AT_ONCE);
  const parts: Part[] = [];
  for (let from = 0; from < units.length; from += size) parts.push(units.slice(from, from + size).flat());
  for (const part of parts) {
    const own = lockOf(part[0]!);
    for (const entry of part) entry.callIds = [...entry.callIds!, own];
  }
  return parts;
}

function codeOf({ request }: Attempted): string {
  return codeKey(request);
}

/** A number that no other part has, nor a first attempt, whose number is the id of a use. */
function lockOf({ useId, callIds }: Attempted): string {
  return String(BigInt.asIntN(64, -(BigInt(numberOf(useId!)) * 8n + BigInt(Math.min(callIds!.length, 7)))));
}

/** A number for an id that is none. */
export function numberOf(useId: string): string {
  if (/^-?\d+$/.test(useId)) return useId;
  return String(createHash('sha256').update(useId).digest().readBigInt64BE());
}

/** So many pieces of work at the same time. */
export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  async use<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free += 1;
    }
  }
}

import idNumbersSql from '../../sql/installation/id-numbers.sql';
import type { Layout } from '../host/layout.js';
import type { Queryable } from '../postgres/database.js';

/** The numbers that new ids of a table come from: a sequence. */
export interface IdNumbers {
  /** The first of them. */
  start: string;
  /** What each is above the one before. */
  increment: string;
  /** The last one that was taken; `null` where there was none, and where this role may not read the sequence. */
  last: string | null;
}

/** Where new ids come from; `null` for a table whose ids come from no sequence (UUIDs, texts), or that is not there. */
export interface IdSources {
  /** Of the codes. */
  codes: IdNumbers | null;
  /** Of the uses. */
  uses: IdNumbers | null;
}

export async function readIdNumbers(db: Queryable, { schema, codes, uses }: Layout): Promise<IdSources> {
  const values = [schema, codes.name, codes.columns.id, uses.name, uses.columns.id];
  const { rows } = await db.query(idNumbersSql, values);
  const sources: IdSources = { codes: null, uses: null };
  for (const { part, start, increment, last } of rows) {
    sources[part as keyof IdSources] = { start, increment, last };
  }
  return sources;
}

/** Whether two sequences could give the same number, now or later. */
export function doMeet(one: IdNumbers, other: IdNumbers): boolean {
  const step = greatestDivisor(magnitude(one.increment), magnitude(other.increment));
  return (anyOf(one) - anyOf(other)) % step === 0n;
}

/** A sequence that was set goes on from there. */
function anyOf({ last, start }: IdNumbers): bigint {
  return BigInt(last ?? start);
}

function magnitude(increment: string): bigint {
  return BigInt(increment.replace('-', ''));
}

function greatestDivisor(one: bigint, other: bigint): bigint {
  return other === 0n ? one : greatestDivisor(other, one % other);
}

import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';

/** PostgreSQL cuts longer names, and cut names would collide. */
const NAME_LIMIT_BYTES = 63;

/**
 * A name for a schema, database or role that nothing else has, also when many files run at once.
 * `TEST_SCHEMA_STYLE=hostile` gives names with everything that wrong quoting stumbles over; among it `$&`, which a
 * careless String.replace expands, and `%I`, which a second format() expands.
 */
export function uniqueName(label: string): string {
  const mark = `${inject('postgresRun')}_${randomBytes(3).toString('hex')}`;
  const readable = label.toLowerCase().replaceAll(/[^a-z0-9]+/g, '_');
  const name = isHostile() ? `Té "st" 'x' \\ $& %I ${mark} ${readable}` : `test_${mark}_${readable}`;
  return cutToBytes(name, NAME_LIMIT_BYTES);
}

/** An application_name for the connections of one helper; PostgreSQL keeps only printable ASCII in it. */
export function connectionTag(name: string): string {
  return `${inject('postgresRun')} ${name}`.replaceAll(/[^\x20-\x7e]/g, '_').slice(0, NAME_LIMIT_BYTES);
}

/** Replaces `:"name"` by the quoted identifier and `:'name'` by the quoted literal, as psql does. */
export function expandNames(text: string, names: Readonly<Record<string, string>>): string {
  return text.replaceAll(/:(["'])(\w+)\1/g, (whole, quote: string, name: string) => {
    const value = names[name];
    if (value === undefined) return whole;
    return quote === '"' ? pg.escapeIdentifier(value) : pg.escapeLiteral(value);
  });
}

function isHostile(): boolean {
  const style = process.env.TEST_SCHEMA_STYLE || 'plain';
  if (style !== 'plain' && style !== 'hostile') throw new Error('TEST_SCHEMA_STYLE must be plain or hostile');
  return style === 'hostile';
}

function cutToBytes(text: string, limit: number): string {
  let kept = '';
  for (const letter of text) {
    if (Buffer.byteLength(kept + letter) > limit) break;
    kept += letter;
  }
  return kept;
}

/** A name as an installation stores it in the body of its function. */
export function storedName(name: string): string {
  return JSON.stringify(name)
    .slice(1, -1)
    .replace(/[^\x20-\x23\x25-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

import { createHash } from 'node:crypto';

const NAME = 'pgpromocodes';
/** PostgreSQL cuts longer names. */
const LONGEST_NAME = 63;
/** Of SHA-256, in hexadecimal digits. */
const HASH_DIGITS = 20;

/**
 * The schema of the library for host tables in this schema, where the option `librarySchema` names no other.
 *
 * A name that would be too long has a hash where shorter names have their underscore, so that it cannot be the name for
 * another schema: `pgpromocodes3f0c…_` and the beginning of the host's name.
 */
export function defaultLibrarySchema(schema: string): string {
  if (schema === 'public') return NAME;
  const name = `${NAME}_${schema}`;
  if (Buffer.byteLength(name) <= LONGEST_NAME) return name;
  const hash = createHash('sha256').update(schema).digest('hex').slice(0, HASH_DIGITS);
  return beginningOf(`${NAME}${hash}_${schema}`, LONGEST_NAME);
}

/** As many whole characters as these bytes hold. */
function beginningOf(text: string, bytes: number): string {
  let kept = '';
  let left = bytes;
  for (const character of text) {
    left -= Buffer.byteLength(character);
    if (left < 0) break;
    kept += character;
  }
  return kept;
}

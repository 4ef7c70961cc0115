/** The types of columns whose values the library takes as text. */
export type IdentityKind = 'text' | 'whole' | 'uuid';

const WHOLE: Record<string, bigint> = { smallint: 15n, integer: 31n, bigint: 63n };
const TEXT = /^(?:text|character varying|character|bpchar|citext|(?:.*\.)?citext)(?:\(\d+\))?$/;

/** What a type can hold, where it is one that names shops, customers and transactions; from `format_type`. */
export function identityKind(type: string): IdentityKind | undefined {
  if (type in WHOLE) return 'whole';
  if (type === 'uuid') return 'uuid';
  return TEXT.test(type) ? 'text' : undefined;
}

/** A value as a column of the type shows it (`007` of an integer column is `7`); nothing where the type cannot hold it. */
export function inType(type: string, text: string): string | undefined {
  const kind = identityKind(type);
  if (kind === 'whole') {
    const digits = text.trim();
    // More digits than any type has are not worth reading.
    if (!/^[+-]?\d{1,100}$/.test(digits)) return undefined;
    const value = BigInt(digits.replace('+', ''));
    const bound = 2n ** WHOLE[type]!;
    return value >= -bound && value < bound ? String(value) : undefined;
  }
  if (kind === 'uuid') {
    const digits = text
      .trim()
      .toLowerCase()
      .replace(/^\{(.*)\}$/, '$1')
      .replaceAll('-', '');
    if (!/^[0-9a-f]{32}$/.test(digits)) return undefined;
    return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  }
  return text;
}

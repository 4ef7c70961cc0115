import format from 'pg-format';

/**
 * Quotes a name for SQL, always with quotation marks: what is installed through psql (whose `:"name"` always quotes) then
 * has the same text, and a word that a newer PostgreSQL reserves needs no newer list.
 */
export function quoteIdentifier(name: string): string {
  const quoted = format.ident(name);
  return quoted.startsWith('"') ? quoted : `"${quoted}"`;
}

/** Quotes a string as an SQL literal. */
export function quoteLiteral(value: string): string {
  return format.literal(value);
}

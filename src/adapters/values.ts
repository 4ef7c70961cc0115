/**
 * A value as it goes into any of the libraries: what they make of arrays, numbers and missing values differs, what they
 * make of texts, booleans and null does not. The server reads a text by the type of its parameter.
 */
export function plainValue(value: unknown): unknown {
  switch (typeof value) {
    case 'undefined':
      return null;
    case 'number':
    case 'bigint':
      return String(value);
    case 'object':
      if (Array.isArray(value)) return arrayLiteral(value);
      return value instanceof Date ? value.toISOString() : value;
    default:
      return value;
  }
}

/** An array as PostgreSQL writes it: `{"a",NULL,"1"}`. */
function arrayLiteral(values: readonly unknown[]): string {
  const elements = values.map((value) => {
    if (Array.isArray(value)) return arrayLiteral(value);
    const plain = plainValue(value);
    return plain === null ? 'NULL' : `"${String(plain).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
  });
  return `{${elements.join(',')}}`;
}

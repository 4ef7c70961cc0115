/**
 * The script without a question mark, which Knex takes for a placeholder wherever it stands. The library's own SQL has none, so
 * this is for hosts that have one in a name. What runs is the same to the last character.
 */
export function withoutQuestionMarks(script: string): string {
  if (!script.includes('?')) return script;
  const mark = unusedIn(script, (tail) => `<question mark${tail}>`);
  const [outer, inner] = ['script', 'text'].map((word) => unusedIn(script, (tail) => `$${word}${tail}$`));
  return `-- A name in it holds a question mark, which some tools take for a placeholder.
DO ${outer}
BEGIN
  EXECUTE pg_catalog.replace(${inner}
${script.replaceAll('?', mark)}${inner}, '${mark}', pg_catalog.chr(63));
END
${outer};
`;
}

/** The same for a query: the names and strings that hold one are written with Unicode escapes. */
export function queryWithoutQuestionMarks(query: string): string {
  if (!query.includes('?')) return query;
  return query.replace(/(\bE)?'(?:[^']|'')*'|"(?:[^"]|"")*"/g, (token, escapes?: string) => {
    if (!token.includes('?')) return token;
    // Only after E has a string escapes of its own.
    if (escapes) return token.replaceAll('?', '\\x3F');
    return `U&${token.replaceAll('\\', '\\\\').replaceAll('?', '\\003F')}`;
  });
}

function unusedIn(text: string, named: (tail: string) => string): string {
  let tail = '';
  while (text.includes(named(tail))) tail += '_';
  return named(tail);
}

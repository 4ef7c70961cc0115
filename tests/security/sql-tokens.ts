/** What stands before the body of a function or of DO, and the marks of a script that is run from within a script. */
const BEFORE_SQL = /\b(?:AS|DO)\s*$/i;
const SCRIPT = /^\$text_*\$$/;

/** The parts of a statement that are neither in quotes nor in a comment: what PostgreSQL takes for SQL. Bodies of functions are read as well. */
export function bareParts(sql: string): string[] {
  const parts: string[] = [];
  let bare = '';
  for (let at = 0; at < sql.length; ) {
    const { length, inside } = quotedAt(sql, at);
    if (length === 0) {
      bare += sql[at];
      at += 1;
      continue;
    }
    parts.push(bare);
    bare = '';
    if (inside !== undefined) parts.push(...bareParts(inside));
    at += length;
  }
  return [...parts, bare].filter((part) => part.trim() !== '');
}

/** What is quoted from here on: how long it is, and of a text in dollars what is inside. */
function quotedAt(sql: string, at: number): { length: number; inside?: string } {
  const rest = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(sql)?.[0];
  };
  const before = sql[at - 1] ?? ' ';
  const startsWord = !/[\w$\u0080-\uffff]/.test(before);
  const tag = startsWord ? rest(/\$(?:[A-Za-z_][A-Za-z0-9_]*)?\$/y) : undefined;
  if (tag !== undefined) {
    const end = sql.indexOf(tag, at + tag.length);
    const inside = sql.slice(at + tag.length, end < 0 ? undefined : end);
    const length = inside.length + (end < 0 ? 1 : 2) * tag.length;
    return SCRIPT.test(tag) || BEFORE_SQL.test(sql.slice(Math.max(0, at - 20), at)) ? { length, inside } : { length };
  }
  const escapes = startsWord ? rest(/[eE]'(?:[^'\\]|\\[\s\S]|'')*'?/y) : undefined;
  const found =
    escapes ??
    rest(/'(?:[^']|'')*'?/y) ??
    rest(/"(?:[^"]|"")*"?/y) ??
    rest(/--[^\n\r]*/y) ??
    rest(/\/\*[\s\S]*?(?:\*\/|$)/y);
  return { length: found?.length ?? 0 };
}

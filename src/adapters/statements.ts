/** A piece of SQL: a literal, a quoted name, a comment, a parameter, the end of a statement, or anything else. */
const PIECE =
  /(?<literal>\b[eE]'(?:[^'\\]|''|\\[\s\S])*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|(?<![\w$])\$(?<tag>[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$[\s\S]*?\$\k<tag>\$)|(?<comment>--[^\n]*|\/\*)|(?<![\w$])\$(?<number>\d+)|(?<end>;)/g;

/**
 * The statements of a text, each without the semicolon behind it. Libraries that prepare every statement take one at a time.
 * Functions with a body that is not quoted (BEGIN ATOMIC) are not understood; the library has none.
 */
export function statementsOf(text: string): string[] {
  const statements: string[] = [];
  let from = 0;
  let isEmpty = true;
  const add = (to: number): void => {
    const statement = text.slice(from, to).trim();
    if (!isEmpty && statement !== '') statements.push(statement);
    isEmpty = true;
  };
  let seen = 0;
  for (const { kind, start, end } of piecesOf(text)) {
    if (/\S/.test(text.slice(seen, start))) isEmpty = false;
    seen = end;
    if (kind === 'end') {
      add(start);
      from = end;
    } else if (kind !== 'comment') isEmpty = false;
  }
  if (/\S/.test(text.slice(seen))) isEmpty = false;
  add(text.length);
  return statements;
}

/** What stands between the parameters of a statement, and the numbers of these: `SELECT $2` is `['SELECT ', '']` and `[2]`. */
export function parametersOf(text: string): { between: string[]; numbers: number[] } {
  const between: string[] = [];
  const numbers: number[] = [];
  let from = 0;
  for (const { kind, start, end, number } of piecesOf(text)) {
    if (kind !== 'parameter') continue;
    between.push(text.slice(from, start));
    numbers.push(number);
    from = end;
  }
  return { between: [...between, text.slice(from)], numbers };
}

interface Piece {
  kind: 'literal' | 'comment' | 'parameter' | 'end';
  start: number;
  end: number;
  number: number;
}

function* piecesOf(text: string): Generator<Piece> {
  PIECE.lastIndex = 0;
  let at = 0;
  for (;;) {
    PIECE.lastIndex = at;
    const match = PIECE.exec(text);
    if (!match) return;
    const { literal, comment, number } = match.groups ?? {};
    const start = match.index;
    at = comment === '/*' ? endOfComment(text, start) : start + match[0].length;
    const kind =
      literal !== undefined
        ? 'literal'
        : comment !== undefined
          ? 'comment'
          : number === undefined
            ? 'end'
            : 'parameter';
    yield { kind, start, end: at, number: Number(number) };
  }
}

/** They nest. */
function endOfComment(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at += 1) {
    const two = text.slice(at, at + 2);
    if (two === '/*') depth += 1;
    else if (two === '*/') depth -= 1;
    else continue;
    at += 1;
    if (depth === 0) return at + 1;
  }
  return text.length;
}

import { quoteIdentifier, quoteLiteral } from '../postgres/identifiers.js';
import { type Layout, type Rendering, renderingOf, renderTable } from './layout.js';

/**
 * What is for some hosts only stands between comments `if name` and `fi`; also `not name`, `one and other`, `one or other`.
 * The innermost, with the whole lines that the comments have for themselves.
 */
const CONDITIONAL =
  /(^[ ]*)?\/\*if ([a-z_ ]+)\*\/([ ]*\n)?((?:(?!\/\*if )[\s\S])*?)(^[ ]*)?\/\*fi\*\/([ ]*(?:\n[ ]*)?)/m;
/** The last comma in a list goes, whatever its last item is. */
const LIST = /[ ]*\/\*list\*\/\s*([\s\S]*?)\s*\/\*end\*\//g;
/**
 * What is looked at in one pass: comments, strings and quoted names, which stay as they are; the quotes of bodies; a column
 * that is read (with its alias), a name, a literal, a type.
 */
const TOKEN =
  /--[^\n]*|'[^']*'|"[^"]*"|\$(?:body|insert)\$|(?:\b([A-Za-z_]+)\.)?:"([a-z_]+)"|:'([a-z_]+)'|:([a-z_]+_t(?:ype|ext))\b/g;

/**
 * Turns a file of `sql/` into plain SQL for the tables of a host. The placeholders are those of psql: `:"times_used"` becomes
 * a quoted name and `:'times_used'` a literal; `c.:"times_used"` is a column that is read, in whose place an expression
 * stands where the host has no such column; `:code_id_type` is a type.
 *
 * A name may hold anything. So it is given a file, never text that names were written into: what stands in a name would be
 * taken for a quote, a placeholder or the end of a statement. For the same reason a file is taken apart first, and its
 * parts are rendered.
 *
 * @param further names beside those of the layout
 * @param texts what stands in the file as it is, such as `:json_text`
 */
export function renderSqlFile(
  file: string,
  layout: Layout,
  further: Record<string, string> = {},
  texts: Record<string, string> = {},
): string {
  const rendering = renderingOf(layout, further);
  const { names, types } = rendering;
  const suffix = quoteSuffixFor([...names.values(), ...Object.values(texts)]);
  return forHost(file, rendering).replace(
    TOKEN,
    (token: string, alias?: string, quoted?: string, literal?: string, type?: string) => {
      if (/^\$(?:body|insert)\$$/.test(token)) return `${token.slice(0, -1)}${suffix}$`;
      if (type !== undefined) return types.get(type) ?? texts[type] ?? token;
      const name = quoted ?? literal;
      if (name === undefined) return token;
      if (name === 'codes' || name === 'uses') {
        return `${alias === undefined ? '' : `${alias}.`}${renderTable(layout, name, literal ? "'" : '"')}`;
      }
      if (!names.has(name)) return token;
      const value = names.get(name) ?? null;
      if (literal !== undefined) return value === null ? 'NULL' : quoteLiteral(value);
      if (alias !== undefined) {
        const read = rendering.reads(name, alias);
        if (read !== undefined) return read;
      }
      if (value === null) throw new Error(`the host has no column for :"${name}"`);
      return `${alias === undefined ? '' : `${alias}.`}${quoteIdentifier(value)}`;
    },
  );
}

/** Without what is for other hosts. */
export function forHost(file: string, { conditions }: Pick<Rendering, 'conditions'>): string {
  let text = file;
  for (let found = CONDITIONAL.exec(text); found; found = CONDITIONAL.exec(text)) {
    const [whole, firstIndent, condition = '', firstEnd, inner = '', lastIndent, lastEnd = ''] = found;
    const kept = holds(condition.trim(), conditions) ? inner : '';
    const isOfLines = firstIndent !== undefined && firstEnd !== undefined && lastIndent !== undefined;
    // What stands in a line of other things leaves one space.
    const instead = isOfLines
      ? kept + lastEnd.replace(/^ *\n/, '')
      : (firstIndent ?? '') + kept.trim() + (lastEnd === '' || kept.trim() === '' ? '' : ' ');
    text = text.slice(0, found.index) + instead + text.slice(found.index + whole.length);
  }
  return text.replace(LIST, (_, items: string) => ` ${items.replace(/,\s*$/, '')}`);
}

function holds(condition: string, conditions: ReadonlySet<string>): boolean {
  if (condition.includes(' or ')) return condition.split(' or ').some((part) => holds(part, conditions));
  if (condition.includes(' and ')) return condition.split(' and ').every((part) => holds(part, conditions));
  return condition.startsWith('not ') ? !conditions.has(condition.slice(4)) : conditions.has(condition);
}

/** With it no name can end a dollar quote. */
function quoteSuffixFor(values: (string | null)[]): string {
  let suffix = '';
  while (values.some((value) => value?.includes(`$body${suffix}`) || value?.includes(`$insert${suffix}`)))
    suffix += '_';
  return suffix;
}

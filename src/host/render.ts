import { quoteIdentifier, quoteLiteral } from '../postgres/identifiers.js';
import { type Layout, type Rendering, renderingOf, renderTable } from './layout.js';

/**
 * What is for some hosts only stands between comments `if name` and `fi`; also `not name`, `one and other`, `one or other`.
 * They may have whole lines for themselves.
 */
const CONDITIONAL = /(^ *)?\/\*(?:if ([a-z_ ]+)|fi)\*\/( *(?:\n *)?)/gm;
/** The last comma in a list goes, whatever its last item is. */
const LIST = /[ ]*\/\*list\*\/\s*([\s\S]*?)\s*\/\*end\*\//g;
/**
 * What is looked at in one pass: comments, strings and quoted names, which stay as they are; the quotes of bodies; a column
 * that is read (with its alias), a name, a literal, a type; the present, but not where it is the default of a column.
 */
const TOKEN =
  /--[^\n]*|'[^']*'|"[^"]*"|\$(?:body|insert)\$|(?:\b([A-Za-z_]+)\.)?:"([a-z_]+)"|:'([a-z_]+)'|:([a-z_]+_t(?:ype|ext))\b|(?<![\w."]|DEFAULT )((?:now|clock_timestamp)\(\))/g;

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
    (token: string, alias?: string, quoted?: string, literal?: string, type?: string, present?: string) => {
      if (/^\$(?:body|insert)\$$/.test(token)) return `${token.slice(0, -1)}${suffix}$`;
      if (present !== undefined) return layout.testClock ? presentOf(layout, present) : present;
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

/** The present where a repository may set it: of an installation that is for tests. */
function presentOf({ librarySchema }: Layout, call: string): string {
  return `${quoteIdentifier(librarySchema)}.promo_code_clock(pg_catalog.${call})`;
}

/** What was made of a file for some conditions; most hosts have the same. */
const MOST_CONDITIONS = 100;
const forConditions = new Map<string, Map<string, string>>();
const keys = new WeakMap<ReadonlySet<string>, string>();

/** Without what is for other hosts. */
export function forHost(file: string, { conditions }: Pick<Rendering, 'conditions'>): string {
  if (!file.includes('/*')) return file;
  const key = keys.get(conditions) ?? [...conditions].sort().join(' ');
  keys.set(conditions, key);
  const files = forConditions.get(key) ?? new Map<string, string>();
  if (!forConditions.has(key)) {
    if (forConditions.size >= MOST_CONDITIONS) forConditions.clear();
    forConditions.set(key, files);
  }
  const known = files.get(file);
  if (known !== undefined) return known;
  const text = keptOf(file, conditions).replace(LIST, (_, items: string) => ` ${items.replace(/,\s*$/, '')}`);
  files.set(file, text);
  return text;
}

/** A conditional part that is open. */
interface Part {
  condition: string;
  indent: string | undefined;
  ownsLine: boolean;
  /** What stands before it. */
  before: string;
}

function keptOf(file: string, conditions: ReadonlySet<string>): string {
  const open: Part[] = [];
  let text = '';
  let end = 0;
  for (const { 0: token, 1: indent, 2: condition, 3: space = '', index } of file.matchAll(CONDITIONAL)) {
    text += file.slice(end, index);
    end = index + token.length;
    if (condition !== undefined) {
      const ownsLine = indent !== undefined && space.includes('\n');
      // The indentation of the next line is part of it.
      end -= space.length - (space.indexOf('\n') + 1);
      open.push({ condition: condition.trim(), indent, ownsLine, before: text });
      text = '';
      continue;
    }
    const part = open.pop();
    if (!part) throw new Error('a conditional part ends that has not begun');
    const kept = holds(part.condition, conditions) ? text : '';
    if (part.ownsLine && indent !== undefined) text = part.before + kept + space.replace(/^ *\n/, '');
    // What stands in a line of other things leaves one space.
    else text = part.before + (part.indent ?? '') + kept.trim() + (space === '' || kept.trim() === '' ? '' : ' ');
  }
  if (open.length > 0) throw new Error(`the part for ${open[0]!.condition} does not end`);
  return text + file.slice(end);
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

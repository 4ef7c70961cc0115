import { quoteIdentifier, quoteLiteral } from './identifiers.js';

/** The psql variables that the files of `sql/` use. */
export interface SqlVariables {
  schema: string;
  counter_writes?: string;
  granularity?: string;
  /** The partition that a trigger is on. */
  table_schema?: string;
  table?: string;
}

/**
 * What is looked at in a file of `sql/`, in one pass: comments, strings and quoted names, which stay as they are; the quotes
 * of bodies; and the placeholders.
 */
const TOKEN = /--[^\n]*|'[^']*'|"[^"]*"|\$body\$|:(["'])([a-z_]+)\1/g;

/**
 * Turns a file of `sql/` into plain SQL: psql's own commands go, `:"name"` and `:'name'` become quoted values. psql does
 * the same when the file is run through it, only that it does not look inside function bodies (see
 * `sql/resolve-bodies.sql`).
 *
 * A name may hold anything. So it is given a file, never text that names were written into: what stands in a name would be
 * taken for a quote, a placeholder or the end of a statement. For the same reason a file is taken apart first, and its
 * parts are rendered.
 */
export function renderSqlText(file: string, variables: SqlVariables): string {
  const bodyQuote = bodyQuoteFor(Object.values(variables));
  return file.replace(/^\\.*\n/gm, '').replace(TOKEN, (token, quote?: string, name?: string) => {
    if (token === '$body$') return bodyQuote;
    const value = name && variables[name as keyof SqlVariables];
    if (value === undefined) return token;
    return quote === '"' ? quoteIdentifier(value) : quoteLiteral(value);
  });
}

/** A dollar quote that no name can end. */
function bodyQuoteFor(values: string[]): string {
  let tag = '$body';
  while (values.some((value) => value.includes(tag))) tag += '_';
  return `${tag}$`;
}

/** A piece of SQL that several files of `sql/` share, as {@link readRules} reads it from a file of `sql/rules/`. */
interface SqlRule {
  parameters: string[];
  text: string;
}

/** The rules by name. */
export type SqlRules = ReadonlyMap<string, SqlRule>;

const RULE_HEADER = /^-- ([a-z_]+)\(([a-z_, ]*)\): /;

/** What is looked at where rules are used: comments, strings and quoted names, which stay as they are, and the uses. */
const RULE_TOKEN = /--[^\n]*|'[^']*'|"[^"]*"|(?<!:):([a-z_]+)\(/g;

/** The same inside the parentheses of a use. */
const ARGUMENT_TOKEN = /--[^\n]*|'[^']*'|"[^"]*"|[(),[\]]/g;

/**
 * Reads files of `sql/rules/`. Each begins with a comment `-- name(parameter, parameter): what it is.`, and its text has
 * `$parameter` where an argument goes. A rule may use those before it in the list.
 */
export function readRules(files: readonly string[]): SqlRules {
  const rules = new Map<string, SqlRule>();
  for (const file of files) {
    const [header, name, list = ''] = RULE_HEADER.exec(file) ?? [];
    if (!header || !name)
      throw new Error(`a rule begins with "-- name(parameters): ", not with ${file.split('\n')[0]}`);
    if (rules.has(name)) throw new Error(`the rule ${name} stands twice`);
    const parameters = list.split(/, */).filter((parameter) => parameter !== '');
    const text = expandRules(file.replace(/^ *--.*\n/gm, '').trim(), rules);
    for (const [, used = ''] of text.matchAll(PARAMETER)) {
      if (!parameters.includes(used)) throw new Error(`the rule ${name} has no parameter ${used}`);
    }
    rules.set(name, { parameters, text });
  }
  return rules;
}

const PARAMETER = /\$([a-z_]+)\b(?!\$)/g;

/**
 * Writes the text of a rule in the place of each `:rule(argument, argument)`: the server gets one piece of SQL, as if it
 * stood there. A use of a rule that does not exist, or with another number of arguments, is an error.
 */
export function expandRules(file: string, rules: SqlRules): string {
  let expanded = '';
  let end = 0;
  for (const token of file.matchAll(RULE_TOKEN)) {
    const [use, name] = token;
    // What stands in the arguments of a use before it is done already.
    if (name === undefined || token.index < end) continue;
    const rule = rules.get(name);
    if (!rule) throw new Error(`there is no rule ${name}`);
    const list = argumentsFrom(file, token.index + use.length, name);
    if (list.values.length !== rule.parameters.length) {
      throw new Error(
        `the rule ${name} takes ${rule.parameters.length} arguments (${rule.parameters.join(', ')}), not ${list.values.length}`,
      );
    }
    const values = new Map(rule.parameters.map((parameter, n) => [parameter, expandRules(list.values[n]!, rules)]));
    const text = rule.text.replace(PARAMETER, (_, parameter: string, at: number) =>
      atColumn(values.get(parameter)!, columnOf(rule.text, at)),
    );
    expanded += file.slice(end, token.index);
    expanded += atColumn(text, columnOf(expanded, expanded.length));
    end = list.end;
  }
  return expanded + file.slice(end);
}

/** The arguments of a use, split at the commas outside all brackets, and where its closing parenthesis ends. */
function argumentsFrom(file: string, start: number, name: string): { values: string[]; end: number } {
  const values: string[] = [];
  let depth = 0;
  let from = start;
  for (const { 0: token, index } of file.slice(start).matchAll(ARGUMENT_TOKEN)) {
    const at = start + index;
    if (token === '(' || token === '[') depth += 1;
    else if (depth > 0 && (token === ')' || token === ']')) depth -= 1;
    else if (depth === 0 && (token === ',' || token === ')')) {
      values.push(dedented(file.slice(from, at).trim()));
      from = at + 1;
      if (token === ')') return { values: values.length === 1 && values[0] === '' ? [] : values, end: at + 1 };
    }
  }
  throw new Error(`a use of the rule ${name} has no end`);
}

/** Its lines after the first without the spaces that all of them begin with. */
function dedented(text: string): string {
  const common = Math.min(...[...text.matchAll(/\n( *)(?=\S)/g)].map(([, spaces = '']) => spaces.length));
  return Number.isFinite(common) ? text.replaceAll(`\n${' '.repeat(common)}`, '\n') : text;
}

/** Its lines after the first moved to the right. */
function atColumn(text: string, column: number): string {
  return text.replaceAll('\n', `\n${' '.repeat(column)}`);
}

function columnOf(text: string, at: number): number {
  return at - (text.lastIndexOf('\n', at - 1) + 1);
}

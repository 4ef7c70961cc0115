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

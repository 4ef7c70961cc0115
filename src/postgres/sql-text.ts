import { quoteIdentifier, quoteLiteral } from './identifiers.js';

/** The psql variables that the files of `sql/` use. */
export interface SqlVariables {
  schema: string;
  counter_writes?: string;
  granularity?: string;
}

/**
 * Turns a file of `sql/` into plain SQL: psql's own commands go, `:"name"` and `:'name'` become quoted values. psql does
 * the same when the file is run through it, only that it does not look inside function bodies (see
 * `sql/resolve-bodies.sql`).
 */
export function renderSqlText(text: string, variables: SqlVariables): string {
  const withoutCommands = text.replace(/^\\.*\n/gm, '');
  const rendered = withoutCommands.replace(/:(["'])([a-z_]+)\1/g, (placeholder, quote: string, name: string) => {
    const value = variables[name as keyof SqlVariables];
    if (value === undefined) return placeholder;
    return quote === '"' ? quoteIdentifier(value) : quoteLiteral(value);
  });
  return requoteBodies(rendered, variables.schema);
}

/** A schema name may contain what the bodies are quoted with. */
function requoteBodies(sql: string, schema: string): string {
  let tag = 'body';
  while (schema.includes(`$${tag}$`)) tag += '_';
  return tag === 'body'
    ? sql
    : sql.replace(/^(AS |DO )?\$body\$/gm, (quote) => quote.replace('$body$', () => `$${tag}$`));
}

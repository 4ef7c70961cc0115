import columnsSql from '../../sql/archive/columns.sql';
import { ValidationError } from '../errors.js';
import type { Queryable } from '../postgres/database.js';
import type { ArchiveHost } from './archive-host.js';
import type { ParsedTable } from './options.js';

/** The part of a statement that puts what is removed into a table, and the names in it. */
export interface Into {
  part: string;
  names: Record<string, string>;
}

/** @throws ValidationError where there is no such table, or it lacks columns of the uses */
export async function readInto(db: Queryable, host: ArchiveHost, into: ParsedTable): Promise<Into> {
  const { schema = host.layout.schema, table } = into;
  const { rows } = await db.query(host.sql(columnsSql), [schema, table]);
  const [found] = rows;
  if (!found) throw refused(`is no table: there is no ${schema}.${table}`);
  if (found.of_uses === 'true') throw refused('must be another table than that of the uses, and no partition of it');
  const there: string[] = JSON.parse(String(found.names));
  const written: string[] = JSON.parse(String(found.written ?? '[]'));
  const columns = host.catalog.tables.uses?.columns ?? [];
  const missing = columns.filter(({ name, generated }) => !there.includes(name) && generated === '');
  if (missing.length > 0)
    throw refused(`must have the columns of the uses, and lacks ${missing.map(({ name }) => name).join(', ')}`);
  const kept = columns.map(({ name }) => name).filter((name) => written.includes(name));
  const named = kept.map((name, place) => [`into_${letters(place)}`, name] as const);
  const list = (alias: string) => named.map(([name]) => `${alias}:"${name}"`).join(', ');
  return {
    part: `, taken AS (
  INSERT INTO :"into_schema".:"into" (${list('')})
  OVERRIDING SYSTEM VALUE
  SELECT ${list('u.')} FROM gone AS u
)`,
    names: { into_schema: schema, into: table, ...Object.fromEntries(named) },
  };
}

/** Names of placeholders have no digits. */
function letters(place: number): string {
  return String(place).replace(/\d/g, (digit) => 'abcdefghij'.charAt(Number(digit)));
}

function refused(message: string): ValidationError {
  return new ValidationError([{ path: 'into', message }]);
}

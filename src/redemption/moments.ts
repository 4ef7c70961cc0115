import { snakeCase } from '../host/description.js';
import { quoteLiteral } from '../postgres/identifiers.js';
import type { Host, HostTable, Role } from './host.js';

/** Seconds since 1970 of a column that is read as `c` or `u`, under a session of any time zone. */
export function epochOf(host: Host, table: HostTable, role: Role): string {
  return `extract(epoch FROM ${momentOf(host, table, role)})`;
}

/** The moment that a column holds: one without time zone has the time of the host's zone, a date its beginning. */
export function momentOf(host: Host, table: HostTable, role: Role): string {
  const column = `${table === 'codes' ? 'c' : 'u'}.:"${snakeCase(role)}"`;
  const zone = quoteLiteral(host.layout.timeZone);
  const type = host.baseTypeOf(table, role);
  if (type === 'date') return `(${column}::timestamp AT TIME ZONE ${zone})`;
  return type.endsWith('without time zone') ? `(${column} AT TIME ZONE ${zone})` : column;
}

/** A moment, as a column compares with it and takes it. */
export function asColumn(host: Host, table: HostTable, role: Role, moment: string): string {
  const zone = quoteLiteral(host.layout.timeZone);
  const type = host.baseTypeOf(table, role);
  if (type === 'date') return `(${moment} AT TIME ZONE ${zone})::date`;
  return type.endsWith('without time zone') ? `(${moment} AT TIME ZONE ${zone})::${type}` : moment;
}

import type { Layout } from '../host/layout.js';
import { quoteIdentifier } from '../postgres/identifiers.js';
import type { Catalog } from './catalog.js';

/** Others who may put objects into a schema in which functions look for theirs. */
export function creatorWarnings({ schema }: Layout, { schema: found }: Catalog): string[] {
  const creators = found?.creators ?? [];
  if (creators.length === 0) return [];
  return [
    `${creators.join(', ')} may create objects in schema ${schema}, where triggers of the host look for theirs. ` +
      `Take it back with REVOKE CREATE ON SCHEMA ${quoteIdentifier(schema)} FROM ` +
      `${creators.map((role) => (role === 'PUBLIC' ? role : quoteIdentifier(role))).join(', ')}.`,
  ];
}

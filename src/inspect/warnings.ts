import type { Layout } from '../host/layout.js';
import { quoteIdentifier } from '../postgres/identifiers.js';
import type { Catalog } from './catalog.js';
import { SQL_REVISION } from './definition.js';
import type { Choice } from './installation.js';

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

/** What of an installation is not as this version and this server would have it, and stays so. */
export function installationWarnings({ stored, isNewer }: Choice, { missingRoles }: Catalog): string[] {
  const warnings: string[] = [];
  if (isNewer && stored) {
    warnings.push(
      `Revision ${stored.revision} is installed, by a newer version of pg-promo-codes than this one (revision ${SQL_REVISION}), which ` +
        'uses it and leaves it as it is, whatever the options say.',
    );
  }
  if (missingRoles.length > 0) {
    warnings.push(
      `Roles that may redeem (option grantTo) do not exist: ${missingRoles.join(', ')}. They get their rights at the next ` +
        'installTriggers() after they were created.',
    );
  }
  return warnings;
}

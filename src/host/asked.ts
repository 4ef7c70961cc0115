import type { HostTables } from './description.js';
import { defaultLibrarySchema } from './library-schema.js';

/** Which installation is meant, as far as a caller says; the rest is as installed. */
export interface Asked {
  /** The schema of the host's tables. */
  schema?: string | undefined;
  librarySchema?: string | undefined;
  tables?: HostTables | undefined;
}

/** What the rule `installed_place` is rendered with. */
export function askedVariables({ schema, librarySchema, tables }: Asked): Record<string, string> {
  return {
    asked_schema: schema ?? '',
    asked_library: librarySchema ?? '',
    asked_codes: tables ? (tables.codes?.name ?? 'promo_codes') : '',
    asked_uses: tables ? (tables.uses?.name ?? 'promo_code_uses') : '',
    default_library: defaultLibrarySchema(schema ?? 'public'),
  };
}

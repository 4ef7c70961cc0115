import type { HostTables } from './description.js';
import { defaultLibrarySchema } from './library-schema.js';

/** Which installation is meant, as far as a caller says; the rest is as installed. */
export interface Asked {
  /** The schema of the host's tables. */
  schema?: string | undefined;
  librarySchema?: string | undefined;
  tables?: HostTables | undefined;
  /** One that is asked for: whether the server knows it is looked up. */
  timeZone?: string | undefined;
}

/** What the rule `installed_place` and the files that use it are rendered with. */
export function askedVariables({ schema, librarySchema, tables, timeZone }: Asked): Record<string, string> {
  return {
    asked_schema: schema ?? '',
    asked_library: librarySchema ?? '',
    asked_codes: tables ? (tables.codes?.name ?? 'promo_codes') : '',
    asked_uses: tables ? (tables.uses?.name ?? 'promo_code_uses') : '',
    asked_time_zone: timeZone ?? '',
    default_library: defaultLibrarySchema(schema ?? 'public'),
  };
}

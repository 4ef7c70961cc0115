import type { HostTables } from '../../src/host/description';
import type { InstallOptions, RedeemInput } from '../../src/index';

/** What an installation of the matrix may be given. */
export type HostOptions = InstallOptions & {
  tables?: HostTables;
  librarySchema?: string;
  timeZone?: string;
  customerMatching?: 'folded' | 'exact';
};

/** A redemption, with values for columns that only the host knows. */
export type HostRequest = RedeemInput & { columns?: Record<string, unknown> };

/** One pair of tables that the library has to take as it finds it. */
export interface Host {
  name: string;
  /** Creates the tables in `:"schema"`. None: `installSchema` does. */
  ddl: string | null;
  /** As `installTriggers` gets it; none: the names are those of the seed. */
  tables?: HostTables;
  options?: Pick<HostOptions, 'timeZone' | 'customerMatching'>;
  /** `'own'`: a name is given. `'host'`: the schema of the tables. None: the default. */
  librarySchema?: 'own' | 'host';
  /** The nth customer, in the type of the column. Default: `customer-n`. */
  customer?: (n: number) => string;
  /** The nth purchase, in the type of the column. Default: `purchase-n`. */
  transaction?: (n: number) => string;
  /** The shop of all codes. Default: `shop`. */
  shop?: string;
  /** Ids that nothing has, in the types of the columns. Default: a whole number. */
  unknownIds?: { code: string; use: string };
  /** A type of bonus that the column takes and the description does not name; none where the column refuses it. */
  otherBonusType?: string;
  /** Columns that must not be NULL, have no default and no role. */
  codeColumns?: Record<string, unknown>;
  useColumns?: Record<string, unknown>;
  /** A second pair of tables in the same schema, installed as well. */
  neighbour?: Host;
}

/** Whether a host has a column for a role. */
export function hasCodeColumn(
  host: Host,
  role: keyof NonNullable<NonNullable<HostTables['codes']>['columns']>,
): boolean {
  return host.tables?.codes?.columns?.[role] !== null;
}

/** Whether a host has a column for a role. */
export function hasUseColumn(host: Host, role: keyof NonNullable<NonNullable<HostTables['uses']>['columns']>): boolean {
  return host.tables?.uses?.columns?.[role] !== null;
}

/** How a host keeps uses that were taken back; none where it deletes them. */
export function rolledBackOf(host: Host) {
  return host.tables?.uses?.rolledBack;
}

export const uuidOf = (n: number): string => `6f1c0f8e-3a55-4c0e-9d5e-${String(n).padStart(12, '0')}`;

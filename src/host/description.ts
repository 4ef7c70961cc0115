/** The columns of the host's table of codes, by the names of the fields of `PromoCode`. */
export const CODE_COLUMNS = [
  ...(['id', 'code', 'shopId', 'name', 'description', 'bonusType', 'bonusValue', 'maxBonus', 'startDate'] as const),
  ...(['endDate', 'totalUsageLimit', 'perCustomerLimit', 'timesUsed', 'totalBonusIssued', 'isActive'] as const),
  ...(['createdAt', 'updatedAt'] as const),
] as const;

/** The columns of the host's table of uses, by the names of the fields of `PromoCodeUse`. */
export const USE_COLUMNS = [
  ...(['id', 'promoCodeId', 'customerAddress', 'shopId', 'transactionId', 'baseReward', 'bonusAmount'] as const),
  ...(['totalReward', 'usedAt'] as const),
] as const;

export type CodeColumn = (typeof CODE_COLUMNS)[number];
export type UseColumn = (typeof USE_COLUMNS)[number];

/** The two tables of a host. */
export type HostTable = 'codes' | 'uses';

/** How a use is taken back that the host keeps: such a use is not counted. */
export type RolledBack =
  /** A timestamp: NULL counts; `rollbackUse` sets it. */
  | { column: string; counts?: undefined; value?: undefined; redeemed?: undefined; reserved?: undefined }
  /** A status: uses with one of the values in `counts` count; `rollbackUse` sets `value`. */
  | {
      column: string;
      counts: string[];
      value: string;
      /** What a new use gets, where the default of the column is not it. */
      redeemed?: string | undefined;
      /** What a hold gets, where the default of the column is not it. */
      reserved?: string | undefined;
    };

/** The host's two tables, as far as they differ from those of `installSchema`. A column that a host does not have is `null`. */
export interface HostTables {
  codes?:
    | {
        name?: string | undefined;
        columns?: { [Role in CodeColumn]?: string | null | undefined } | undefined;
        /** The host's own words for the two types of bonus. */
        bonusTypes?: { fixed?: string[] | undefined; percentage?: string[] | undefined } | undefined;
      }
    | undefined;
  uses?:
    | {
        name?: string | undefined;
        columns?: { [Role in UseColumn]?: string | null | undefined } | undefined;
        rolledBack?: RolledBack | undefined;
      }
    | undefined;
}

/** The description of the host's tables with every default filled in: what an installation stores. */
export interface HostDescription {
  /** The schema of the host's tables. */
  schema: string;
  codes: {
    name: string;
    columns: Record<CodeColumn, string | null>;
    bonusTypes: { fixed: string[]; percentage: string[] };
  };
  uses: { name: string; columns: Record<UseColumn, string | null>; rolledBack: RolledBack | null };
  /** Of columns without time zone. */
  timeZone: string;
  customerMatching: 'folded' | 'exact';
}

/** The types of ids as SQL takes them, from the catalog. */
export interface HostTypes {
  codeId: string;
  useId: string;
}

/** `timesUsed` is `times_used` in the seed's tables. */
export function snakeCase(role: string): string {
  return role.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The description of tables that are those of `installSchema`, but for what is given. */
export function describeTables(schema: string, tables: HostTables = {}): HostDescription {
  const columns = <Role extends string>(
    roles: readonly Role[],
    given: { [R in Role]?: string | null | undefined } = {},
  ) =>
    Object.fromEntries(
      roles.map((role) => [role, given[role] === undefined ? snakeCase(role) : given[role]]),
    ) as Record<Role, string | null>;
  const { codes = {}, uses = {} } = tables;
  return {
    schema,
    codes: {
      name: codes.name ?? 'promo_codes',
      columns: columns(CODE_COLUMNS, codes.columns),
      bonusTypes: {
        fixed: codes.bonusTypes?.fixed ?? ['fixed'],
        percentage: codes.bonusTypes?.percentage ?? ['percentage'],
      },
    },
    uses: {
      name: uses.name ?? 'promo_code_uses',
      columns: columns(USE_COLUMNS, uses.columns),
      rolledBack: uses.rolledBack ?? null,
    },
    timeZone: 'UTC',
    customerMatching: 'folded',
  };
}

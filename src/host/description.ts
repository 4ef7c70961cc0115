/** A column of the host's table of codes, by the name of the field of `PromoCode`. */
export type CodeColumn =
  | ('id' | 'code' | 'shopId' | 'name' | 'description' | 'bonusType' | 'bonusValue' | 'maxBonus' | 'startDate')
  | ('endDate' | 'totalUsageLimit' | 'perCustomerLimit' | 'maxTotalBonus' | 'budgetOverrun' | 'minBaseReward')
  | ('customerAddress' | 'metadata' | 'timesUsed' | 'totalBonusIssued' | 'isActive' | 'createdAt' | 'updatedAt');

/** A column of the host's table of uses, by the name of the field of `PromoCodeUse`. */
export type UseColumn =
  | ('id' | 'promoCodeId' | 'customerAddress' | 'shopId' | 'transactionId' | 'baseReward' | 'bonusAmount')
  | ('totalReward' | 'usedAt');

/** In the order in which they are created. */
export const CODE_COLUMNS: readonly CodeColumn[] = keysOf<CodeColumn>({
  id: true,
  code: true,
  shopId: true,
  name: true,
  description: true,
  bonusType: true,
  bonusValue: true,
  maxBonus: true,
  startDate: true,
  endDate: true,
  totalUsageLimit: true,
  perCustomerLimit: true,
  maxTotalBonus: true,
  budgetOverrun: true,
  minBaseReward: true,
  customerAddress: true,
  metadata: true,
  timesUsed: true,
  totalBonusIssued: true,
  isActive: true,
  createdAt: true,
  updatedAt: true,
});

export const USE_COLUMNS: readonly UseColumn[] = keysOf<UseColumn>({
  id: true,
  promoCodeId: true,
  customerAddress: true,
  shopId: true,
  transactionId: true,
  baseReward: true,
  bonusAmount: true,
  totalReward: true,
  usedAt: true,
});

/**
 * Columns that most hosts do not have, and need not say so. Under its usual name such a column is taken for its role where it
 * is there and can serve. An installation that was made before it was there goes on without it, until it is described, or
 * found by `installSchema`.
 */
export const EXTRA_COLUMNS: readonly CodeColumn[] = [
  ...(['maxTotalBonus', 'budgetOverrun', 'minBaseReward', 'customerAddress', 'metadata'] as const),
];

/** The two tables of a host. */
export type HostTable = 'codes' | 'uses';

/** How a use is taken back whose row stays; such a use is not counted. */
export type RolledBack = RolledBackAt | RolledBackStatus;

/** A timestamp: a use with NULL counts, and `rollbackUse` sets the timestamp. */
export interface RolledBackAt {
  /** The column. */
  column: string;
  /** Only with a status. */
  counts?: undefined;
  /** Only with a status. */
  value?: undefined;
  /** Only with a status. */
  redeemed?: undefined;
  /** Only with a status. */
  reserved?: undefined;
}

/** A status: a use with one of the values in `counts` counts, and `rollbackUse` sets `value`. */
export interface RolledBackStatus {
  /** The column. */
  column: string;
  /** The values of a use that counts. */
  counts: string[];
  /** What a use gets when it is taken back. */
  value: string;
  /** What a new use gets, where the default of the column is not it. */
  redeemed?: string | undefined;
  /** What a hold gets, where the default of the column is not it. */
  reserved?: string | undefined;
}

/**
 * The host's two tables, as far as they differ from those of `installSchema`.
 *
 * @example
 * const tables: HostTables = {
 *   codes: { name: 'coupons', columns: { code: 'name', name: null, shopId: null } },
 *   uses: { name: 'coupon_redemptions', columns: { promoCodeId: 'coupon_id' }, rolledBack: { column: 'cancelled_at' } },
 * };
 */
export interface HostTables {
  /** The table of codes. */
  codes?: CodesTable | undefined;
  /** The table of their uses. */
  uses?: UsesTable | undefined;
}

/** The host's table of codes. */
export interface CodesTable {
  /** Its name. Default: `promo_codes`. */
  name?: string | undefined;
  /** The names of its columns; `null` for one that the host does not have. Default: as `shop_id` for `shopId`. */
  columns?: Partial<Record<CodeColumn, string | null | undefined>> | undefined;
  /** The host's own words for the two types of bonus. */
  bonusTypes?: BonusTypeWords | undefined;
}

/** The host's table of uses. */
export interface UsesTable {
  /** Its name. Default: `promo_code_uses`. */
  name?: string | undefined;
  /** The names of its columns; `null` for one that the host does not have. Default: as `promo_code_id` for `promoCodeId`. */
  columns?: Partial<Record<UseColumn, string | null | undefined>> | undefined;
  /** How a use is taken back, where its row stays. Default: the row is deleted. */
  rolledBack?: RolledBack | undefined;
}

/** Words for the two types of bonus, compared without case and outer spaces. */
export interface BonusTypeWords {
  /** The bonus is an amount. Default: `['fixed']`. */
  fixed?: string[] | undefined;
  /** The bonus is a part of the reward. Default: `['percentage']`. */
  percentage?: string[] | undefined;
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
  /** The installation is for tests: its functions take the present from the repository that calls them. */
  testClock?: true;
}

/** The types of ids as SQL takes them, from the catalog. */
export interface HostTypes {
  codeId: string;
  useId: string;
  /** Of the column by which uses are taken back. */
  rolledBack?: string | undefined;
  /** By placeholder: ids whose columns are of another type (a domain, `varchar`) and are read as the type above. */
  casts?: Record<string, string> | undefined;
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

/** Every name once: the compiler misses none and takes no other. */
function keysOf<Key extends string>(all: Record<Key, true>): Key[] {
  return Object.keys(all) as Key[];
}

import type { CodeColumn, UseColumn } from './description.js';
import { EXACT, STRINGS, TIMES, WHOLE } from './types.js';

/** What a column must be, by its role. */
export interface ColumnRule {
  /** Base types; `enum` stands for all of those. */
  types: readonly string[];
  /** Whether the library writes the column when a code is redeemed. */
  isWritten?: true;
  /** Whether redeeming is impossible for a host that does not have it. */
  isNeededToRedeem?: true;
}

const TEXTS = [...STRINGS, 'citext'];
const IDS = [...WHOLE, 'uuid', ...STRINGS];
const IDENTITIES = [...WHOLE, 'uuid', ...TEXTS];

/** The table of codes. */
export const CODE_RULES: Record<CodeColumn, ColumnRule> = {
  id: { types: IDS, isNeededToRedeem: true },
  code: { types: TEXTS, isNeededToRedeem: true },
  shopId: { types: IDENTITIES },
  name: { types: TEXTS },
  description: { types: TEXTS },
  bonusType: { types: [...TEXTS, 'enum'] },
  bonusValue: { types: EXACT },
  maxBonus: { types: EXACT },
  startDate: { types: TIMES },
  endDate: { types: TIMES },
  totalUsageLimit: { types: EXACT },
  perCustomerLimit: { types: EXACT },
  maxTotalBonus: { types: EXACT },
  budgetOverrun: { types: TEXTS },
  minBaseReward: { types: EXACT },
  customerAddress: { types: IDENTITIES },
  metadata: { types: ['jsonb', 'json'] },
  timesUsed: { types: EXACT },
  totalBonusIssued: { types: EXACT },
  isActive: { types: ['boolean'] },
  createdAt: { types: TIMES },
  updatedAt: { types: TIMES },
};

/** The table of uses. */
export const USE_RULES: Record<UseColumn, ColumnRule> = {
  id: { types: IDS, isWritten: true, isNeededToRedeem: true },
  promoCodeId: { types: IDS, isWritten: true, isNeededToRedeem: true },
  customerAddress: { types: IDENTITIES, isWritten: true, isNeededToRedeem: true },
  shopId: { types: IDENTITIES, isWritten: true },
  transactionId: { types: IDENTITIES, isWritten: true },
  baseReward: { types: EXACT, isWritten: true },
  bonusAmount: { types: EXACT, isWritten: true },
  totalReward: { types: EXACT, isWritten: true },
  usedAt: { types: TIMES, isWritten: true },
};

/** The columns that the triggers and the drift check read or write. */
export const COUNTING: { codes: readonly CodeColumn[]; uses: readonly UseColumn[] } = {
  codes: ['id', 'code', 'shopId', 'timesUsed', 'totalBonusIssued', 'updatedAt'],
  uses: ['promoCodeId'],
};

/** What `enforceLimits` reads beside these. */
export const LIMITING: typeof COUNTING = {
  codes: ['totalUsageLimit', 'perCustomerLimit', 'maxTotalBonus'],
  uses: ['customerAddress'],
};

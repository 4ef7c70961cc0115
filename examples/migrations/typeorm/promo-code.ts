import { EntitySchema } from 'typeorm';

export const PromoCode = new EntitySchema<{ id: string; code: string; timesUsed: number; totalBonusIssued: string }>({
  name: 'PromoCode',
  tableName: 'promo_codes',
  synchronize: false, // schema:sync and migration:generate leave the table as it is, with its checks and indexes
  columns: {
    id: { type: 'bigint', primary: true, generated: 'increment' },
    code: { type: 'text' },
    timesUsed: { type: 'integer', name: 'times_used' },
    totalBonusIssued: { type: 'numeric', name: 'total_bonus_issued' },
  },
});

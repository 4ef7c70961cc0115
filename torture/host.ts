import pg from 'pg';
import { SEED_TABLES, SEED_TRIGGERS } from '../tests/support/host-tables.js';
import type { DesignName } from './settings.js';

export const SHOP = 'shop';
/** Bonuses that `update` sets. */
export const BONUSES = ['5.00', '6.00', '7.50'] as const;

/** A code that is there from the beginning. */
export interface HostCode {
  code: string;
  bonusType: 'fixed' | 'percentage';
  bonusValue: string;
  maxBonus: string | null;
  totalLimit: number | null;
  customerLimit: number | null;
}

function code(name: string, totalLimit: number | null, customerLimit: number | null): HostCode {
  return { code: name, bonusType: 'fixed', bonusValue: '5.00', maxBonus: null, totalLimit, customerLimit };
}

function several(count: number, prefix: string, totalLimit: number | null, customerLimit: number | null): HostCode[] {
  return Array.from({ length: count }, (_, index) => code(`${prefix}-${index + 1}`, totalLimit, customerLimit));
}

/** By what is done with them; the workload takes some more often than others. */
export const hostCodes = {
  hot: [code('HOT-1', null, null), code('HOT-2', null, 2)],
  limited: [code('LIMITED-1', 400, 2), code('LIMITED-2', 60, 3)],
  percentage: [
    { ...code('PERCENT-1', null, 2), bonusType: 'percentage', bonusValue: '12.50', maxBonus: '4.00' } as HostCode,
  ],
  cold: several(60, 'COLD', 6, 1),
  switched: several(3, 'SWITCHED', null, null),
  updated: several(3, 'UPDATED', null, null),
} satisfies Record<string, HostCode[]>;

export const allHostCodes: readonly HostCode[] = Object.values(hostCodes).flat();

/** Makes the host's tables, with the triggers of the design, and its codes. The role owns them. */
export async function createHost(
  client: pg.ClientBase,
  design: DesignName,
  schema: string,
  installSchema: (schema: string) => Promise<unknown>,
): Promise<void> {
  if (design === 'library') await installSchema(schema);
  else {
    const seed = design === 'five-round-trips' ? SEED_TABLES + SEED_TRIGGERS : SEED_TABLES;
    await client.query(seed.replaceAll(':"schema"', () => pg.escapeIdentifier(schema)));
  }
  await createCodes(client, schema);
}

async function createCodes(client: pg.ClientBase, schema: string): Promise<void> {
  await client.query(
    `INSERT INTO ${pg.escapeIdentifier(schema)}.promo_codes
       (code, shop_id, name, bonus_type, bonus_value, max_bonus, start_date, end_date, total_usage_limit, per_customer_limit)
     SELECT code, $2, 'host', "bonusType", "bonusValue", "maxBonus", now() - interval '1 day', now() + interval '10 days',
            "totalLimit", "customerLimit"
       FROM jsonb_to_recordset($1::jsonb) AS c(code text, "bonusType" text, "bonusValue" numeric, "maxBonus" numeric,
                                               "totalLimit" integer, "customerLimit" integer)`,
    [JSON.stringify(allHostCodes), SHOP],
  );
}

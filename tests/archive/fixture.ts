import { expect } from 'vitest';
import { archiveUses, checkDrift, type PromoCode } from '../../src/index';
import type { TestRepository } from '../support/repository';

export const OLD = '2020-06-01T12:00:00Z';
export const BEFORE = new Date('2021-01-01T00:00:00Z');

/** Makes uses old, all or those of one code. */
export async function age(t: TestRepository, code?: PromoCode): Promise<void> {
  await t.sql(
    `UPDATE :"schema".promo_code_uses SET used_at = $1 WHERE $2::bigint IS NULL OR promo_code_id = $2::bigint`,
    [OLD, code?.id ?? null],
  );
}

/** Archives what is old, and answers how many rows that was. */
export async function archiveOld(t: TestRepository, options: object = {}): Promise<number> {
  const { archived } = await archiveUses(t.pool, { schema: t.schema, before: BEFORE, ...options });
  return archived;
}

export async function expectNoDrift(t: TestRepository): Promise<void> {
  expect(await checkDrift(t.pool, { schema: t.schema })).toEqual([]);
}

/** What is carried forward of a code. */
export async function carriedOf(
  t: TestRepository,
  { id }: PromoCode,
): Promise<{ uses: number; bonus: number; customers: number }> {
  const { rows } = await t.sql<{ uses: string; bonus: string; customers: string }>(
    `SELECT coalesce(sum(k.uses), 0)::text AS uses, coalesce(sum(k.bonus), 0)::text AS bonus,
            (SELECT count(*) FROM :"library".promo_code_carried_customers AS c WHERE c.promo_code_id = $1)::text AS customers
       FROM :"library".promo_code_carried_totals AS k WHERE k.promo_code_id = $1`,
    [id],
  );
  const [row] = rows;
  return { uses: Number(row?.uses), bonus: Number(row?.bonus), customers: Number(row?.customers) };
}

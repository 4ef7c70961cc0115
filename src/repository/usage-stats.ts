import type { DecimalString } from '../drift/drift-record.js';
import { NotFoundError, PromoCodesError, ValidationError } from '../errors.js';
import { withRules } from '../host/rules.js';
import type { Queryable } from '../postgres/database.js';
import { SqlState } from '../postgres/sqlstate.js';
import type { Host } from '../redemption/host.js';
import { momentOf } from '../redemption/moments.js';

/** How a code has been used. */
export interface UsageStats {
  /** The code that was asked for. */
  promoCodeId: string;
  /** All uses that there are, holds included. */
  totalUses: number;
  /** The sum of their bonuses. */
  totalBonus: DecimalString;
  /** The sum of their base rewards. */
  totalBaseReward: DecimalString;
  /** Customers, compared without case and outer spaces. */
  distinctCustomers: number;
  /** Per use, to the cent; `'0.00'` without uses. */
  averageBonus: DecimalString;
  /** What the days are days of. */
  timeZone: string;
  /** The last days up to today, in the time zone, without gaps. */
  perDay: DayOfUsage[];
}

/** One day of a code. */
export interface DayOfUsage {
  /** `YYYY-MM-DD`, in the time zone that was asked for. */
  date: string;
  /** How many uses were recorded on it. */
  uses: number;
  /** The sum of their bonuses. */
  bonus: DecimalString;
}

const CUSTOMER = withRules(':customer(u)');
const COUNTS = withRules(':counts(u)');

/** What reads the tables: a call of the repository, or the command line. */
export interface Reading {
  host: Host;
  sql(file: string): string;
  read<Result>(work: (db: Queryable) => Promise<Result>): Promise<Result>;
}

/** One statement, and so one snapshot. Days are those of the time zone, also where one has 23 or 25 hours. */
export async function usageStats(
  call: Reading,
  promoCodeId: string,
  days: number,
  timeZone: string,
): Promise<UsageStats> {
  const used = `${momentOf(call.host, 'uses', 'usedAt')} AT TIME ZONE $3::text`;
  const stats = call.read((db) =>
    db.query(
      call.sql(`WITH uses AS MATERIALIZED (
         SELECT ${CUSTOMER} AS customer, coalesce(u.:"bonus_amount"::numeric, 0::numeric) AS bonus,
                u.:"base_reward"::numeric AS base, (${used})::date AS day
           FROM :"uses" AS u
          WHERE u.:"promo_code_id" = $1:::code_id_type AND ${COUNTS}
       ), days AS (
         SELECT (now() AT TIME ZONE $3::text)::date - g.ago AS day FROM generate_series(0, $2::integer - 1) AS g(ago)
       )
       SELECT (SELECT count(*) FROM :"codes" AS c WHERE c.:"code_id" = $1:::code_id_type)::text AS codes,
              count(*)::text AS uses, coalesce(sum(bonus), 0.00)::text AS bonus, coalesce(sum(base), 0.00)::text AS base,
              pg_catalog.count(DISTINCT customer)::text AS customers, round(coalesce(avg(bonus), 0), 2)::text AS average,
              (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(d.day, d.uses, d.bonus::text) ORDER BY d.day)
                 FROM (SELECT days.day, pg_catalog.count(uses.day) AS uses, coalesce(sum(uses.bonus), 0.00) AS bonus
                         FROM days LEFT JOIN uses ON uses.day = days.day GROUP BY days.day) AS d)::text AS perday
         FROM uses`),
      [promoCodeId, days, timeZone],
    ),
  );
  const { rows } = await stats.catch((error: unknown) => {
    if (!(error instanceof PromoCodesError) || error.sqlState !== SqlState.invalidParameterValue) throw error;
    const message = 'must be a time zone that the server knows';
    throw new ValidationError([{ path: 'timeZone', message }], { sqlState: error.sqlState, cause: error.cause });
  });
  const [row] = rows;
  if (Number(row?.codes) === 0) throw new NotFoundError(`There is no promo code with the id ${promoCodeId}.`);
  const perDay: [string, number, string][] = JSON.parse(row?.perday);
  return {
    promoCodeId,
    totalUses: Number(row?.uses),
    totalBonus: row?.bonus,
    totalBaseReward: row?.base,
    distinctCustomers: Number(row?.customers),
    averageBonus: row?.average,
    timeZone,
    perDay: perDay.map(([date, uses, bonus]) => ({ date, uses, bonus })),
  };
}

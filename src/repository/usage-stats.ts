import type { DecimalString } from '../drift/drift-record.js';
import { PromoCodesError, ValidationError } from '../errors.js';
import { withRules } from '../host/rules.js';
import type { Queryable } from '../postgres/database.js';
import { SqlState } from '../postgres/sqlstate.js';
import type { Host } from '../redemption/host.js';
import { momentOf } from '../redemption/moments.js';
import { type Guarded, ofShop, unknownCode } from './codes.js';
import { type CodeRow, codeColumns, type PromoCode, toPromoCode } from './promo-code.js';

/** What uses add up to. */
export interface UsageTotals {
  /** All uses that there are and those that were archived, holds included; those that were taken back are not. */
  totalUses: number;
  /** The sum of their bonuses. */
  totalBonus: DecimalString;
  /** The sum of their base rewards. */
  totalBaseReward: DecimalString;
  /** Customers, compared without case and outer spaces; not those of uses that were archived without their customers. */
  distinctCustomers: number;
  /** Per use, to the cent; `'0.00'` without uses. */
  averageBonus: DecimalString;
  /** What the days are days of. */
  timeZone: string;
  /** The last days up to today, in the time zone, without gaps. Uses that were archived are in no day. */
  perDay: DayOfUsage[];
}

/** How a code has been used. */
export interface UsageStats extends UsageTotals {
  /** The code that was asked for. */
  promoCodeId: string;
}

/** How the codes of a shop, or all codes, have been used. */
export interface ShopStats extends UsageTotals {
  /** The shop that was asked for; `null` for all, and where the host has no shops. */
  shopId: string | null;
  /** How many codes there are. */
  codes: number;
  /** How many of them are active; whether their dates fit is not looked at. */
  activeCodes: number;
  /** Those with the most uses, up to `top`; a code without a use is not among them. */
  topCodes: PromoCode[];
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
const CARRIED_CUSTOMER = withRules(':collated_customer(k.customer_address)');

/** What reads the tables: a call of the repository, or the command line. */
export interface Reading {
  host: Host;
  sql(file: string): string;
  read<Result>(work: (db: Queryable) => Promise<Result>): Promise<Result>;
}

/** Which days are shown. */
interface Period {
  days: number;
  timeZone: string;
}

export async function usageStats(call: Reading, code: Guarded, period: Period): Promise<UsageStats> {
  const { id, shopId } = code;
  const values: unknown[] = [period.days, period.timeZone, 0, id];
  const isCode = `c.:"code_id" = $4:::code_id_type${ofShop(call, shopId, values)}`;
  const { codes, totals } = await readTotals(call, isCode, values, period);
  if (codes === 0) throw unknownCode(id, shopId);
  return { promoCodeId: id, ...totals };
}

export async function shopStats(
  call: Reading,
  { shopId, top, ...period }: Period & { shopId?: string | undefined; top: number },
): Promise<ShopStats> {
  const shop = call.host.has('codes', 'shopId') ? shopId : undefined;
  const values: unknown[] = [period.days, period.timeZone, top];
  const isOfShop = `true${ofShop(call, shop, values)}`;
  const { codes, active, totals, topCodes } = await readTotals(call, isOfShop, values, period);
  return { shopId: shop ?? null, codes, activeCodes: active, ...totals, topCodes };
}

interface Answer {
  codes: number;
  active: number;
  totals: UsageTotals;
  topCodes: PromoCode[];
}

/**
 * One statement, and so one snapshot. Uses are added up by code and day first, so that no more than these is kept. Days are
 * those of the time zone, also where one has 23 or 25 hours.
 * @param isMeant whether a code `c` is one of those that are asked for
 * @param values days, time zone, how many of the most used codes, and what `isMeant` asks for
 */
async function readTotals(call: Reading, isMeant: string, values: unknown[], { timeZone }: Period): Promise<Answer> {
  const { host } = call;
  const used = `${momentOf(host, 'uses', 'usedAt')} AT TIME ZONE $2::text`;
  const carried = (table: string) =>
    `:"library".${table} AS k JOIN :"codes" AS c ON c.:"code_id" = k.promo_code_id WHERE ${isMeant}`;
  const uses = `:"uses" AS u JOIN :"codes" AS c ON c.:"code_id" = u.:"promo_code_id" WHERE ${isMeant} AND ${COUNTS}`;
  const statement = `WITH days AS (
         SELECT (now() AT TIME ZONE $2::text)::date - g.ago AS day FROM generate_series(0, $1::integer - 1) AS g(ago)
       ), added AS MATERIALIZED (
         SELECT c.:"code_id" AS code, (${used})::date AS day, pg_catalog.count(*) AS uses,
                sum(coalesce(u.:"bonus_amount"::numeric, 0::numeric)) AS bonus, sum(u.:"base_reward"::numeric) AS base
           FROM ${uses} GROUP BY 1, 2
          ${host.readsCarried ? `UNION ALL SELECT k.promo_code_id, NULL::date, k.uses, k.bonus, k.base_reward FROM ${carried('promo_code_carried_totals')}` : ''}
       ), most_used AS (
         SELECT a.code, sum(a.uses) AS uses FROM added AS a GROUP BY a.code ORDER BY 2 DESC, 1 LIMIT $3::integer
       )
       SELECT (SELECT count(*) FROM :"codes" AS c WHERE ${isMeant})::text AS codes,
              (SELECT count(*) FROM :"codes" AS c WHERE ${isMeant} AND c.:"is_active")::text AS active,
              coalesce(sum(a.uses), 0)::text AS uses, coalesce(sum(a.bonus), 0.00)::text AS bonus,
              coalesce(sum(a.base), 0.00)::text AS base,
              (SELECT pg_catalog.count(DISTINCT w.who) FROM (SELECT ${CUSTOMER} AS who FROM ${uses}
                 ${host.readsCarried ? `UNION ALL SELECT ${CARRIED_CUSTOMER} FROM ${carried('promo_code_carried_customers')}` : ''}) AS w)::text AS customers,
              round(coalesce(sum(a.bonus) / nullif(sum(a.uses), 0::numeric), 0::numeric), 2)::text AS average,
              (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(d.day, d.uses, d.bonus::text) ORDER BY d.day)
                 FROM (SELECT days.day, coalesce(sum(a.uses), 0)::bigint AS uses, coalesce(sum(a.bonus), 0.00) AS bonus
                         FROM days LEFT JOIN added AS a ON a.day = days.day GROUP BY days.day) AS d)::text AS perday,
              (SELECT pg_catalog.json_agg(pg_catalog.row_to_json(t) ORDER BY t.place)
                 FROM (SELECT ${codeColumns(host)}, pg_catalog.row_number() OVER (ORDER BY m.uses DESC, m.code) AS place
                         FROM most_used AS m JOIN :"codes" AS c ON c.:"code_id" = m.code) AS t)::text AS top
         FROM added AS a`;
  const stats = call.read((db) => db.query(call.sql(statement), values));
  const { rows } = await stats.catch((error: unknown) => {
    if (!(error instanceof PromoCodesError) || error.sqlState !== SqlState.invalidParameterValue) throw error;
    const message = 'must be a time zone that the server knows';
    throw new ValidationError([{ path: 'timeZone', message }], { sqlState: error.sqlState, cause: error.cause });
  });
  const [row] = rows;
  const perDay: [string, number, string][] = JSON.parse(row?.perday);
  const topCodes: CodeRow[] = JSON.parse(row?.top ?? '[]');
  return {
    codes: Number(row?.codes),
    active: Number(row?.active),
    totals: {
      totalUses: Number(row?.uses),
      totalBonus: row?.bonus,
      totalBaseReward: row?.base,
      distinctCustomers: Number(row?.customers),
      averageBonus: row?.average,
      timeZone,
      perDay: perDay.map(([date, uses, bonus]) => ({ date, uses, bonus })),
    },
    topCodes: topCodes.map((code) => toPromoCode(host, code)),
  };
}

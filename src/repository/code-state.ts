import type { Call } from './context.js';

/**
 * What a code is at this moment, by the database's clock: it can be redeemed (by a customer who has not reached the limit),
 * begins later, is over, is used up, or was switched off.
 */
export type CodeState = (typeof CODE_STATES)[number];
export const CODE_STATES = ['redeemable', 'scheduled', 'expired', 'used_up', 'inactive'] as const;

/** The state of a code `c` in SQL, by the rules of a redemption: holds whose time has run out take no place. */
export function stateInSql(call: Call): string {
  return `CASE WHEN c.is_active IS NOT TRUE THEN 'inactive'
    WHEN c.start_date > ${presentFor(call, 'start_date')} THEN 'scheduled'
    WHEN c.end_date < ${presentFor(call, 'end_date')} THEN 'expired'
    WHEN coalesce(c.times_used, 0) >= c.total_usage_limit AND coalesce(c.times_used, 0) - (
           SELECT count(*) FROM ${call.table('promo_code_holds')} AS h
            WHERE h.promo_code_id = c.id AND h.released_at IS NULL AND h.expires_at <= clock_timestamp()
         ) >= c.total_usage_limit THEN 'used_up'
    ELSE 'redeemable' END`;
}

/** Now, as a column compares with it: without time zone it holds UTC, and a date is the whole day. */
export function presentFor({ host }: Call, column: string): string {
  const type = host.baseTypeOf('promo_codes', column);
  if (type === 'date') return "(now() AT TIME ZONE 'UTC')::date";
  return type.endsWith('without time zone') ? "now() AT TIME ZONE 'UTC'" : 'now()';
}

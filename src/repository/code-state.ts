import { CAMPAIGN_STATE } from '../campaigns/campaign-state.js';
import { withRules } from '../host/rules.js';
import type { Host } from '../redemption/host.js';
import { asColumn } from '../redemption/moments.js';
import type { Call } from './context.js';

/**
 * What a code is at this moment, by the database's clock: it can be redeemed (by a customer who has not reached the limit),
 * begins later, is over, is used up (its uses or its budget), or was switched off. One whose campaign is used up is used up as
 * well, and one whose campaign is not open is inactive.
 */
export type CodeState = 'redeemable' | 'scheduled' | 'expired' | 'used_up' | 'inactive';
export const CODE_STATES = ['redeemable', 'scheduled', 'expired', 'used_up', 'inactive'] as const satisfies CodeState[];

/** The state of a code `c` in SQL, by the rules of a redemption: holds whose time has run out take no place. */
export function stateInSql({ host }: Call): string {
  return `CASE WHEN c.:"is_active" IS NOT TRUE THEN 'inactive'
    WHEN c.:"start_date" > ${asColumn(host, 'codes', 'startDate', 'now()')} THEN 'scheduled'
    WHEN c.:"end_date" < ${asColumn(host, 'codes', 'endDate', 'now()')} THEN 'expired'
    WHEN ${USES} >= c.:"total_usage_limit"::bigint AND ${USES} - (
           SELECT count(*) FROM ${DUE}
         ) >= c.:"total_usage_limit"::bigint THEN 'used_up'
    WHEN c.:"max_total_bonus" IS NOT NULL AND ${BONUS} >= c.:"max_total_bonus"::numeric AND ${BONUS} - coalesce((
           SELECT sum(u.:"bonus_amount"::numeric) FROM ${DUE}
         ), 0::numeric) >= c.:"max_total_bonus"::numeric THEN 'used_up'
    ELSE ${host.readsCampaigns ? OF_CAMPAIGN : "'redeemable'"} END`;
}

/** What the campaign of a code that could be redeemed leaves of that. */
const OF_CAMPAIGN = `coalesce((
      SELECT CASE ${CAMPAIGN_STATE} WHEN 'redeemable' THEN 'redeemable' WHEN 'used_up' THEN 'used_up' ELSE 'inactive' END
        FROM :"library".promo_code_campaign_codes AS member
        JOIN :"library".promo_code_campaigns AS m ON m.id = member.campaign_id
       WHERE member.promo_code_id = c.:"code_id"), 'redeemable')`;

const USES = withRules(':uses_counted(c)');
const BONUS = `(${withRules(':bonus_counted(c)')})::numeric`;
/** Uses that are holds whose time has run out. A hold whose use the host has taken back, or made one itself, is none of them. */
const DUE = withRules(`:"library".promo_code_holds AS h
             JOIN :"uses" AS u ON u.:"promo_code_id" = h.promo_code_id AND :is_use_of_hold()
            WHERE h.promo_code_id = c.:"code_id" AND :hold_is_due()`);

/** The order of codes by when they were made, which ids that are numbers tell, and other ids do not. */
export function newestFirst(host: Host): string {
  return ageColumns(host)
    .map((column) => `${column} DESC`)
    .join(', ');
}

/** The other way round. */
export function newestLast(host: Host): string {
  return ageColumns(host).join(', ');
}

function ageColumns({ layout, has }: Host): string[] {
  const byTime = layout.types.codeId !== 'bigint' && has('codes', 'createdAt');
  return byTime ? ['c.:"created_at"', 'c.:"code_id"'] : ['c.:"code_id"'];
}

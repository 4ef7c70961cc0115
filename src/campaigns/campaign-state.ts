import { withRules } from '../host/rules.js';

/** Uses that are holds of its codes whose time has run out, and so take no place; as those of a code. */
const DUE = withRules(`:"library".promo_code_holds AS h
             JOIN :"library".promo_code_campaign_codes AS k ON k.promo_code_id = h.promo_code_id
             JOIN :"uses" AS u ON u.:"promo_code_id" = h.promo_code_id AND :is_use_of_hold()
            WHERE k.campaign_id = m.id AND :hold_is_due()`);

/** The state of a campaign `m` in SQL, one of those of a code, by the rules of a redemption of its codes. */
export const CAMPAIGN_STATE = `CASE WHEN m.is_active IS NOT TRUE THEN 'inactive'
    WHEN m.start_date > now() THEN 'scheduled'
    WHEN m.end_date < now() THEN 'expired'
    WHEN m.times_used >= m.total_usage_limit
     AND m.times_used - (SELECT count(*) FROM ${DUE}) >= m.total_usage_limit THEN 'used_up'
    WHEN m.total_bonus_issued >= m.max_total_bonus
     AND m.total_bonus_issued - coalesce((
           SELECT sum(u.:"bonus_amount"::numeric) FROM ${DUE}
         ), 0::numeric) >= m.max_total_bonus THEN 'used_up'
    ELSE 'redeemable' END`;

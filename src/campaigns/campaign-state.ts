import { withRules } from '../host/rules.js';

const IS_USE_OF_HOLD = withRules(':is_use_of_hold()');
/** Holds of its codes whose time has run out, which take no place. */
const DUE = `:"library".promo_code_holds AS h
         JOIN :"library".promo_code_campaign_codes AS k ON k.promo_code_id = h.promo_code_id`;
const IS_DUE = `k.campaign_id = m.id AND ${withRules(':hold_is_due()')}`;

/** The state of a campaign `m` in SQL, one of those of a code, by the rules of a redemption of its codes. */
export const CAMPAIGN_STATE = `CASE WHEN m.is_active IS NOT TRUE THEN 'inactive'
    WHEN m.start_date > now() THEN 'scheduled'
    WHEN m.end_date < now() THEN 'expired'
    WHEN m.times_used >= m.total_usage_limit
     AND m.times_used - (SELECT count(*) FROM ${DUE} WHERE ${IS_DUE}) >= m.total_usage_limit THEN 'used_up'
    WHEN m.total_bonus_issued >= m.max_total_bonus
     AND m.total_bonus_issued - coalesce((
           SELECT sum(u.:"bonus_amount"::numeric) FROM ${DUE} JOIN :"uses" AS u ON ${IS_USE_OF_HOLD} WHERE ${IS_DUE}
         ), 0::numeric) >= m.max_total_bonus THEN 'used_up'
    ELSE 'redeemable' END`;

import { BY_IDS, driftFile } from './drift-query.js';
import { DRIFT_COLUMNS, type DriftRecord } from './drift-record.js';

/** What corrects rows with the ids $1: the statement that locks them, and the next one, which counts and writes. */
interface Correction {
  lock: string;
  /** Answers what differed, and whether the counters hold the sums. */
  correct: string;
}

const codes = (
  carries: boolean,
) => `WITH drift AS MATERIALIZED (${driftFile({ ...BY_IDS.code, carries })}), corrected AS (
  UPDATE :"codes" AS c
     SET /*list*/
         /*if times_used*/
         :"times_used" = drift.actual_uses,
         /*fi*/
         /*if total_bonus_issued*/
         :"total_bonus_issued" = drift.actual_bonus,
         /*fi*/
         /*if updated_at*/
         :"updated_at" = now(),
         /*fi*/
         /*end*/
    FROM drift
   WHERE c.:"code_id" = drift.promo_code_id
  RETURNING c.:"code_id" AS id, (true
            /*if times_used*/
            AND c.:"times_used"::numeric = drift.actual_uses::numeric
            /*fi*/
            /*if total_bonus_issued*/
            AND c.:"total_bonus_issued"::numeric = drift.actual_bonus
            /*fi*/
            )::text AS exact
)
SELECT ${DRIFT_COLUMNS}, corrected.exact
  FROM drift JOIN corrected ON corrected.id = drift.promo_code_id
 ORDER BY drift.promo_code_id`;

/**
 * A campaign is written by every transaction that adds a use to one of its codes or moves a code: what is seen under its lock is
 * what has been added.
 */
const campaigns = (
  carries: boolean,
) => `WITH drift AS MATERIALIZED (${driftFile({ ...BY_IDS.campaign, carries })}), corrected AS (
  UPDATE :"library".promo_code_campaigns AS g
     SET times_used = drift.actual_uses, total_bonus_issued = drift.actual_bonus, updated_at = now()
    FROM drift
   WHERE g.id = drift.campaign_id
  RETURNING g.id
)
SELECT ${DRIFT_COLUMNS}, 'true' AS exact
  FROM drift JOIN corrected ON corrected.id = drift.campaign_id
 ORDER BY drift.campaign_id`;

/** @param carries whether something is carried forward, see `DriftScope` */
export const correctionsFor = (carries: boolean): Record<DriftRecord['kind'], Correction> => ({
  code: {
    lock: `SELECT c.:"code_id" FROM :"codes" AS c WHERE c.:"code_id" = ANY ($1:::code_id_type[]) ORDER BY c.:"code_id" FOR NO KEY UPDATE`,
    correct: codes(carries),
  },
  campaign: {
    lock: `SELECT g.id FROM :"library".promo_code_campaigns AS g WHERE g.id = ANY ($1::bigint[]) ORDER BY g.id FOR NO KEY UPDATE`,
    correct: campaigns(carries),
  },
});

import { assertNoDrift, type Campaign, checkDrift } from 'pg-promo-codes';
import { TRIGGER_NAMES, TRIGGER_QUERY, VERIFICATION_QUERY } from './bug-report';
import { expect } from './expect';
import type { Demo } from './lifecycle';
import type { Tally } from './load/tally';
import { formatNumber, plural, printFacts, printHeading, printSuccess } from './print';

/** Counted without the library; NULL is not overlooked. */
const SUMS = `
  SELECT (SELECT count(*) FROM promo_codes) AS codes,
         (SELECT sum(times_used) FROM promo_codes) AS times_used,
         (SELECT count(*) FROM promo_code_uses) AS uses,
         (SELECT sum(total_bonus_issued) FROM promo_codes) AS total_bonus_issued,
         (SELECT sum(bonus_amount) FROM promo_code_uses) AS bonus,
         (SELECT count(*) FROM promo_codes WHERE times_used IS NULL OR total_bonus_issued IS NULL) AS without_counter`;

/** The counters of a campaign, and the uses of the codes that are in it. */
const CAMPAIGN_SUMS = `
  SELECT g.times_used, g.total_bonus_issued, count(u.id) AS uses, coalesce(sum(u.bonus_amount), 0) AS bonus,
         count(DISTINCT m.promo_code_id) AS codes
    FROM pgpromocodes.promo_code_campaigns AS g
    LEFT JOIN pgpromocodes.promo_code_campaign_codes AS m ON m.campaign_id = g.id
    LEFT JOIN promo_code_uses AS u ON u.promo_code_id = m.promo_code_id
   WHERE g.id = $1
   GROUP BY g.id`;

/** Step 5: what the counters say against what the rows say, by the library and without it. */
export async function showProof({ pool }: Demo, campaign: Campaign, tally: Tally): Promise<void> {
  const drift = await checkDrift(pool);
  await assertNoDrift(pool);
  const { rows: unequal } = await pool.query(VERIFICATION_QUERY);
  const { rows: triggers } = await pool.query<{ tgname: string }>(TRIGGER_QUERY);
  const { rows } = await pool.query<Record<string, string>>(SUMS);
  const sums = rows[0]!;
  const { rows: found } = await pool.query<Record<string, string>>(CAMPAIGN_SUMS, [campaign.id]);
  const together = found[0]!;

  printHeading('5. After');
  printFacts([
    ['checkDrift()', plural(drift.length, 'code')],
    ['assertNoDrift()', 'passes: the counters are true, and every trigger is in order'],
    ['verification query of the bug report', plural(unequal.length, 'row')],
    ['counters of all codes', `${sums.times_used} uses, ${sums.total_bonus_issued} bonus, in ${sums.codes} codes`],
    ['rows of all uses', `${sums.uses} uses, ${sums.bonus} bonus`],
    [
      'counters of the campaign',
      `${together.times_used} uses, ${together.total_bonus_issued} bonus, in ${together.codes} codes`,
    ],
    ['rows of these codes', `${together.uses} uses, ${together.bonus} bonus`],
  ]);
  expect(drift.length === 0, 'checkDrift should find nothing');
  expect(unequal.length === 0, 'the verification query of the bug report should return no row');
  const names = triggers.map(({ tgname }) => tgname).sort();
  expect(
    names.join() === TRIGGER_NAMES.join(),
    `the bug report wants the triggers ${TRIGGER_NAMES}, and there are ${names}`,
  );
  expect(sums.without_counter === '0', 'there should be no NULL counter');
  expect(sums.times_used === sums.uses && sums.total_bonus_issued === sums.bonus, 'the sums should be equal');

  expect(
    together.times_used === together.uses && Number(together.total_bonus_issued) === Number(together.bonus),
    'the counters of the campaign should be the sums over its codes',
  );

  const { times, uses } = tally.total;
  printSuccess(
    `${formatNumber(times)} operations, ${formatNumber(uses)} uses written, ${formatNumber(tally.checkCount)} checks. Drift found: 0`,
  );
}

import type { Campaign } from '../../campaigns/campaign.js';
import type { PromoCode } from '../../repository/promo-code.js';
import type { DayOfUsage } from '../../repository/usage-stats.js';
import { counted, list, table, visible } from '../table.js';
import { chart } from './chart.js';
import {
  type CodeStats,
  type CodesStats,
  NEAR_PERCENT,
  percentOfBudget,
  percentOfLimit,
  percentUsedUp,
} from './read-stats.js';

/** What a code is worth and until when, in a line. */
export function describeCode(code: PromoCode): string {
  const { bonusType, bonusValue, maxBonus, minBaseReward, customerAddress, isActive } = code;
  const bonus = bonusType === 'percentage' ? `${bonusValue} %` : `${bonusValue} (${visible(bonusType)})`;
  const rules = [
    ...(maxBonus === null ? [] : [`at most ${maxBonus}`]),
    ...(minBaseReward === null ? [] : [`from a reward of ${minBaseReward} on`]),
    ...(customerAddress === null ? [] : [`for ${visible(customerAddress)} only`]),
  ];
  return [bonus, ...rules, isActive ? 'active' : 'switched off'].join(', ');
}

/** `840 of 1,000 (84 %)`. */
export function describeUses(code: PromoCode | Campaign): string {
  const percent = percentOfLimit(code);
  const uses = code.timesUsed.toLocaleString('en');
  return percent === undefined
    ? `${uses}, no limit`
    : `${uses} of ${code.totalUsageLimit?.toLocaleString('en')} (${percent} %)`;
}

/** `75.00`, of a budget `75.00 of 100.00 (75 %)`. */
export function describeIssued(code: PromoCode | Campaign): string {
  const percent = percentOfBudget(code);
  const { totalBonusIssued, maxTotalBonus } = code;
  return percent === undefined ? totalBonusIssued : `${totalBonusIssued} of ${maxTotalBonus} (${percent} %)`;
}

/** The latest date of JavaScript stands for a code without an end. */
export function describeEnd({ endDate }: PromoCode | Campaign): string {
  return endDate === null || endDate.getUTCFullYear() > 9_999 ? 'no end' : describeMoment(endDate);
}

function describeMoment(moment: Date): string {
  return moment.toISOString().slice(0, 16).replace('T', ' ');
}

/** A campaign as a code names it. */
export function describeCampaign(campaign: Campaign): string {
  return `${visible(campaign.name)} (id ${campaign.id}): ${describeUses(campaign)}`;
}

export function codeStatsText(stats: CodeStats, width: number): string {
  const { promoCode } = stats;
  const shop = promoCode.shopId === '' ? '' : `, shop ${visible(promoCode.shopId)}`;
  const near = (percent: number | undefined, what: string) =>
    (percent ?? 0) >= NEAR_PERCENT ? `, near its ${what}` : '';
  return [
    list([
      ['code', `${visible(promoCode.code)} (id ${promoCode.id}${shop})`],
      ...(stats.campaign ? [['campaign', describeCampaign(stats.campaign)] as const] : []),
      ['bonus', describeCode(promoCode)],
      ['ends', describeEnd(promoCode)],
      ['uses', `${describeUses(promoCode)}${near(percentOfLimit(promoCode), 'limit')}`],
      [
        'issued',
        `${describeIssued(promoCode)} in all, ${stats.averageBonus} on average${near(percentOfBudget(promoCode), 'budget')}`,
      ],
      ['customers', stats.distinctCustomers.toLocaleString('en')],
    ]),
    '',
    perDayText(stats.perDay, stats.timeZone, width),
  ].join('\n');
}

export function shopStatsText(stats: CodesStats, width: number): string {
  const codes = counted(stats.codes, 'code');
  const parts = [
    list([
      ['shop', stats.shopId === null ? '(all)' : visible(stats.shopId)],
      ['codes', `${codes}, ${stats.activeCodes.toLocaleString('en')} active`],
      ['uses', stats.totalUses.toLocaleString('en')],
      ['issued', `${stats.totalBonus} in all, ${stats.averageBonus} on average`],
      ['customers', stats.distinctCustomers.toLocaleString('en')],
    ]),
    perDayText(stats.perDay, stats.timeZone, width),
  ];
  if (stats.topCodes.length > 0) parts.push(`Most used:\n${codeTable(stats.topCodes)}`);
  parts.push(
    stats.nearLimit.length === 0
      ? `No code has used up ${NEAR_PERCENT} % of its limit or budget.`
      : `Near their limit or budget (${NEAR_PERCENT} % and more):\n${codeTable(stats.nearLimit)}`,
  );
  if (stats.campaigns.length > 0) parts.push(`Campaigns:\n${campaignTable(stats.campaigns)}`);
  return parts.join('\n\n');
}

/** What a code or a campaign has used up of what it may. */
const USED_UP = [
  ...['uses', 'limit', 'used up', 'issued'].map((title) => ({ title, isNumber: true })),
  { title: 'ends' },
];

export function usedUpCells(code: PromoCode | Campaign): string[] {
  const percent = percentUsedUp(code);
  return [
    code.timesUsed.toLocaleString('en'),
    code.totalUsageLimit?.toLocaleString('en') ?? '',
    percent === undefined ? '' : `${percent} %`,
    describeIssued(code),
    describeEnd(code),
  ];
}

export function codeTable(codes: readonly PromoCode[]): string {
  const rows = codes.map((code) => [code.code, code.shopId, ...usedUpCells(code)]);
  return table([{ title: 'code' }, { title: 'shop' }, ...USED_UP], rows);
}

export function campaignTable(campaigns: readonly Campaign[]): string {
  const columns = [{ title: 'id', isNumber: true }, { title: 'campaign' }, { title: 'shop' }, ...USED_UP];
  const isOff = ({ isActive }: Campaign) => (isActive ? '' : ' (switched off)');
  const rows = campaigns.map((campaign) => [
    campaign.id,
    `${campaign.name}${isOff(campaign)}`,
    campaign.shopId,
    ...usedUpCells(campaign),
  ]);
  return table(columns, rows);
}

/** Everything of a campaign, line by line. */
export function campaignList(campaign: Campaign, codes: number): string {
  const { id, name, shopId, startDate, perCustomerLimit, maxTotalBonus, budgetOverrun } = campaign;
  const beyond = maxTotalBonus !== null && budgetOverrun === 'cap' ? ', the last use gets what is left' : '';
  return list([
    ['campaign', `${visible(name)} (id ${id}${shopId === '' ? '' : `, shop ${visible(shopId)}`})`],
    ['state', campaign.isActive ? 'active' : 'switched off'],
    ['starts', startDate === null ? 'from ever' : describeMoment(startDate)],
    ['ends', describeEnd(campaign)],
    ['codes', codes.toLocaleString('en')],
    ['uses', describeUses(campaign)],
    [
      'per customer',
      perCustomerLimit === null ? 'no limit' : `${perCustomerLimit.toLocaleString('en')} of all its codes`,
    ],
    ['issued', `${describeIssued(campaign)}${beyond}`],
  ]);
}

function perDayText(perDay: readonly DayOfUsage[], timeZone: string, width: number): string {
  const [first, last] = [perDay[0], perDay.at(-1)];
  if (!first || !last) return 'The uses of these tables have no time, so there is no chart.';
  const uses = perDay.reduce((sum, day) => sum + day.uses, 0);
  const title = `Uses per day, ${first.date} to ${last.date} (${visible(timeZone)}): ${uses.toLocaleString('en')}`;
  return `${title}\n${chart(
    perDay.map((day) => day.uses),
    width,
  )}`;
}

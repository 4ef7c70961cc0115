import campaignsSql from '../../sql/campaigns/drift.sql';
import codesSql from '../../sql/counting/drift.sql';
import type { Layout } from '../host/layout.js';
import { renderSqlFile } from '../host/render.js';
import { withRules } from '../host/rules.js';
import { DRIFT_COLUMNS } from './drift-record.js';

/** What a drift query compares, and what follows its WHERE. */
export interface DriftScope {
  /** SQL conditions over `u` (uses) and `c` (codes); without it no codes are compared. */
  codes?: { uses: string; codes: string } | undefined;
  /** SQL conditions over `m` (codes in campaigns) and `g` (campaigns); without it no campaigns are compared. */
  campaigns?: { members: string; campaigns: string } | undefined;
  /** Whether there is something that archived uses count, and the role may read it. */
  carries: boolean;
  limit?: number | undefined;
}

/** All codes, and all campaigns. */
export const EVERYTHING: { [part in 'codes' | 'campaigns']: NonNullable<DriftScope[part]> } & { carries: true } = {
  codes: { uses: 'TRUE', codes: 'TRUE' },
  campaigns: { members: 'TRUE', campaigns: 'TRUE' },
  carries: true,
};

const CARRIED = ':"library".promo_code_carried_totals';
/** In its place, where nothing is carried forward. */
const NOTHING =
  '(SELECT CAST(NULL AS :code_id_type) AS promo_code_id, 0::bigint AS uses, 0::numeric AS bonus WHERE false)';

/** Those with the ids $1. */
export const BY_IDS = {
  code: {
    codes: {
      uses: 'u.:"promo_code_id" = ANY ($1:::code_id_type[])',
      codes: 'c.:"code_id" = ANY ($1:::code_id_type[])',
    },
  },
  campaign: {
    campaigns: { members: 'm.campaign_id = ANY ($1::bigint[])', campaigns: 'g.id = ANY ($1::bigint[])' },
  },
} satisfies Record<string, Omit<DriftScope, 'carries'>>;

const withoutEnd = (file: string) => withRules(file).trimEnd().replace(/;$/, '');
const [ofCodes, ofCampaigns] = [withoutEnd(codesSql), withoutEnd(campaignsSql)];

/** The query on what the scope names; its conditions may use placeholders and parameters. Codes come first, in the order of ids. */
export function driftFile({ codes, campaigns, carries, limit }: DriftScope): string {
  const parts = [
    codes && ofCodes.replace(':uses_filter', () => codes.uses).replace(':codes_filter', () => codes.codes),
    campaigns &&
      ofCampaigns
        .replaceAll(':members_filter', () => campaigns.members)
        .replace(':campaigns_filter', () => campaigns.campaigns),
  ].filter((part) => part !== undefined);
  const compared = parts.join('\n UNION ALL\n').replaceAll(':carried_forward', carries ? CARRIED : NOTHING);
  return `${compared}\n ORDER BY promo_code_id, campaign_id${limit === undefined ? '' : ` LIMIT ${limit}`}`;
}

/** The same for the tables of a host. */
export function driftQuery(layout: Layout, scope: DriftScope): string {
  return renderSqlFile(driftFile(scope), layout);
}

/** The same, with every column as text. */
export function driftQueryAsText(layout: Layout, scope: DriftScope): string {
  return `SELECT ${DRIFT_COLUMNS} FROM (\n${driftQuery(layout, scope)}\n) AS drift`;
}

/** The same, and in each row how many codes were looked at; at least one row, which without drift has no kind. */
export function countedDriftQueryAsText(layout: Layout, scope: DriftScope): string {
  const looked = renderSqlFile(
    `SELECT count(*)::text AS codes FROM :"codes" AS c WHERE ${scope.codes?.codes ?? 'FALSE'}`,
    layout,
  );
  return (
    `SELECT looked.codes, ${DRIFT_COLUMNS} FROM (${looked}) AS looked ` +
    `LEFT JOIN (\n${driftQuery(layout, scope)}\n) AS drift ON TRUE ORDER BY drift.promo_code_id, drift.campaign_id`
  );
}

import type { DriftRecord } from '../drift/drift-record.js';
import { counted, table } from './table.js';

/** More lines do not help a person. */
const MOST_SHOWN = 50;

/** `2 codes and 1 campaign`. */
export function countedRecords(records: readonly DriftRecord[]): string {
  const campaigns = records.filter(({ kind }) => kind === 'campaign').length;
  const codes = records.length - campaigns;
  return [
    ...(codes > 0 || campaigns === 0 ? [counted(codes, 'code')] : []),
    ...(campaigns > 0 ? [counted(campaigns, 'campaign')] : []),
  ].join(' and ');
}

/** What differs, code by code and campaign by campaign. */
export function driftList(records: readonly DriftRecord[]): string {
  const rows = records
    .slice(0, MOST_SHOWN)
    .map((record) => [
      record.kind,
      record.kind === 'campaign' ? record.campaignId : record.promoCodeId,
      record.kind === 'campaign' ? '' : (record.code ?? '(no such code)'),
      record.shopId ?? '',
      record.timesUsed === null ? 'NULL' : String(record.timesUsed),
      String(record.actualUses),
      record.totalBonusIssued ?? 'NULL',
      record.actualBonus,
    ]);
  const columns = [
    ...[{ title: 'kind' }, { title: 'id', isNumber: true }, { title: 'code' }, { title: 'shop' }],
    ...[
      { title: 'times used', isNumber: true },
      { title: 'uses', isNumber: true },
    ],
    ...[
      { title: 'total bonus', isNumber: true },
      { title: 'sum of bonuses', isNumber: true },
    ],
  ];
  const more = records.length - rows.length;
  return `${table(columns, rows)}${more > 0 ? `\n… and ${more} more (--json has all)` : ''}`;
}

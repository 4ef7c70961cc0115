import type { DriftRecord } from '../drift/drift-record.js';
import { table } from './table.js';

/** More lines do not help a person. */
const MOST_SHOWN = 50;

/** What differs, code by code and campaign by campaign. */
export function driftList(records: readonly DriftRecord[]): string {
  const rows = records
    .slice(0, MOST_SHOWN)
    .map((record) => [
      record.code ?? (record.kind === 'campaign' ? '(campaign)' : '(no such code)'),
      record.shopId ?? '',
      record.promoCodeId ?? record.campaignId,
      record.timesUsed === null ? 'NULL' : String(record.timesUsed),
      String(record.actualUses),
      record.totalBonusIssued ?? 'NULL',
      record.actualBonus,
    ]);
  const columns = [
    ...[{ title: 'code' }, { title: 'shop' }, { title: 'id', isNumber: true }],
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

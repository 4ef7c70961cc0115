import type { DriftRecord } from './drift-record.js';

const SHOWN = 20;

/** A small aligned table for people; of many records the first twenty. */
export function driftTable(records: readonly DriftRecord[]): string {
  const header = ['promo code', 'code', 'shop', 'times_used', 'uses', 'total_bonus_issued', 'sum of bonuses'];
  const rows = records
    .slice(0, SHOWN)
    .map((record) => [
      record.kind === 'campaign' ? `campaign ${record.campaignId}` : record.promoCodeId,
      record.code ?? (record.kind === 'campaign' ? '' : '(no such code)'),
      record.shopId ?? '',
      record.timesUsed === null ? 'NULL' : String(record.timesUsed),
      String(record.actualUses),
      record.totalBonusIssued ?? 'NULL',
      record.actualBonus,
    ]);
  const isText = (column: number) => column === 1 || column === 2;
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)));
  const line = (cells: string[]) =>
    cells
      .map((cell, column) => (isText(column) ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd();
  const rest = records.length > SHOWN ? [`… and ${records.length - SHOWN} more`] : [];
  return [line(header), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line), ...rest].join('\n');
}

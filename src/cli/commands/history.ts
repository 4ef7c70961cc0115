import type { HistoryRecord } from '../../history/history-record.js';
import type { PromoCodeRepository } from '../../repository/promo-code-repository.js';
import { CommandError, EXIT } from '../command-error.js';
import { confirm, requireAnswer } from '../confirm.js';
import { findOneCode, readHostTables } from '../host-tables.js';
import type { Session } from '../session.js';
import { table, visible } from '../table.js';
import { note, print } from '../terminal.js';

interface Flags {
  shop?: string;
  use?: string;
  customer?: string;
  after?: string;
  limit: number;
  follow?: boolean;
  dropBefore?: string;
  yes?: boolean;
}

export async function history(session: Session, code: string | undefined, flags: Flags): Promise<number> {
  const pool = await session.pool();
  const { PromoCodeRepository } = await import('../../index.js');
  const promoCodes = new PromoCodeRepository(pool, session.installation);
  if (flags.dropBefore !== undefined) return drop(session, promoCodes, flags.dropBefore, flags.yes);
  const promoCodeId = code === undefined ? undefined : await idOf(session, code, flags.shop);
  const filter = { promoCodeId, useId: flags.use, customerAddress: flags.customer };
  if (flags.follow) return follow(session, promoCodes, filter, flags.after);
  const { items, nextCursor } = await promoCodes.history({ ...filter, after: flags.after, limit: flags.limit });
  if (session.flags.json) print(session.terminal, JSON.stringify(items));
  else if (items.length === 0) print(session.terminal, 'Nothing is recorded.');
  else {
    print(session.terminal, table(COLUMNS, items.map(rowOf)));
    if (nextCursor !== null) note(session.terminal, `There is more: --after ${nextCursor}`);
  }
  return EXIT.ok;
}

async function idOf(session: Session, code: string, shop: string | undefined): Promise<string> {
  const pool = await session.pool();
  return (await findOneCode(pool, await readHostTables(session, pool), code, shop)).id;
}

const COLUMNS = [
  { title: 'record', isNumber: true },
  ...['at', 'kind', 'use', 'code', 'customer', 'bonus', 'why'].map((title) => ({ title })),
];

function rowOf(record: HistoryRecord): string[] {
  const { before, after, reason, actor } = record;
  const bonus = [before?.bonusAmount, after?.bonusAmount].filter((amount) => amount !== undefined);
  const code = before && before.promoCodeId !== record.promoCodeId ? `${before.promoCodeId} > ` : '';
  return [
    record.id,
    record.at.toISOString().slice(0, 19).replace('T', ' '),
    record.kind,
    record.useId,
    `${code}${record.promoCodeId}`,
    record.customerAddress,
    [...new Set(bonus)].join(' > '),
    [reason, actor && `by ${actor}`].filter(Boolean).join(', '),
  ];
}

/** A line for each record, until Ctrl-C. What does not fit the filter is passed over. */
async function follow(
  session: Session,
  promoCodes: PromoCodeRepository,
  {
    promoCodeId,
    useId,
    customerAddress,
  }: { promoCodeId?: string | undefined; useId?: string | undefined; customerAddress?: string | undefined },
  after: string | undefined,
): Promise<number> {
  const { terminal, flags } = session;
  const customer = customerAddress?.trim().toLowerCase();
  const is = (record: HistoryRecord): boolean =>
    (promoCodeId === undefined || [record.promoCodeId, record.before?.promoCodeId].includes(promoCodeId)) &&
    (useId === undefined || record.useId === useId) &&
    (customer === undefined || record.customerAddress.toLowerCase() === customer);
  for await (const record of promoCodes.followHistory({ after, signal: terminal.signal })) {
    if (terminal.isOutputGone()) break;
    if (!is(record)) continue;
    print(
      terminal,
      flags.json
        ? JSON.stringify(record)
        : rowOf(record)
            .map((cell) => visible(cell))
            .join('  ')
            .trimEnd(),
    );
  }
  return EXIT.ok;
}

async function drop(
  session: Session,
  promoCodes: PromoCodeRepository,
  day: string,
  yes: boolean | undefined,
): Promise<number> {
  const { terminal } = session;
  if (!/^\d{4}-\d\d-\d\d$/.test(day) || Number.isNaN(Date.parse(day)))
    throw new CommandError(EXIT.usage, '--drop-before must be a day, such as 2025-01-01.');
  requireAnswer(terminal, yes, `history --drop-before ${day}`);
  if (!(await confirm(terminal, yes, `Drop the history of all months that end before ${day}?`))) {
    note(terminal, 'Nothing was changed.');
    return EXIT.notInOrder;
  }
  const report = await promoCodes.pruneHistory({ before: `${day}T00:00:00Z` });
  const text = report.dropped.length === 0 ? 'There was no month to drop.' : `Dropped ${report.dropped.join(', ')}.`;
  print(terminal, session.flags.json ? JSON.stringify(report) : text);
  return EXIT.ok;
}

import type { ArchiveReport } from '../../archive/archive-uses.js';
import type { TableRef } from '../../archive/options.js';
import { CommandError, EXIT } from '../command-error.js';
import { confirm, requireAnswer } from '../confirm.js';
import { progressLine } from '../progress.js';
import type { Session } from '../session.js';
import { note, print } from '../terminal.js';

interface Flags {
  before?: string;
  partition?: string;
  detach?: boolean;
  drop?: boolean;
  batchSize?: number;
  into?: string;
  customers: boolean;
  yes?: boolean;
}

export async function archive(session: Session, flags: Flags): Promise<number> {
  const { terminal, installation } = session;
  const asked = askedBy(flags);
  requireAnswer(terminal, flags.yes, 'archive');
  const pool = await session.pool();
  if (!(await confirm(terminal, flags.yes, asked.question))) {
    note(terminal, 'Nothing was changed.');
    return EXIT.notInOrder;
  }
  const { archivePartition, archiveUses } = await import('../../index.js');
  const options = { ...installation, keepCustomers: flags.customers };
  let report: ArchiveReport;
  if (asked.partition) report = await archivePartition(pool, { ...options, ...asked.partition });
  else {
    const line = await progressLine(terminal);
    const { batchSize, into } = flags;
    report = await archiveUses(pool, {
      ...options,
      before: asked.before,
      batchSize,
      into: into === undefined ? undefined : tableOf(into),
      signal: terminal.signal,
      onProgress: line?.onProgress,
    }).finally(() => line?.end());
  }
  const { archived } = report;
  const text =
    archived === 0 ? 'There was no use to archive.' : `Archived ${archived} ${archived === 1 ? 'use' : 'uses'}.`;
  print(terminal, session.flags.json ? JSON.stringify(report) : text);
  return EXIT.ok;
}

type Asked = { question: string } & (
  | { before: string; partition?: never }
  | { partition: { partition: TableRef; action: 'detach' | 'drop' } }
);

/** @throws CommandError for flags that do not say what to archive */
function askedBy({ before, partition, detach, drop, batchSize, into }: Flags): Asked {
  if ((before === undefined) === (partition === undefined))
    throw new CommandError(EXIT.usage, 'archive takes either --before or --partition.');
  if (before !== undefined) {
    if (detach || drop) throw new CommandError(EXIT.usage, '--detach and --drop are for --partition.');
    const where = into === undefined ? 'Their rows are gone then' : `Their rows go to ${into}`;
    return {
      before: momentOf(before),
      question: `Archive all uses from before ${before}? ${where}; what they count is kept.`,
    };
  }
  if (detach === drop) throw new CommandError(EXIT.usage, '--partition takes either --detach or --drop.');
  if (batchSize !== undefined || into !== undefined)
    throw new CommandError(EXIT.usage, '--batch-size and --into are for --before.');
  const what = drop ? 'Drop' : 'Detach';
  return {
    partition: { partition: tableOf(partition!), action: drop ? 'drop' : 'detach' },
    question: `${what} the partition ${partition}? What its uses count is kept; redemptions wait until it is added up.`,
  };
}

function momentOf(before: string): string {
  const moment = /^\d{4}-\d\d-\d\d$/.test(before) ? `${before}T00:00:00Z` : before;
  if (/^\d{4}-\d\d-\d\dT.*(?:[zZ]|[+-]\d\d:\d\d)$/.test(moment) && !Number.isNaN(Date.parse(moment))) return moment;
  throw new CommandError(
    EXIT.usage,
    '--before must be a day, such as 2025-01-01, or a moment with an offset, such as 2025-01-01T00:00:00+01:00.',
  );
}

/** `table`, or `schema.table`; quotes are taken as they are, so that names with dots are for the function. */
function tableOf(name: string): TableRef {
  const [schema, table, ...more] = name.split('.');
  return schema !== undefined && table !== undefined && more.length === 0 ? { schema, table } : name;
}

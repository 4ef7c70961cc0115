import type { ScrubReport } from '../../index.js';
import { CommandError, EXIT } from '../command-error.js';
import { countedRecords, driftList } from '../drift-list.js';
import { progressLine } from '../progress.js';
import type { Session } from '../session.js';
import { counted } from '../table.js';
import { print } from '../terminal.js';

interface Flags {
  rowsPerSecond?: number;
  duration?: number;
}

export async function scrub(session: Session, flags: Flags): Promise<number> {
  if (flags.rowsPerSecond !== undefined && flags.duration !== undefined) {
    throw new CommandError(EXIT.usage, '--duration and --rows-per-second both say how fast it goes: give one of them.');
  }
  const { terminal, installation } = session;
  const pool = await session.pool();
  const { scrubDrift } = await import('../../index.js');
  const progress = await progressLine(terminal);
  let report: ScrubReport;
  try {
    const { signal } = terminal;
    report = await scrubDrift(pool, { ...installation, ...flags, signal, onProgress: progress?.onProgress });
  } finally {
    progress?.end();
  }
  print(terminal, session.flags.json ? JSON.stringify(report) : verdict(report));
  return report.drifted.length === 0 ? EXIT.ok : EXIT.notInOrder;
}

function verdict({ checked, drifted, oldestCheck }: ScrubReport): string {
  const all = oldestCheck === null ? 'not everything has been compared yet' : `all since ${oldestCheck.toISOString()}`;
  const compared = `${counted(checked, 'code')} compared now, ${all}.`;
  if (drifted.length === 0) return `No drift: every counter that was compared is what its uses add up to. ${compared}`;
  return [
    `${countedRecords(drifted)} ${drifted.length === 1 ? 'differs from its uses' : 'differ from their uses'}. ${compared}`,
    driftList(drifted),
    'To do: `pg-promo-codes repair` recounts them; `pg-promo-codes status` shows what lets them drift.',
  ].join('\n');
}

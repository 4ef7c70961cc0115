import type { DriftRecord } from '../../drift/drift-record.js';
import { EXIT } from '../command-error.js';
import { confirm, requireAnswer } from '../confirm.js';
import { countedRecords, driftList } from '../drift-list.js';
import { progressLine } from '../progress.js';
import type { Session } from '../session.js';
import { note, print } from '../terminal.js';

interface Flags {
  shop?: string;
  dryRun?: boolean;
  yes?: boolean;
}

export async function repair(session: Session, { shop, dryRun, yes }: Flags): Promise<number> {
  const { terminal, installation } = session;
  if (!dryRun) requireAnswer(terminal, yes, 'repair');
  const pool = await session.pool();
  const { repairDrift } = await import('../../index.js');
  const options = { ...installation, ...(shop !== undefined && { shopId: shop }) };
  const say = (records: DriftRecord[], text: string) =>
    print(terminal, session.flags.json ? JSON.stringify(records) : text);

  if (dryRun || !yes) {
    const found = await repairDrift(pool, { ...options, dryRun: true });
    if (found.length === 0) {
      say(found, 'No drift: there is nothing to recount.');
      return EXIT.ok;
    }
    const list = `${countedRecords(found)} would be recounted:\n${driftList(found)}`;
    if (dryRun) {
      say(found, list);
      return EXIT.notInOrder;
    }
    note(terminal, list);
    if (!(await confirm(terminal, yes, `Recount ${countedRecords(found)}?`))) {
      note(terminal, 'Nothing was changed.');
      return EXIT.notInOrder;
    }
  }

  const progress = await progressLine(terminal);
  const repairing = repairDrift(pool, { ...options, ...(progress && { onProgress: progress.onProgress }) });
  const repaired = await repairing.finally(() => progress?.end());
  say(
    repaired,
    repaired.length === 0
      ? 'No drift: there was nothing to recount.'
      : `Recounted ${countedRecords(repaired)}. Before:\n${driftList(repaired)}`,
  );
  return EXIT.ok;
}

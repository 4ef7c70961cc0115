import { EXIT } from '../command-error.js';
import { confirm, requireAnswer } from '../confirm.js';
import type { Session } from '../session.js';
import { visible } from '../table.js';
import { note, print } from '../terminal.js';

const QUESTION =
  'Remove triggers, functions and the schema of the library, with its campaigns, what archived uses count, idempotency keys and holds? Your tables and rows stay.';

export async function uninstall(session: Session, { yes }: { yes?: boolean }): Promise<number> {
  const { terminal, installation } = session;
  requireAnswer(terminal, yes, 'uninstall');
  const pool = await session.pool();
  const { uninstallTriggers } = await import('../../index.js');
  if (!(await confirm(terminal, yes, QUESTION))) {
    note(terminal, 'Nothing was changed.');
    return EXIT.notInOrder;
  }
  const report = await uninstallTriggers(pool, installation);
  const names = report.removed.map((name) => visible(name));
  const text =
    names.length === 0 ? 'There was nothing to remove.' : `Removed (${names.length}):\n  ${names.join('\n  ')}`;
  print(terminal, session.flags.json ? JSON.stringify(report) : text);
  return EXIT.ok;
}

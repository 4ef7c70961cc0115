import type { InstallReport } from '../../install/install-triggers.js';
import { EXIT } from '../command-error.js';
import { driftList } from '../drift-list.js';
import { inOwnWords } from '../explain-error.js';
import { type InstallFlags, readInstallFlags } from '../install-flags.js';
import { progressLine } from '../progress.js';
import type { Session } from '../session.js';
import { counted, visible } from '../table.js';
import { print } from '../terminal.js';

type Flags = InstallFlags & { createTables?: boolean; dryRun?: boolean };

export async function install(session: Session, { createTables, dryRun, ...flags }: Flags): Promise<number> {
  const { terminal } = session;
  const given = readInstallFlags(session, flags);
  const options = { ...given, ...(dryRun && { dryRun }) };
  const pool = await session.pool();
  const { installSchema, installTriggers } = await import('../../index.js');
  const progress = await progressLine(terminal);
  const doing = (createTables ? installSchema : installTriggers)(pool, {
    ...options,
    ...(progress && { onProgress: progress.onProgress }),
  });
  const report = await doing.finally(() => progress?.end());
  print(terminal, session.flags.json ? JSON.stringify(report) : reportText(report, options.dryRun === true));
  return report.foreign.length === 0 ? EXIT.ok : EXIT.notInOrder;
}

function reportText(report: InstallReport, isRehearsal: boolean): string {
  const { changed, created, replaced, repaired, foreign, warnings, granularity } = report;
  const said = isRehearsal ? 'Would be ' : '';
  const verb = (word: string) => (isRehearsal ? `${said}${word}` : word[0]!.toUpperCase() + word.slice(1));
  const lines = [
    changed
      ? isRehearsal
        ? 'Nothing was changed. An installation would change the database:'
        : `Installed; triggers count once per ${granularity}.`
      : 'Everything is in place; nothing was changed.',
  ];
  if (created.length > 0) lines.push(`${verb('created')} (${created.length}): ${namesOf(created)}`);
  if (replaced.length > 0) lines.push(`${verb('replaced')} (${replaced.length}): ${namesOf(replaced)}`);
  if (repaired.length > 0) {
    const differ = repaired.length === 1 ? 'differs from its uses' : 'differ from their uses';
    lines.push(
      isRehearsal
        ? `${verb('recounted')}: ${counted(repaired.length, 'code')}, whose counters ${differ}:`
        : `${verb('recounted')} ${counted(repaired.length, 'code')}; the counters had drifted:`,
      driftList(repaired),
    );
  }
  lines.push(
    ...foreign.map((trigger) => `Foreign: ${visible(trigger, 200)} writes the counters as well, and makes drift.`),
  );
  lines.push(...warnings.map((warning) => `Warning: ${inOwnWords(warning)}`));
  return lines.join('\n');
}

const MOST_NAMES = 6;

function namesOf(names: readonly string[]): string {
  const shown = names.slice(0, MOST_NAMES).map((name) => visible(name));
  return `${shown.join(', ')}${names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : ''}`;
}

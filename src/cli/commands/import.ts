import type { ImportFault, ImportReport } from '../../index.js';
import { EXIT } from '../command-error.js';
import { readCsv } from '../read-csv.js';
import type { Session } from '../session.js';
import { counted, visible } from '../table.js';
import { print } from '../terminal.js';

interface Flags {
  shop?: string;
  campaign?: string;
  skipFaulty?: boolean;
}

/** More say nothing that the first do not; `--json` has them. */
const MOST_SHOWN = 20;
const LONGEST_LINE = 400;

export async function importFile(
  session: Session,
  file: string,
  { shop, campaign, skipFaulty }: Flags,
): Promise<number> {
  const { terminal } = session;
  const pool = await session.pool();
  const { PromoCodeRepository } = await import('../../index.js');
  const rows = readCsv(file, terminal.stdin);
  const report = await new PromoCodeRepository(pool, session.installation).import(rows, {
    defaults: { ...(shop !== undefined && { shopId: shop }), ...(campaign !== undefined && { campaignId: campaign }) },
    faultyRows: skipFaulty ? 'skip' : 'refuse',
  });
  const faults = report.faults.map((fault) => ({ ...fault, line: rows.lineOf(fault.row) }));
  print(terminal, session.flags.json ? JSON.stringify({ ...report, faults }) : textOf(file, { ...report, faults }));
  return faults.length === 0 ? EXIT.ok : EXIT.notInOrder;
}

type Report = Omit<ImportReport, 'faults'> & { faults: (ImportFault & { line: number })[] };

function textOf(file: string, { created, skipped, faults, omittedFaults }: Report): string {
  const done = `Created ${counted(created, 'code')}, skipped ${skipped.toLocaleString('en')} that ${skipped === 1 ? 'was' : 'were'} there.`;
  if (faults.length === 0) return done;
  const more = faults.length + omittedFaults - MOST_SHOWN;
  return [
    ...faults.slice(0, MOST_SHOWN).map((fault) => `${file}:${fault.line}: ${visible(messageOf(fault), LONGEST_LINE)}`),
    ...(more > 0 ? [`and ${counted(more, 'further fault')}`] : []),
    created + skipped > 0 ? done : 'Nothing was imported.',
  ].join('\n');
}

/** A row of a file has a line of its own, so that the path is that of the field. */
function messageOf({ path, message, received }: ImportFault): string {
  const field = path.replace(/^rows\[\d+\]\.?/, '');
  const given = received === undefined || message.endsWith('?') ? '' : `; received ${received}`;
  return `${field === '' ? 'the row' : /^\d+$/.test(field) ? `column ${Number(field) + 1}` : field} ${message}${given}`;
}

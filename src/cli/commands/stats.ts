import { writeFileSync } from 'node:fs';
import { CommandError, EXIT } from '../command-error.js';
import { readHostTables } from '../host-tables.js';
import type { Session } from '../session.js';
import { type Period, readCodeStats, readShopStats } from '../stats/read-stats.js';
import { codeStatsText, shopStatsText } from '../stats/stats-text.js';
import { note, print, widthOf } from '../terminal.js';

interface Flags extends Period {
  shop?: string;
  html?: string;
}

export async function stats(session: Session, code: string | undefined, flags: Flags): Promise<number> {
  const { terminal } = session;
  const { shop, html, days } = flags;
  const pool = await session.pool();
  const timeZone = await requireTimeZone(pool, flags.timeZone);
  const host = await readHostTables(session, pool);
  const found =
    code === undefined
      ? await readShopStats(pool, host, shop, { days, timeZone })
      : await readCodeStats(pool, host, code, { shop, days, timeZone });
  if (html !== undefined) {
    const { statsPage } = await import('../stats/stats-page.js');
    writePage(html, statsPage(found, new Date()));
    note(terminal, `Wrote ${html}.`);
  }
  const width = widthOf(terminal);
  if (session.flags.json) print(terminal, JSON.stringify(found));
  else if (html === undefined) {
    print(terminal, 'promoCode' in found ? codeStatsText(found, width) : shopStatsText(found, width));
  }
  return EXIT.ok;
}

type Pool = Awaited<ReturnType<Session['pool']>>;

async function requireTimeZone(pool: Pool, timeZone: string): Promise<string> {
  const { rows } = await pool.query(
    'SELECT n.name FROM pg_catalog.pg_timezone_names AS n WHERE lower(n.name) = lower($1)',
    [timeZone],
  );
  if (rows[0]) return String(rows[0].name);
  throw new CommandError(
    EXIT.usage,
    '--time-zone must be the name of a time zone that the server knows, such as Europe/Berlin.',
  );
}

function writePage(file: string, page: string): void {
  try {
    writeFileSync(file, page);
  } catch (error) {
    throw new CommandError(EXIT.usage, `--html ${file} cannot be written: ${(error as Error).message}.`, error);
  }
}

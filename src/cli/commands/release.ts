import { EXIT } from '../command-error.js';
import type { Session } from '../session.js';
import { counted } from '../table.js';
import { print } from '../terminal.js';

/** In one transaction. */
const LIMIT = 1_000;

export async function release(session: Session): Promise<number> {
  const pool = await session.pool();
  const { PromoCodeRepository } = await import('../../index.js');
  const promoCodes = new PromoCodeRepository(pool, session.installation);
  let released = 0;
  let remaining = false;
  for (;;) {
    const batch = await promoCodes.releaseExpired({ limit: LIMIT });
    released += batch.released;
    remaining = batch.remaining;
    if (!remaining || batch.released === 0) break;
  }
  const text = `Released ${counted(released, 'hold')} whose time had run out.`;
  print(session.terminal, session.flags.json ? JSON.stringify({ released, remaining }) : text);
  return EXIT.ok;
}

import { EXIT } from '../command-error.js';
import type { Session } from '../session.js';
import { counted } from '../table.js';
import { print } from '../terminal.js';

/** In one transaction. */
const LIMIT = 10_000;

export async function prune(session: Session, { olderThanDays }: { olderThanDays: number }): Promise<number> {
  const pool = await session.pool();
  const { PromoCodeRepository } = await import('../../index.js');
  const promoCodes = new PromoCodeRepository(pool, session.installation);
  let pruned = 0;
  for (;;) {
    const batch = await promoCodes.pruneIdempotencyKeys({ olderThanDays, limit: LIMIT });
    pruned += batch.pruned;
    if (batch.pruned < LIMIT) break;
  }
  const text = `Forgot ${counted(pruned, 'idempotency key')} older than ${counted(olderThanDays, 'day')}.`;
  print(session.terminal, session.flags.json ? JSON.stringify({ pruned }) : text);
  return EXIT.ok;
}

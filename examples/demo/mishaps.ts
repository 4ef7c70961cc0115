import type { Demo } from './lifecycle';
import { addToCounters, recordUse, redeem, redeemAndCrash, redeemTwiceAtOnce } from './old-application';

/** What goes wrong in the old application: to which code, and how. */
export interface Mishap {
  readonly code: string;
  readonly story: string;
  happen(demo: Demo, codeId: number): Promise<unknown>;
}

/** This code is created with counters that are NULL, which the host's tables allow. */
export const CODE_WITHOUT_COUNTERS = 'LEGACY2019';

export const MISHAPS: readonly Mishap[] = [
  {
    code: 'WELCOME10',
    story: 'the process died between INSERT and UPDATE, 3 ×',
    happen: ({ url }, id) => times(3, () => redeemAndCrash(url, id, '5.00')),
  },
  {
    code: 'SPRING25',
    story: 'two requests read, then both wrote back + 1',
    happen: ({ pool }, id) => redeemTwiceAtOnce(pool, id, '12.50'),
  },
  {
    code: 'FLASH20',
    story: 'a repeated request: recorded once, added twice',
    happen: ({ pool }, id) => redeem(pool, id, '7.25', () => addToCounters(pool, id, '7.25')),
  },
  {
    code: 'FRIENDS5',
    story: 'two uses deleted by hand, counters forgotten',
    happen: ({ pool }, id) =>
      pool.query(
        `DELETE FROM promo_code_uses
          WHERE id IN (SELECT id FROM promo_code_uses WHERE promo_code_id = $1 ORDER BY id LIMIT 2)`,
        [id],
      ),
  },
  {
    code: 'PARTNER50',
    story: 'an import wrote 25 uses and no counter',
    happen: ({ pool }, id) => times(25, () => recordUse(pool, id, '0.10')),
  },
  {
    code: CODE_WITHOUT_COUNTERS,
    story: 'created with NULL counters: NULL + 1 is NULL',
    happen: ({ pool }, id) => times(9, () => redeem(pool, id, '1.50')),
  },
];

async function times(count: number, work: () => Promise<unknown>): Promise<void> {
  for (let done = 0; done < count; done += 1) await work();
}

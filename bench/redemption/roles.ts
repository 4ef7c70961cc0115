import type { Role } from '../side-by-side.js';

/** How redeeming can be done, each as its followers would write it for speed, and what bounds it. */
export type RedemptionRole = Exclude<Role, 'plain' | 'hash' | 'range'>;

/** How previews can be sent. */
export type PreviewRole = Extract<Role, 'unbatched' | 'ours'>;

/** Whose triggers count, where counters are kept by triggers. */
export const triggersOf: Record<RedemptionRole, 'ours' | 'seed' | 'none'> = {
  seed: 'seed',
  campaignRow: 'seed',
  onRead: 'none',
  optimistic: 'none',
  unbatched: 'ours',
  ours: 'ours',
  bareInsert: 'none',
  bareUpdate: 'none',
  bareRows: 'none',
};

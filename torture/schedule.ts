import { type Random, seededRandom } from './random.js';

/** Faults of the network, which a proxy brings about. */
export const networkFaults = [
  'reset',
  'close',
  'cutInRequest',
  'cutInAnswer',
  'loseAnswers',
  'cutStorm',
  'stall',
  'silence',
  'holdBack',
] as const;

/** Faults that need nothing but the rights of the clients' own role. */
export const ownFaults = [
  'killProcess',
  'terminate',
  'cancel',
  'vacuumFull',
  'reindex',
  'installTriggers',
  'repairDrift',
] as const;

/** Faults that need the server to be ours. */
export const serverFaults = [
  'lockTimeout',
  'statementTimeout',
  'readOnly',
  'restart',
  'crash',
  'killBackend',
  'failover',
  'diskFull',
] as const;

type NetworkFault = (typeof networkFaults)[number];
export type OwnFault = (typeof ownFaults)[number];
export type ServerFault = (typeof serverFaults)[number];
export type FaultName = NetworkFault | OwnFault | ServerFault;

/** A fault that is due. */
export interface PlannedFault {
  name: FaultName;
  /** Milliseconds after the beginning of the faults. */
  atMs: number;
  /** How long it lasts, where it lasts. */
  lengthMs: number;
  /** Decides what it hits. */
  seed: string;
}

/** The faults of the two tracks, which run beside each other; within a track one comes after the other. */
export interface Schedule {
  network: PlannedFault[];
  others: PlannedFault[];
}

/** The last part of the campaign's time has no new faults, so that the longest ones end in it. */
const LAST_PART_MS = 1_500;
const NETWORK_EVERY_MS = [150, 700] as const;
const OTHERS_EVERY_MS = [500, 3_500] as const;

/** The same seed, time and kinds of faults give the same plan. */
export function planFaults(seed: number, durationMs: number, others: readonly (OwnFault | ServerFault)[]): Schedule {
  const lastMs = Math.max(0, durationMs - LAST_PART_MS);
  // Where the time is short, each kind still comes once.
  const every = Math.min(OTHERS_EVERY_MS[1], Math.max(OTHERS_EVERY_MS[0], lastMs / (others.length + 2)));
  return {
    network: track(seededRandom(seed, 'network'), networkFaults, lastMs, (random) =>
      random.between(...NETWORK_EVERY_MS),
    ),
    others: track(seededRandom(seed, 'others'), others, lastMs, (random) => every * (0.6 + 0.6 * random.next())),
  };
}

function track<Name extends FaultName>(
  random: Random,
  names: readonly Name[],
  lastMs: number,
  pause: (random: Random) => number,
): PlannedFault[] {
  const planned: PlannedFault[] = [];
  let bag: Name[] = [];
  for (let atMs = pause(random); atMs < lastMs && names.length > 0; atMs += pause(random)) {
    if (bag.length === 0) bag = random.shuffled(names);
    planned.push({
      name: bag.pop()!,
      atMs: Math.round(atMs),
      lengthMs: random.between(300, 1_500),
      seed: String(random.between(0, 1_000_000_000)),
    });
  }
  return planned;
}

/**
 * Timers and the clock of Node.js as they were when the library was loaded. A test that fakes the global ones afterwards
 * fakes them for its own code; those of a library that waits for a server would never fire. Imported under the same names,
 * so that a file cannot use the others by mistake.
 */
const {
  setTimeout: setTimeoutAtLoad,
  clearTimeout: clearTimeoutAtLoad,
  setImmediate: setImmediateAtLoad,
  performance: performanceAtLoad,
} = globalThis;

export { clearTimeoutAtLoad as clearTimeout, setTimeoutAtLoad as setTimeout };

/** Milliseconds of a clock that only goes forward. */
export const now: () => number = performanceAtLoad.now.bind(performanceAtLoad);
export const performance = { now };

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeoutAtLoad(resolve, ms));
}

/** Runs work when everybody who can go on without input or output has done so. */
export const afterCallbacks: (work: () => void) => void = isFaked(setImmediateAtLoad)
  ? (work) => void afterMicrotasks(work)
  : (work) => void setImmediateAtLoad(work);

/** What replaces a timer (fake timers of vitest, Jest, Sinon) carries the clock that drives it. */
function isFaked(timer: object): boolean {
  return 'clock' in timer;
}

/** How many steps a caller may take from its answer to its next call. */
const MICROTASKS = 50;

async function afterMicrotasks(work: () => void): Promise<void> {
  for (let step = 0; step < MICROTASKS; step += 1) await undefined;
  work();
}

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

/** Milliseconds of a clock that only goes forward. */
export const now: () => number = performanceAtLoad.now.bind(performanceAtLoad);

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeoutAtLoad(resolve, ms));
}

/** The same, but not after the end that a signal gives. */
export function sleepUnless(signal: AbortSignal | undefined, ms: number): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = (): void => {
      signal?.removeEventListener('abort', done);
      endAlarm(alarm);
      resolve();
    };
    const alarm = alarmIn(ms, done);
    signal?.addEventListener('abort', done);
  });
}

/** What happens at a moment unless it is ended before. */
export interface Alarm {
  readonly at: number;
  ring(): void;
}

/** Almost all are ended, and none of these cost a timer: there is one, for the earliest of those that were there when it was set. */
const alarms = new Set<Alarm>();
let timer: ReturnType<typeof setTimeoutAtLoad> | undefined;
let timerAt = Number.POSITIVE_INFINITY;
/** A timer so late will never come: the clock that drives it was taken away. */
const LOST_MS = 1_000;

/** Keeps the process alive until it has rung or was ended, as a timer does. */
export function alarmIn(ms: number, ring: () => void): Alarm {
  const time = now();
  const alarm = { at: time + ms, ring };
  alarms.add(alarm);
  if (alarm.at < timerAt || timerAt + LOST_MS < time) setTimer(alarm.at, time);
  else if (alarms.size === 1) timer?.ref?.();
  return alarm;
}

export function endAlarm(alarm: Alarm): void {
  if (alarms.delete(alarm) && alarms.size === 0) timer?.unref?.();
}

function setTimer(at: number, time: number): void {
  if (timer !== undefined) clearTimeoutAtLoad(timer);
  timerAt = at;
  timer = setTimeoutAtLoad(ringDue, Math.max(1, Math.ceil(at - time)));
}

function ringDue(): void {
  const time = now();
  const due: Alarm[] = [];
  let next = Number.POSITIVE_INFINITY;
  for (const alarm of alarms) {
    if (alarm.at <= time) due.push(alarm);
    else next = Math.min(next, alarm.at);
  }
  timer = undefined;
  timerAt = Number.POSITIVE_INFINITY;
  if (next < timerAt) setTimer(next, time);
  // One of them may end another.
  for (const alarm of due) if (alarms.delete(alarm)) alarm.ring();
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

import { now } from '../postgres/timers.js';

/** What a scrub reads each second where nothing is said: a few hundredths of what a server can. */
const USUAL_ROWS_PER_SECOND = 100_000;
/** A piece is about what may be read in this time, within bounds: its statement is short, and there are not too many. */
const PIECE_MS = 1_000;
const LEAST_ROWS = 10;
const MOST_ROWS = 50_000;
/** What was underestimated is made up for at so many times the speed, at the most. */
const MOST_HASTE = 2;

/** How fast a walk goes: how many rows the next piece may have, and how long to wait after it. */
export interface Pace {
  /** Rows of the next piece. */
  pieceRows(): number;
  /** Milliseconds to wait, after a piece that began at `began` (by `now()`) and read so many rows. */
  pauseAfter(rows: number, began: number): number;
}

/** At the most so many rows each second. */
export function steadyPace(rowsPerSecond = USUAL_ROWS_PER_SECOND): Pace {
  return {
    pieceRows: () => rowsIn(rowsPerSecond),
    pauseAfter: (rows, began) => leftOf(rows, rowsPerSecond, began),
  };
}

/** Rows that are there, of which some are behind it, in so many milliseconds from now on. */
export function spreadPace(durationMs: number, rowsLeft: number): Pace {
  const end = now() + durationMs;
  const average = Math.max(1, (rowsLeft * 1_000) / durationMs);
  let left = rowsLeft;
  const rate = () => {
    const timeLeft = end - now();
    if (timeLeft <= 0) return average * MOST_HASTE;
    const rows = Math.max(left, 1);
    return Math.min(average * MOST_HASTE, Math.max((rows * 1_000) / timeLeft, average / MOST_HASTE));
  };
  return {
    pieceRows: () => rowsIn(rate()),
    pauseAfter(rows, began) {
      const pause = leftOf(rows, rate(), began);
      left -= rows;
      return pause;
    },
  };
}

function rowsIn(rowsPerSecond: number): number {
  return Math.round(Math.min(MOST_ROWS, Math.max(LEAST_ROWS, (rowsPerSecond * PIECE_MS) / 1_000)));
}

function leftOf(rows: number, rowsPerSecond: number, began: number): number {
  return Math.max(0, began + (rows * 1_000) / rowsPerSecond - now());
}

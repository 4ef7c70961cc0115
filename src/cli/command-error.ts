/** What a process ends with. */
export const EXIT = {
  ok: 0,
  /** Drift, or an installation that is not in order; also what could not be done. */
  notInOrder: 1,
  usage: 2,
  noConnection: 3,
} as const;

/** Ends a command: a line for whoever typed it, and the exit code. */
export class CommandError extends Error {
  constructor(
    readonly exitCode: number,
    message: string,
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'CommandError';
  }
}

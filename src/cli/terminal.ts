import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

/** A stream that may be a terminal. */
export type Output = Writable & { isTTY?: boolean | undefined; columns?: number | undefined };

/** Where a command reads and writes. A process gives its own; tests give theirs. */
export interface Terminal {
  stdin: Readable & { isTTY?: boolean | undefined };
  stdout: Output;
  stderr: Output;
  env: Readonly<Record<string, string | undefined>>;
  /** Aborted by Ctrl-C, with the exit code as its reason. */
  signal: AbortSignal;
  /** Whether whoever reads the output has gone, as `head` does. */
  isOutputGone(): boolean;
}

/** The width of what is printed where there is no terminal. */
const USUAL_WIDTH = 80;

/** How many characters a line of the output has. */
export function widthOf({ stdout }: Terminal): number {
  return stdout.isTTY && stdout.columns ? stdout.columns : USUAL_WIDTH;
}

/** Writes what the command was asked for. */
export function print({ stdout }: Terminal, text: string): void {
  stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}

/** Writes what is said about it: nothing that a pipe should get. */
export function note({ stderr }: Terminal, text: string): void {
  stderr.write(`${text}\n`);
}

/** Whether to write in colour (https://no-color.org, and FORCE_COLOR as Node.js reads it). */
export function hasColor({ env }: Terminal, output: Output): boolean {
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== '0';
  return output.isTTY === true && env.TERM !== 'dumb';
}

/** Whether there is somebody to ask. */
export function canAsk({ stdin, stderr }: Terminal): boolean {
  return stdin.isTTY === true && stderr.isTTY === true;
}

/** Asks a question that is answered by yes or no; everything but a yes is a no. */
export function ask({ stdin, stderr, signal }: Terminal, question: string): Promise<boolean> {
  // Without `terminal` the line stays with the system, so Ctrl-C is the signal that it always is.
  const lines = createInterface({ input: stdin, terminal: false });
  stderr.write(`${question} [y/N] `);
  return new Promise<boolean>((resolve) => {
    lines.once('line', (answer) => resolve(/^y(es)?$/i.test(answer.trim())));
    lines.once('close', () => resolve(false));
    signal.addEventListener('abort', () => lines.close(), { once: true });
  }).finally(() => lines.close());
}

#!/usr/bin/env node
import { run } from './run.js';

const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const;
const interruption = new AbortController();
for (const [signal, exitCode] of Object.entries(SIGNALS)) {
  process.on(signal, () => {
    // Whoever asks for it twice does not want to wait.
    if (interruption.signal.aborted) process.exit(exitCode);
    interruption.abort(exitCode);
  });
}
const { stdin, stdout, stderr, env } = process;
let isOutputGone = false;
for (const stream of [stdout, stderr]) {
  // A reader that has gone, as `head` does, needs nothing more; the exit code is that of the command all the same.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    if (stream === stdout) isOutputGone = true;
  });
}
process.exitCode = await run(process.argv.slice(2), {
  ...{ stdin, stdout, stderr, env },
  signal: interruption.signal,
  isOutputGone: () => isOutputGone,
});
// What was interrupted may still wait for something.
if (interruption.signal.aborted) process.exit();

import { parseArgs } from 'node:util';
import { openWorkbench } from '../../bench/workbench.js';
import { within } from '../limits.js';
import { spendDay } from './day.js';
import { dayText, headLine, sampleLine } from './figures.js';
import type { Settings } from './settings.js';

const CLOSE_LIMIT_MS = 30_000;
/** What preparing, the last calls and the last sample may take beside the time that was asked for. */
const SURPLUS_MS = 180_000;
/** What is seen of a longer run: so many lines. */
const MOST_LINES = 30;

const HELP = `npm run soak -- [options]

  --minutes M    how long callers are at work; default: 20
  --callers N    callers, in one process; default: 16
  --url url      a server on this machine that is there already, in a schema that is dropped afterwards; default: one that is
                 started (TEST_POSTGRES_VERSION chooses 14 to 18)
  --help

It ends with exit code 1 when memory or tables grow, the rate decays, counters drift or calls fail, and says which; with 3 when
it could not come to its end. docs/torture.md says what is measured.
`;

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '20' },
    callers: { type: 'string', default: '16' },
    url: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

if (options.help) process.stdout.write(HELP);
else {
  await main(readSettings());
  process.exit();
}

async function main(settings: Settings): Promise<void> {
  const bench = await openWorkbench({ url: settings.url, quick: false });
  let isInterrupted = false;
  const interrupt = (signal: NodeJS.Signals) => {
    if (!isInterrupted) say(`Interrupted by ${signal}; tidying up.`);
    isInterrupted = true;
    void within(CLOSE_LIMIT_MS, 'Tidying up', bench.close())
      .catch((error: unknown) => say(String(error)))
      .finally(() => process.exit(130));
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  const samplesOf = Math.max(1, Math.round(settings.durationMs / 1_000 / MOST_LINES));
  let lastLine = Number.NEGATIVE_INFINITY;
  try {
    say(`${settings.callers} callers, for ${settings.durationMs / 60_000} minutes.`);
    process.stdout.write(`${headLine()}\n`);
    const day = spendDay(bench, settings, (sample, all) => {
      if (sample.atMs / 1_000 - lastLine < samplesOf) return;
      lastLine = sample.atMs / 1_000;
      process.stdout.write(`${sampleLine(sample, all)}\n`);
    });
    const outcome = await within(settings.durationMs + SURPLUS_MS, 'The day', day);
    process.stdout.write(`${dayText(outcome)}\n`);
    if (outcome.violations.length > 0) process.exitCode = 1;
  } catch (error) {
    if (isInterrupted) return;
    say(error instanceof Error ? (error.stack ?? error.message) : String(error));
    process.exitCode = 3;
  } finally {
    await within(CLOSE_LIMIT_MS, 'Tidying up', bench.close()).catch((error: unknown) => {
      say(String(error));
      process.exitCode = 3;
    });
  }
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

function readSettings(): Settings {
  return {
    durationMs: Math.round(number('minutes', options.minutes, 0.02, 1_440) * 60_000),
    callers: number('callers', options.callers, 1, 256),
    url: options.url === undefined ? undefined : onThisMachine(options.url),
  };
}

/** A day of load is for no server that somebody else uses. */
function onThisMachine(url: string): string {
  const host = URL.canParse(url) ? new URL(url).hostname : '';
  if (['localhost', '127.0.0.1', '[::1]'].includes(host)) return url;
  return refuse('--url must be a connection string of a server on this machine (127.0.0.1, ::1 or localhost)');
}

function number(name: string, text: string, from: number, to: number): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= from && value <= to && (name !== 'callers' || Number.isInteger(value)))
    return value;
  return refuse(`--${name} must be ${name === 'callers' ? 'a whole number ' : ''}from ${from} to ${to}, not ${text}`);
}

function refuse(message: string): never {
  process.stderr.write(`${message}\n\n${HELP}`);
  process.exit(2);
}

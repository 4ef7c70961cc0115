import { parseArgs } from 'node:util';
import { runCampaign } from './campaign.js';
import { within } from './limits.js';
import { appendReport, keepLogs, outcomeText } from './report.js';
import { type DesignName, designNames, type Settings } from './settings.js';
import { openStage } from './stage.js';

const CLOSE_LIMIT_MS = 30_000;

const HELP = `npm run torture -- [options]

  --seed N         decides the faults, their order and times; default: one that is printed
  --minutes M      how long faults are injected; default: 3. A run takes about half a minute more
  --design name    ${designNames.join(', ')}; default: library
  --processes N    client processes; default: 4
  --callers N      callers in each of them; default: 12
  --url url        a server that is there already, in a schema that is dropped afterwards: only faults that need no control
                   over the server; default: a server of its own (TEST_POSTGRES_VERSION chooses 14 to 18), with a standby
  --logs folder    keep the logs of the client processes and of the faults there
  --report file    append a row to the table in this Markdown file
  --help

It ends with exit code 1 when something was found to be wrong, and with 3 when it could not tidy up. docs/torture.md says how to read it.
`;

const { values: options } = parseArgs({
  options: {
    seed: { type: 'string' },
    minutes: { type: 'string', default: '3' },
    design: { type: 'string', default: 'library' },
    processes: { type: 'string', default: '4' },
    callers: { type: 'string', default: '12' },
    url: { type: 'string' },
    logs: { type: 'string' },
    report: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

if (options.help) process.stdout.write(HELP);
else {
  await main(readSettings());
  // Whatever is still open: a campaign that was over once went on for minutes, at full load, in the shutdown of Node.js.
  process.exit();
}

async function main(settings: Settings): Promise<void> {
  say(`Seed ${settings.seed}, design ${settings.design}.`);
  const stage = await openStage(settings);
  say(`${stage.description}.`);
  let isInterrupted = false;
  const interrupt = (signal: NodeJS.Signals) => {
    if (!isInterrupted) say(`Interrupted by ${signal}; tidying up.`);
    isInterrupted = true;
    process.exitCode = 130;
    // The client processes end when the channel to this one does.
    void within(CLOSE_LIMIT_MS, 'Tidying up', stage.close())
      .catch((error: unknown) => say(String(error)))
      .finally(() => process.exit());
  };
  // Not once: a wrapper may pass the same Ctrl-C on a second time, which would end the program before it has tidied up.
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  try {
    const outcome = await runCampaign(stage, settings, say);
    process.stdout.write(`${outcomeText(outcome)}\n`);
    if (options.logs !== undefined) keepLogs(stage.folder, options.logs, outcome);
    if (options.report !== undefined) appendReport(options.report, outcome);
    if (outcome.violations.length > 0) process.exitCode = 1;
  } catch (error) {
    // Tidying up ends what is running, and its errors are no news then.
    if (!isInterrupted) throw error;
  } finally {
    await within(CLOSE_LIMIT_MS, 'Tidying up', stage.close()).catch((error: unknown) => {
      say(String(error));
      process.exitCode ??= 3;
    });
  }
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

function readSettings(): Settings {
  const design = designNames.find((name) => name === options.design);
  if (!design) refuse(`--design must be one of ${designNames.join(', ')}, not ${options.design}`);
  return {
    seed: options.seed === undefined ? Math.floor(Math.random() * 1_000_000) : whole('seed', options.seed, 0, 2 ** 48),
    durationMs: Math.round(number('minutes', options.minutes, 0.05, 600) * 60_000),
    design: design as DesignName,
    processes: whole('processes', options.processes, 1, 64),
    callers: whole('callers', options.callers, 1, 1_000),
    url: options.url,
  };
}

function whole(name: string, text: string, from: number, to: number): number {
  const value = number(name, text, from, to);
  if (!Number.isInteger(value)) refuse(`--${name} must be a whole number, not ${text}`);
  return value;
}

function number(name: string, text: string, from: number, to: number): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= from && value <= to))
    refuse(`--${name} must be from ${from} to ${to}, not ${text}`);
  return value;
}

function refuse(message: string): never {
  process.stderr.write(`${message}\n\n${HELP}`);
  process.exit(2);
}

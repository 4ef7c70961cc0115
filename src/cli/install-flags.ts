import { readFileSync } from 'node:fs';
import { type Command, Option } from 'commander';
import type { InstallOptions } from '../inspect/options.js';
import { CommandError, EXIT } from './command-error.js';
import { collect } from './parse.js';
import type { Session } from './session.js';

/** The options of `installTriggers` that are flags; a file has all of them. */
export interface InstallFlags {
  counterWrites?: NonNullable<InstallOptions['counterWrites']>;
  enforceLimits?: boolean;
  history?: boolean;
  granularity?: NonNullable<InstallOptions['granularity']>;
  grantTo?: string[];
  timeZone?: string;
  customerMatching?: NonNullable<InstallOptions['customerMatching']>;
  config?: string;
}

/** What is left out is as installed, and at a first installation its default. */
export function addInstallFlags(command: Command): Command {
  return command
    .addOption(
      new Option('--counter-writes <mode>', 'what happens when something else writes the counters').choices([
        'ignore',
        'allow',
        'reject',
      ]),
    )
    .option('--enforce-limits', 'let a trigger refuse uses beyond a limit')
    .option('--no-enforce-limits', 'let no trigger refuse uses')
    .option('--history', 'record what happens to every use')
    .option('--no-history', 'record nothing more, and keep what was recorded')
    .addOption(new Option('--granularity <kind>', 'kind of triggers').choices(['auto', 'statement', 'row']))
    .option('--grant-to <role>', 'role that may redeem beside the owner of the tables; may be repeated', collect)
    .option('--time-zone <name>', 'of columns without time zone')
    .addOption(new Option('--customer-matching <how>', 'how customers are compared').choices(['folded', 'exact']))
    .option('--config <file>', 'JSON file with options of installTriggers(), such as tables; flags go before it');
}

/** The options of the file, and over them those of the command line. */
export function readInstallFlags({ installation }: Session, { config, ...flags }: InstallFlags): InstallOptions {
  return { ...(config === undefined ? {} : readConfig(config)), ...installation, ...flags };
}

function readConfig(file: string): InstallOptions {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new CommandError(EXIT.usage, `--config ${file} cannot be read: ${(error as Error).message}.`, error);
  }
  try {
    const options: unknown = JSON.parse(text);
    if (typeof options === 'object' && options !== null && !Array.isArray(options)) return options;
  } catch (error) {
    throw new CommandError(EXIT.usage, `--config ${file} is not JSON: ${(error as Error).message}.`, error);
  }
  throw new CommandError(EXIT.usage, `--config ${file} must be a JSON object with options of installTriggers().`);
}

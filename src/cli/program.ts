import { Command } from 'commander';
import { version } from '../../package.json';
import { addCampaignCommands } from './campaign-commands.js';
import { addInstallFlags } from './install-flags.js';
import { duration, oneLine, wholeNumber } from './parse.js';
import type { Session } from './session.js';
import { hasColor, widthOf } from './terminal.js';

export const NAME = 'pg-promo-codes';

type Action = (session: Session, ...values: never[]) => Promise<number>;

/** A paragraph of the help: commands that can be typed as they stand. */
function examples(...commands: string[]): string {
  return `\nExamples:\n${commands.map((command) => `  $ ${NAME} ${command}\n`).join('')}`;
}

const ABOUT = `Keeps the counters of promo codes true, and shows where they are not.

Exit codes: 0 all well, 1 drift or not in order, 2 usage, 3 cannot connect.`;

/**
 * The commands and their flags. What they do is loaded when one of them is run, so that help is quick.
 * @param finish gets the exit code
 */
export function createProgram(session: Session, finish: (exitCode: number) => void): Command {
  const { terminal } = session;
  const program = new Command(NAME)
    .description(ABOUT)
    .version(version, '-V, --version', 'print the version')
    .option('--url <url>', 'connection string; otherwise DATABASE_URL, or the variables PGHOST, PGUSER and so on')
    .option('--schema <name>', 'schema of the two tables (default: public, or that of --library-schema)')
    .option('--library-schema <name>', 'schema of the library, where a schema has several installations')
    .option('--json', 'print one JSON document')
    .option('--debug', 'print stack traces')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.stdout.write(text),
      writeErr: (text) => terminal.stderr.write(text),
      getOutHelpWidth: () => widthOf(terminal),
      getErrHelpWidth: () => widthOf(terminal),
      getOutHasColors: () => hasColor(terminal, terminal.stdout),
      getErrHasColors: () => hasColor(terminal, terminal.stderr),
      outputError: (text, write) => write(`${NAME}: ${oneLine(text, session.hiddenValues)}\n`),
    })
    .hook('preAction', () => {
      Object.assign(session.flags, program.opts());
    });

  /** Makes an action of what a module does, which is loaded then. */
  const does =
    (load: () => Promise<Action>) =>
    async (...values: unknown[]): Promise<void> => {
      // The last one is the command itself.
      finish(await (await load())(session, ...(values.slice(0, -1) as never[])));
    };

  addInstallFlags(
    program
      .command('install')
      .summary('put functions and triggers in place, and recount what has drifted')
      .description('Puts functions and triggers in place, online, and recounts what has drifted. Safe to repeat.')
      .option('--create-tables', 'create what is missing of the two tables first')
      .option('--dry-run', 'only say what would change'),
  )
    .addHelpText(
      'after',
      examples(
        'install',
        'install --create-tables --schema shop',
        'install --dry-run --counter-writes reject',
        'install --history',
        'install --config promo-codes.json',
      ),
    )
    .action(does(async () => (await import('./commands/install.js')).install));

  program
    .command('status')
    .summary('what is installed, what is not in order, and what to do')
    .description(
      'Shows what is installed, what is not in order with the SQL that fixes it, and what to do. Reads only.',
    )
    .addHelpText('after', examples('status', 'status --json'))
    .action(does(async () => (await import('./commands/status.js')).status));

  program
    .command('check')
    .summary('compare the counters with the uses')
    .description('Compares the counters of every code and campaign with the uses. Exit code 1 where they differ.')
    .option('--limit <n>', 'at most so many records', wholeNumber(1, 1_000_000))
    .option('--shop <id>', 'only codes and campaigns of this shop')
    .option('--fail-fast', 'end at the first one that differs')
    .option('--watch <seconds>', 'check again and again, also across a restart of the server', wholeNumber(1, 86_400))
    .addHelpText('after', examples('check', 'check --shop shop-1 --limit 10 --json', 'check --watch 60 --fail-fast'))
    .action(does(async () => (await import('./commands/check.js')).check));

  program
    .command('scrub')
    .summary('compare the counters with the uses at a bounded load')
    .description(
      'Compares the counters of every code and campaign with the uses, piece by piece with pauses. It remembers how far it has come, and goes on there when it was ended. Exit code 1 where counters differ.',
    )
    .option(
      '--rows-per-second <n>',
      'rows to read each second, at the most (default: 100000)',
      wholeNumber(1, 1_000_000_000),
    )
    .option('--duration <time>', 'spread it over this time, such as 30m, 1h or 7d', duration)
    .addHelpText('after', examples('scrub', 'scrub --duration 12h', 'scrub --rows-per-second 20000 --json'))
    .action(does(async () => (await import('./commands/scrub.js')).scrub));

  program
    .command('repair')
    .summary('recount the codes and campaigns whose counters differ')
    .description(
      'Recounts, each under its lock, codes and campaigns whose counters differ from their uses. Exact under load.',
    )
    .option('--shop <id>', 'only codes and campaigns of this shop')
    .option('--dry-run', 'only say what would be corrected; exit code 1 where there is drift')
    .option('-y, --yes', 'do not ask')
    .addHelpText('after', examples('repair --dry-run', 'repair --yes'))
    .action(does(async () => (await import('./commands/repair.js')).repair));

  program
    .command('archive')
    .summary('remove old uses, and keep what they count')
    .description(
      'Removes old uses in batches, or detaches or drops a partition of them. Counters and limits stay as they are: what the uses count is carried forward.',
    )
    .option('--before <date>', 'uses from before this day (of UTC) or moment, such as 2025-01-01')
    .option('--batch-size <n>', 'how many uses one transaction archives at the most', wholeNumber(1, 100_000))
    .option('--into <table>', 'a table, or schema.table, that takes the rows')
    .option('--partition <table>', 'a partition, or schema.partition, instead of uses by their age')
    .option('--detach', 'leave the partition as a table of its own')
    .option('--drop', 'drop the partition with its rows')
    .option('--no-customers', 'let go of how often each customer has used a code; limits per customer begin anew')
    .option('-y, --yes', 'do not ask')
    .addHelpText(
      'after',
      examples('archive --before 2020-01-01 --yes', 'archive --before 2020-01-01 --batch-size 5000 --yes --json'),
    )
    .action(does(async () => (await import('./commands/archive.js')).archive));

  program
    .command('uninstall')
    .summary('remove what install has created')
    .description('Removes functions, triggers and the schema of the library. Tables of the host and their rows stay.')
    .option('-y, --yes', 'do not ask')
    .addHelpText('after', examples('uninstall --yes'))
    .action(does(async () => (await import('./commands/uninstall.js')).uninstall));

  addInstallFlags(
    program
      .command('sql')
      .summary('print the SQL for a migration tool')
      .description('Prints SQL for hosts that run their own migrations. It connects to nothing.')
      .argument('<name>', 'schema, triggers, uninstall, drift or listIndexes'),
  )
    .addHelpText('after', examples('sql triggers > install.sql', 'sql drift --schema shop'))
    .action(does(async () => (await import('./commands/sql.js')).sql));

  program
    .command('import')
    .summary('create the codes of a CSV file')
    .description(
      'Creates the codes of a CSV file, whose header has the names of the fields of a code. Where a row is faulty nothing is created. Codes that are there already are skipped.',
    )
    .argument('<file>', 'the file; - reads the standard input')
    .option('--shop <id>', 'the shop of rows that name none')
    .option('--campaign <id>', 'the campaign of rows that name none')
    .option('--skip-faulty', 'leave faulty rows out, and create the others')
    .addHelpText('after', examples('import codes.csv', 'import codes.csv --shop shop-1 --skip-faulty --json'))
    .action(does(async () => (await import('./commands/import.js')).importFile));

  addCampaignCommands(
    program,
    (name) => does(async () => (await import('./commands/campaign.js'))[name] as Action),
    examples,
  );

  program
    .command('stats')
    .summary('counters, uses per day, and what is near a limit or budget')
    .description('Shows counters, uses per day, campaigns, and which codes are near their limit or budget.')
    .argument('[code]', 'one code; otherwise all')
    .option('--shop <id>', 'only codes of this shop')
    .option('--days <n>', 'how many days, up to today', wholeNumber(1, 3_650), 30)
    .option('--time-zone <name>', 'whose days these are', 'UTC')
    .option('--html <file>', 'write a page with the charts, which needs nothing beside it')
    .addHelpText('after', examples('stats', 'stats SUMMER --days 7', 'stats --shop shop-1 --html stats.html'))
    .action(does(async () => (await import('./commands/stats.js')).stats));

  program
    .command('history')
    .summary('what happened to uses')
    .description(
      'Shows what happened to uses, the oldest first. The installation has to keep a history (install --history).',
    )
    .argument('[code]', 'only of one code')
    .option('--shop <id>', 'the shop of the code, where several have it')
    .option('--use <id>', 'only of one use')
    .option('--customer <name>', 'only of one customer')
    .option('--after <id>', 'only what is behind this record')
    .option('--limit <n>', 'at most so many records', wholeNumber(1, 10_000), 50)
    .option('--follow', 'go on with each record as it comes, also across a restart of the server')
    .option('--drop-before <date>', 'drop the months that end before this day, such as 2025-01-01')
    .option('-y, --yes', 'do not ask before dropping')
    .addHelpText(
      'after',
      examples('history SUMMER', 'history --customer ann@example.com --json', 'history --drop-before 2020-01-01 --yes'),
    )
    .action(does(async () => (await import('./commands/history.js')).history));

  program
    .command('locks')
    .summary('who holds the row of a code')
    .description('Shows who holds the row of a code, since when and with which statement, and who waits for it.')
    .argument('<code>', 'the code')
    .option('--shop <id>', 'the shop of the code, where several have it')
    .addHelpText('after', examples('locks SUMMER', 'locks SUMMER --shop shop-1 --json'))
    .action(does(async () => (await import('./commands/locks.js')).locks));

  program
    .command('prune')
    .summary('forget old idempotency keys')
    .description('Forgets idempotency keys that are older. A call that repeats a forgotten key is a new one.')
    .option('--older-than-days <n>', 'age in days', wholeNumber(0, 36_500), 90)
    .addHelpText('after', examples('prune', 'prune --older-than-days 365'))
    .action(does(async () => (await import('./commands/prune.js')).prune));

  program
    .command('release')
    .summary('release holds whose time has run out')
    .description('Releases holds whose time has run out. Redemptions do so by themselves where it matters.')
    .addHelpText('after', examples('release'))
    .action(does(async () => (await import('./commands/release.js')).release));

  // Without a command the help is an error, and a misspelt command is told what was meant.
  program.addHelpText('after', examples('status', 'check --json', 'help install'));
  return program;
}

import { CommanderError } from 'commander';
import { withoutPasswords } from '../passwords.js';
import { EXIT } from './command-error.js';
import { explainError } from './explain-error.js';
import { splitFlags, unknownValues } from './parse.js';
import { createProgram, NAME } from './program.js';
import { Session } from './session.js';
import { note, type Terminal } from './terminal.js';

/** After Ctrl-C nothing is waited for longer than this. */
const LAST_WORDS_MS = 500;

/**
 * Runs one command and gives its exit code: 0 all well, 1 drift or not in order, 2 usage, 3 cannot connect, 130 ended by
 * Ctrl-C. It writes to the terminal only, and ends no process.
 * @param argv what stands behind the name of the program
 */
export async function run(argv: readonly string[], terminal: Terminal): Promise<number> {
  const session = new Session(terminal);
  const interrupted = new Promise<number>((resolve) => {
    terminal.signal.addEventListener('abort', () => resolve(Number(terminal.signal.reason)), { once: true });
  });
  const command = execute(argv, session);
  const exitCode = await Promise.race([command, interrupted]);
  if (!terminal.signal.aborted) await session.close();
  else await Promise.race([session.close(), new Promise((resolve) => setTimeout(resolve, LAST_WORDS_MS))]);
  return exitCode;
}

async function execute(argv: readonly string[], session: Session): Promise<number> {
  const { terminal } = session;
  let exitCode: number = EXIT.ok;
  try {
    const program = createProgram(session, (code) => {
      exitCode = code;
    });
    session.hiddenValues = unknownValues(argv, program);
    await program.parseAsync(splitFlags(argv), { from: 'user' });
    return exitCode;
  } catch (error) {
    // What was wrong with the command line has been said by the parser.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    // After Ctrl-C connections end under the statements of the command.
    if (terminal.signal.aborted) return Number(terminal.signal.reason);
    const explanation = explainError(error);
    note(terminal, `${NAME}: ${explanation.message}`);
    if (session.flags.debug) note(terminal, withoutPasswords(detailsOf(error)));
    return explanation.exitCode;
  }
}

/** Stacks, causes, and the SQL that an error may carry. */
function detailsOf(error: unknown): string {
  const parts: string[] = [];
  for (let link = error; link instanceof Error && parts.length < 10; link = link.cause) {
    parts.push(link.stack ?? link.message);
    if ('sql' in link && typeof link.sql === 'string') parts.push(link.sql);
  }
  return parts.join('\nCaused by: ');
}

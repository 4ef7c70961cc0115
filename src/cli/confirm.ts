import { CommandError, EXIT } from './command-error.js';
import { ask, canAsk, type Terminal } from './terminal.js';

/** @throws CommandError where there is neither `--yes` nor a terminal to ask on */
export function requireAnswer(terminal: Terminal, yes: boolean | undefined, command: string): void {
  if (yes || canAsk(terminal)) return;
  throw new CommandError(
    EXIT.usage,
    `There is no terminal to ask on: \`pg-promo-codes ${command} --yes\` goes on without asking.`,
  );
}

/** Whether to go on. */
export async function confirm(terminal: Terminal, yes: boolean | undefined, question: string): Promise<boolean> {
  return yes === true || ask(terminal, question);
}

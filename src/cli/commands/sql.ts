import type { SqlScript } from '../../install/render-sql.js';
import { suggestionFor } from '../../suggestion.js';
import { CommandError, EXIT } from '../command-error.js';
import { type InstallFlags, readInstallFlags } from '../install-flags.js';
import type { Session } from '../session.js';
import { print } from '../terminal.js';

const SCRIPTS = ['schema', 'triggers', 'uninstall', 'drift', 'listIndexes'] as const satisfies SqlScript[];

export async function sql(session: Session, name: string, flags: InstallFlags): Promise<number> {
  if (!isScript(name)) {
    const meant = suggestionFor(name, SCRIPTS);
    throw new CommandError(
      EXIT.usage,
      `There is no script '${name}'${meant ? ` (Did you mean ${meant}?)` : ''}; they are ${SCRIPTS.join(', ')}.`,
    );
  }
  const options = readInstallFlags(session, flags);
  const { renderSql } = await import('../../index.js');
  const text = renderSql(name, options);
  print(session.terminal, session.flags.json ? JSON.stringify(text) : text);
  return EXIT.ok;
}

function isScript(name: string): name is SqlScript {
  return SCRIPTS.some((script) => script === name);
}

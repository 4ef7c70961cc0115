import findCodesSql from '../../sql/cli/find-codes.sql';
import { readInstalledHost } from '../host/read-host.js';
import { withRules } from '../host/rules.js';
import type { Queryable } from '../postgres/database.js';
import { translateError } from '../postgres/server-errors.js';
import { toCodeName } from '../redemption/code-name.js';
import { type Host, hostOf } from '../redemption/host.js';
import { type CodeRow, codeColumns, type PromoCode, toPromoCode } from '../repository/promo-code.js';
import { CommandError, EXIT } from './command-error.js';
import type { Session } from './session.js';
import { visible } from './table.js';

/** The host's tables as they are described, whether or not anything is installed on them. */
export async function readHostTables({ installation }: Session, db: Queryable): Promise<Host> {
  const installed = await readInstalledHost(db, installation).catch((error: unknown) => {
    throw translateError(error);
  });
  const { codes, uses } = installed.catalog.tables;
  if (!codes || !uses) {
    const { inspectTriggers } = await import('../index.js');
    // Says which are missing, and where such tables are.
    await inspectTriggers(db, installation);
  }
  return hostOf(installed);
}

/** Runs a file of sql/cli/ on the tables of a host. `parts` are the texts that stand in it as `:name`. */
export async function runFile(
  db: Queryable,
  host: Host,
  file: string,
  values: unknown[],
  parts: Record<string, string> = {},
): Promise<Record<string, string | null>[]> {
  const text = Object.entries(parts).reduce((sql, [name, part]) => sql.replaceAll(`:${name}`, () => part), file);
  const result = await db.query(host.sql(withRules(text)), values).catch((error: unknown) => {
    throw translateError(error);
  });
  return result.rows;
}

/** Runs a file of sql/cli/ that selects codes. */
export async function findCodes(
  db: Queryable,
  host: Host,
  file: string,
  values: unknown[],
  parts: Record<string, string> = {},
): Promise<PromoCode[]> {
  const rows = await runFile(db, host, file, values, { code_columns: codeColumns(host), ...parts });
  return rows.map((row) => toPromoCode(host, row as CodeRow));
}

/**
 * The code that is meant by its name.
 * @throws CommandError where there is none, or where several shops have it
 */
export async function findOneCode(
  db: Queryable,
  host: Host,
  name: string,
  shop: string | undefined,
): Promise<PromoCode> {
  if (!host.has('codes', 'code')) throw new CommandError(EXIT.notInOrder, 'The codes of these tables have no names.');
  const code = toCodeName(name);
  const ofShop = shop !== undefined && host.has('codes', 'shopId') ? shop : null;
  const found = host.canWrite(code, ofShop ?? '') ? await findCodes(db, host, findCodesSql, [code, ofShop]) : [];
  const [first, second] = found;
  if (first && !second) return first;
  if (!first) {
    const where = ofShop === null ? '' : ` in the shop ${visible(ofShop)}`;
    throw new CommandError(EXIT.notInOrder, `There is no code ${visible(code)}${where}.`);
  }
  const shops = new Set(found.map(({ shopId }) => shopId));
  if (shops.size > 1) {
    throw new CommandError(
      EXIT.usage,
      `Several shops have the code ${visible(code)}; say which with --shop: ${[...shops].map((id) => visible(id)).join(', ')}.`,
    );
  }
  // Names that differ in case: the one that is written so, or the newest.
  return found.find((candidate) => candidate.code === code) ?? found.at(-1)!;
}

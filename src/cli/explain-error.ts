import {
  InsufficientPrivilegeError,
  isPromoCodesError,
  type PromoCodesError,
  type ValidationError,
  type ValidationIssue,
} from '../errors.js';
import { withoutPasswords } from '../passwords.js';
import { CommandError, EXIT } from './command-error.js';

/** How a command ends that failed. */
export interface Explanation {
  exitCode: number;
  /** One line: what, and what to do. */
  message: string;
}

const NOT_CONNECTED: readonly string[] = ['CONNECTION_FAILED', 'CONNECTION_LOST', 'AUTHENTICATION_FAILED', 'CLOSED'];

/** What the library calls by the names of its functions and options, in those of the command line. */
const WORDS: [library: RegExp, commandLine: string][] = [
  [
    /run the SQL in this error's "sql" \(all of it: renderSql\('triggers'\)\)/g,
    'run what `pg-promo-codes sql triggers` prints',
  ],
  [/\b[Cc]all installTriggers\(\)/g, 'run `pg-promo-codes install`'],
  [/\binstallTriggers\(\)/g, '`pg-promo-codes install`'],
  [/\binstallSchema\(\)/g, '`pg-promo-codes install --create-tables`'],
  [/\buninstallTriggers\(\)/g, '`pg-promo-codes uninstall`'],
  [/\brepairDrift\(\)/g, '`pg-promo-codes repair`'],
  [/\brenderSql\('(\w+)'\)/g, '`pg-promo-codes sql $1`'],
  [/\(option schema\)/g, '(--schema)'],
  [/with the option tables, where/g, 'by the field tables of --config, where'],
  [/The option tables describes/g, 'The field tables of --config describes'],
  [/\bdescribe them: /g, 'describe them in --config: '],
  [/, or whatever the pool was made with/g, ''],
  [/\bDATABASE_URL\b/g, '--url or DATABASE_URL'],
];

/** Options of the library that are flags. */
const FLAGS: ReadonlySet<string> = new Set([
  ...['schema', 'librarySchema', 'granularity', 'counterWrites', 'enforceLimits', 'history', 'grantTo', 'timeZone'],
  ...['customerMatching', 'limit', 'olderThanDays', 'days', 'shopId', 'search', 'cursor'],
  ...['totalUsageLimit', 'perCustomerLimit', 'maxTotalBonus', 'budgetOverrun', 'startDate', 'endDate'],
]);

export function explainError(error: unknown): Explanation {
  const { exitCode, message } = explained(error);
  const sentences = message.replaceAll(/\s*\n\s*/g, ' ').trim();
  const isOwn = error instanceof CommandError;
  return { exitCode, message: withoutPasswords(isOwn ? sentences : inOwnWords(sentences)) };
}

function explained(error: unknown): Explanation {
  if (error instanceof CommandError) return error;
  if (isPromoCodesError(error)) return { exitCode: exitCodeOf(error), message: messageOf(error) };
  const message = error instanceof Error ? error.message : String(error);
  return { exitCode: EXIT.notInOrder, message: `${message} (--debug shows where)` };
}

function exitCodeOf(error: PromoCodesError): number {
  if (NOT_CONNECTED.includes(error.code)) return EXIT.noConnection;
  // What the tables refuse has a cause; everything else was wrong on the command line.
  return error.code === 'VALIDATION' && error.cause === undefined ? EXIT.usage : EXIT.notInOrder;
}

function messageOf(error: PromoCodesError): string {
  if (error.code === 'VALIDATION') return (error as ValidationError).issues.map(issueText).join('; ');
  if (error instanceof InsufficientPrivilegeError) {
    if (/error's "sql" \(all/.test(error.message)) return error.message;
    const what = error.message.replace(/ the owner of the tables can run the SQL in this error's "sql"\.$/, '');
    const remedy = error.sql ? `The owner of the tables can run: ${error.sql}` : 'Connect as the owner of the tables.';
    return `${what} ${remedy}`;
  }
  return error.message;
}

function issueText({ path, message, received }: ValidationIssue): string {
  const [, flag = path] = /^(?:options\.|settings\.)?(\w+)(?:\.\d+)?$/.exec(path) ?? [];
  const name = FLAGS.has(flag) ? `--${flag === 'shopId' ? 'shop' : kebabCase(flag)}` : path;
  return `${name}: ${message}${received === undefined || message.endsWith('?') ? '' : `; received ${received}`}`;
}

function kebabCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** A sentence of the library, as somebody reads it who has typed a command. */
export function inOwnWords(text: string): string {
  return WORDS.reduce((sentence, [library, commandLine]) => sentence.replace(library, commandLine), text).replaceAll(
    /(^|[.:] )run `/g,
    '$1Run `',
  );
}

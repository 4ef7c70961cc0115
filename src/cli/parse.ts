import { type Command, InvalidArgumentError } from 'commander';
import { withoutPasswords } from '../passwords.js';

/** Reads a flag that is a number. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

const UNITS_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const LONGEST_MS = 366 * UNITS_MS.d;

/** Reads a time such as `90s`, `30m`, `1h` or `7d`, in milliseconds. */
export function duration(text: string): number {
  const [, number, unit] = /^(\d+)([smhd])$/.exec(text.trim()) ?? [];
  const ms = Number(number) * UNITS_MS[unit as keyof typeof UNITS_MS];
  if (ms >= 1 && ms <= LONGEST_MS) return ms;
  throw new InvalidArgumentError(
    'It must be a whole number with s, m, h or d behind it, such as 90s, 30m, 1h or 7d; at most 366d.',
  );
}

/** In the place of a limit or a date that there shall not be; the parser of the command line has no value for nothing. */
export const NONE = 'none';

/** Reads a flag that may be `none`. */
export function orNone<Value>(read: (text: string) => Value): (text: string) => Value | typeof NONE {
  return (text) => (text.toLowerCase() === NONE ? NONE : read(text));
}

/** Reads a flag that may be given several times. */
export function collect(value: string, earlier: string[] = []): string[] {
  return [...earlier, value];
}

const JOINED = /^(--[a-z][a-z-]*)=(.*)$/s;

/** `--name=value` as two words: what is unknown is then a name, without a value that nobody should see. */
export function splitFlags(argv: readonly string[]): string[] {
  return argv.flatMap((word) => {
    const [, name, value] = JOINED.exec(word) ?? [];
    return name === undefined || value === undefined ? [word] : [name, value];
  });
}

/**
 * What was typed as the value of a flag that there is not, such as `--password=…`: where the name is taken for the value of
 * the flag before it, this is taken for a word of its own.
 */
export function unknownValues(argv: readonly string[], program: Command): string[] {
  const known = namesOf(program);
  return argv.flatMap((word) => {
    const [, name, value] = JOINED.exec(word) ?? [];
    return name === undefined || !value || known.includes(name) ? [] : [value];
  });
}

function namesOf(command: Command): string[] {
  return [...command.options.map(({ long }) => long ?? ''), ...command.commands.flatMap(namesOf)];
}

/**
 * What the parser says of a command line that it cannot read.
 * @param hidden values that are not shown
 */
export function oneLine(text: string, hidden: readonly string[] = []): string {
  const shown = hidden.reduce((rest, value) => rest.replaceAll(value, () => '***'), text);
  const line = withoutPasswords(shown)
    .replace(/^error: /, '')
    .replaceAll(/\s*\n\s*/g, ' ')
    .trim();
  return /[.)?]$/.test(line) ? line : `${line}; --help shows what there is`;
}

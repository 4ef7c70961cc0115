import { InvalidArgumentError } from 'commander';
import { withoutPasswords } from './explain-error.js';

/** Reads a flag that is a number. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

/** Reads a flag that may be given several times. */
export function collect(value: string, earlier: string[] = []): string[] {
  return [...earlier, value];
}

/** What the parser says of a command line that it cannot read. */
export function oneLine(text: string): string {
  const line = withoutPasswords(text)
    .replace(/^error: /, '')
    .replaceAll(/\s*\n\s*/g, ' ')
    .trim()
    // The value of an unknown flag is nobody's business.
    .replace(/^(unknown option '--[^'=]+)=.*?'(?= \(|$)/, "$1'");
  return /[.)?]$/.test(line) ? line : `${line}; --help shows what there is`;
}

import { randomInt } from 'node:crypto';
import { PromoCodesError, type ValidationIssue } from '../errors.js';
import { insertCodes, type NewCode, refusePastEnd } from './codes.js';
import type { Call } from './context.js';
import { INDEXED_NAME } from './fields.js';
import type { PromoCode } from './promo-code.js';

/** Without what is misread (0 O, 1 I L, 2 Z, 5 S, 8 B, U V) and without vowels that make words: 21 characters, 4.4 bits each. */
const LETTERS = 'CDFGHJKMNPQRTWXY';
const DIGITS = '34679';
const ALPHABET = DIGITS + LETTERS;
/** 12 characters are 52 bits: with a million codes in circulation, one guess in several thousand million hits. */
const DEFAULT_PATTERN = '****-****-****';
/** A host may choose its own pattern, as long as a guess hits at most one code in a million. */
const LEAST_BITS = 20;
const BATCH = 1_000;
/** A batch in which nothing new is found this often in a row says that the pattern is used up. */
const FRUITLESS_BATCHES = 5;

/**
 * A pattern in which `*` is any character, `#` a digit and `@` a letter; everything else stands for itself.
 */
function randomCode(prefix: string, pattern: string): string {
  const characters = [...pattern].map((character) => {
    const choice = choiceOf(character);
    return choice ? choice.charAt(randomInt(choice.length)) : character;
  });
  return prefix + characters.join('');
}

function choiceOf(character: string): string | undefined {
  return { '*': ALPHABET, '#': DIGITS, '@': LETTERS }[character];
}

function bitsOf(pattern: string): number {
  return [...pattern].reduce((bits, character) => bits + Math.log2(choiceOf(character)?.length ?? 1), 0);
}

/**
 * What no single field shows: that there are enough codes of this pattern, and that they fit.
 * @param wrong fields that are not looked at
 * @param longest the width of the column, where it has one
 */
export function patternIssues(
  { count, prefix, pattern = DEFAULT_PATTERN }: { count: number; prefix: string; pattern?: string | undefined },
  wrong: ReadonlySet<string>,
  longest: number | undefined,
): ValidationIssue[] {
  if (wrong.has('pattern')) return [];
  const issues: ValidationIssue[] = [];
  if (!wrong.has('count') && bitsOf(pattern) < LEAST_BITS + Math.log2(count)) {
    issues.push({
      path: 'pattern',
      message:
        `must hold enough random characters (* any, @ letter, # digit) for ${count} codes that cannot be guessed: ` +
        `at least ${Math.ceil((LEAST_BITS + Math.log2(count)) / Math.log2(ALPHABET.length))} of *`,
    });
  }
  if (wrong.has('prefix')) return issues;
  if (longest !== undefined && [...prefix, ...pattern].length > longest) {
    issues.push({
      path: 'pattern',
      message: `must make codes of at most ${longest} characters with the prefix (the width of the column)`,
    });
  }
  if (Buffer.byteLength(prefix + pattern) > INDEXED_NAME.maxBytes) {
    issues.push({
      path: 'pattern',
      message: `must make codes of at most ${INDEXED_NAME.maxBytes} bytes as UTF-8 with the prefix`,
    });
  }
  return issues;
}

/** Inserts in batches; a code that exists already is replaced by another one. */
export async function generateCodes(
  call: Call,
  template: Omit<NewCode, 'code'>,
  count: number,
  prefix: string,
  pattern = DEFAULT_PATTERN,
): Promise<PromoCode[]> {
  await refusePastEnd(call, template);
  const made: PromoCode[] = [];
  let fruitless = 0;
  while (made.length < count) {
    const names = new Set<string>();
    const size = Math.min(BATCH, count - made.length);
    while (names.size < size) names.add(randomCode(prefix, pattern));
    const created = await insertCodes(
      call.renewed(),
      template.shopId,
      [...names].map((code) => ({ ...template, code })),
    );
    made.push(...created);
    fruitless = created.length === 0 ? fruitless + 1 : 0;
    if (fruitless === FRUITLESS_BATCHES) {
      throw new PromoCodesError(
        'PATTERN_EXHAUSTED',
        `No new code of the pattern ${prefix}${pattern} is left; ${made.length} of ${count} were created.`,
      );
    }
  }
  return made;
}

import { randomInt } from 'node:crypto';
import { PromoCodesError, type ValidationIssue } from '../errors.js';
import { toCodeName } from '../redemption/code-name.js';
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

/** How many codes are asked for, and how they are called. */
interface Generated {
  count?: number | undefined;
  customers?: readonly string[] | undefined;
  customerAddress?: string | null | undefined;
  prefix: string;
  pattern?: string | undefined;
}

const countOf = ({ count, customers }: Pick<Generated, 'count' | 'customers'>) => customers?.length ?? count ?? 0;

function countIssues({ count, customers, customerAddress }: Omit<Generated, 'prefix'>): ValidationIssue[] {
  if (customers === undefined) {
    return count === undefined ? [{ path: 'count', message: 'must be given, or customers in its place' }] : [];
  }
  const issues: ValidationIssue[] = [];
  if (count !== undefined && count !== customers.length) {
    issues.push({ path: 'count', message: `must be left out, or be the number of customers (${customers.length})` });
  }
  if (customerAddress !== null && customerAddress !== undefined) {
    issues.push({ path: 'customerAddress', message: 'must be left out with customers' });
  }
  return issues;
}

/**
 * What no single field shows: that there are enough codes of this pattern, and that they fit.
 * @param wrong fields that are not looked at
 * @param longest the width of the column, where it has one
 */
export function patternIssues(
  { prefix, pattern = DEFAULT_PATTERN, ...given }: Generated,
  wrong: ReadonlySet<string>,
  longest: number | undefined,
): ValidationIssue[] {
  const count = countOf(given);
  const issues = wrong.has('count') || wrong.has('customers') ? [] : countIssues(given);
  if (wrong.has('pattern')) return issues;
  if (issues.length === 0 && !wrong.has('count') && bitsOf(pattern) < LEAST_BITS + Math.log2(count)) {
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

/** Inserts in batches; a code that exists already is replaced by another one. Codes of customers come in their order. */
export async function generateCodes(
  call: Call,
  template: Omit<NewCode, 'code'>,
  { prefix, pattern = DEFAULT_PATTERN, ...given }: Generated,
): Promise<PromoCode[]> {
  await refusePastEnd(call, template);
  const count = countOf(given);
  const made: PromoCode[] = [];
  // Of the customers who have no code yet, the next ones at the end.
  const open = given.customers?.map((customer, place) => ({ customer, place })).reverse();
  const placeOf = new Map<PromoCode, number>();
  let fruitless = 0;
  while (made.length < count) {
    const names = new Set<string>();
    const size = Math.min(BATCH, count - made.length);
    while (names.size < size) names.add(randomCode(prefix, pattern));
    const batch = [...names].map((code) => ({ code, owner: open?.pop() }));
    const created = await insertCodes(
      call.renewed(),
      template.shopId,
      batch.map(({ code, owner }) => ({ ...template, code, ...(owner && { customerAddress: owner.customer }) })),
    );
    if (open) {
      const byName = new Map(created.map((code) => [foldedName(code.code), code]));
      for (const { code, owner } of batch.reverse()) {
        const found = byName.get(foldedName(code));
        if (found) placeOf.set(found, owner!.place);
        else open.push(owner!);
      }
    }
    made.push(...created);
    fruitless = created.length === 0 ? fruitless + 1 : 0;
    if (fruitless === FRUITLESS_BATCHES) {
      throw new PromoCodesError(
        'PATTERN_EXHAUSTED',
        `No new code of the pattern ${prefix}${pattern} is left; ${made.length} of ${count} were created.`,
      );
    }
  }
  return open ? made.sort((one, other) => (placeOf.get(one) ?? 0) - (placeOf.get(other) ?? 0)) : made;
}

/** Codes are unique without case. */
function foldedName(code: string): string {
  return toCodeName(code).toUpperCase();
}

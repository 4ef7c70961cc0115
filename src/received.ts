/** Longer texts are cut. */
const LONGEST_TEXT = 60;
const MOST_KEYS = 5;
/** Connection strings hold passwords: a URL, or the words of libpq. */
const URL_SCHEME = /^\s*([a-z][a-z0-9+.-]{0,30}):\/\//i;
const INVISIBLE = /[\p{Cf}\p{Zl}\p{Zp}\u00a0\u2000-\u200a\u202f\u205f\u3000]/gu;
const SECRET = /pass(?:word|wd)?["']?\s*[=:]|[^\s/@:]{1,200}:[^\s@]{1,200}@/i;

/**
 * A value that was received, for a person to read: never all of something large, never a connection string, and of objects
 * no more than the names of their fields. Runs no code of the value.
 * @returns nothing for `undefined`
 */
export function describeReceived(value: unknown): string | undefined {
  switch (typeof value) {
    case 'undefined':
      return undefined;
    case 'string':
      return describeText(value);
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value);
    case 'bigint':
      return cut(`${value}n`);
    case 'symbol':
      return 'a symbol';
    case 'function':
      return 'a function';
    case 'object':
      return value === null ? 'null' : describeObject(value);
    default:
      return String(value);
  }
}

/** Whether a text looks as if there were a password in it. */
export function isSecretive(text: string): boolean {
  // No more of it is ever shown.
  return URL_SCHEME.test(text.slice(0, 50)) || SECRET.test(text.slice(0, 2 * LONGEST_TEXT));
}

function describeText(text: string): string {
  const scheme = URL_SCHEME.exec(text.slice(0, 50))?.[1];
  if (scheme !== undefined) return `a string that begins with ${scheme}://`;
  if (isSecretive(text)) return 'a string';
  const shown = text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text;
  const escaped = JSON.stringify(shown.toWellFormed()).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'");
  const visible = escaped.replaceAll(INVISIBLE, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
  return `'${visible}'${text.length > LONGEST_TEXT ? ` (${text.length} characters)` : ''}`;
}

function describeObject(value: object): string {
  try {
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'an invalid Date' : value.toISOString();
    if (Array.isArray(value)) return `an array of ${value.length}`;
    const name = nameOf(value);
    if (name !== undefined) return `an object of the class ${cut(name)}`;
    const keys = Object.keys(value);
    if (keys.length === 0) return 'an object without fields';
    const shown = keys.slice(0, MOST_KEYS).map(cut).join(', ');
    return `an object with ${shown}${keys.length > MOST_KEYS ? `, … (${keys.length} fields)` : ''}`;
  } catch {
    // A proxy may refuse every look at it.
    return 'an object';
  }
}

/** The name of a class, where it is one of its own and not `Object`. */
function nameOf(value: object): string | undefined {
  const prototype: object | null = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype) return undefined;
  const type = Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
  const name = typeof type === 'function' ? Object.getOwnPropertyDescriptor(type, 'name')?.value : undefined;
  return typeof name === 'string' && name !== '' && name !== 'Object' ? name : undefined;
}

function cut(text: string): string {
  return text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text;
}

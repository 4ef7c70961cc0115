/** Invisible characters of Unicode: zero-width ones, the soft hyphen, the byte order mark, direction marks, selectors. */
const INVISIBLE = /\p{Default_Ignorable_Code_Point}+/gu;

/**
 * A code as it is stored and looked for: without invisible characters, composed (NFC), without the white space around it.
 * What callers paste, and what files and mail programs add, then names the same code. Case is left to the server, which
 * compares without it.
 */
export function toCodeName(text: string): string {
  // Most codes are ASCII.
  return (/^[\x20-\x7e]*$/.test(text) ? text : text.replace(INVISIBLE, '').normalize('NFC')).trim();
}

/** Shop and code, in one form for all ways to write it. */
export function codeKey({ shopId, code }: { shopId: string; code: string }): string {
  return `${shopId}\0${code.trim().toUpperCase()}`;
}

/** Longer ones are none. */
const URL_PASSWORD = /(\/\/[^:/@\s]{0,300}:)\S{0,1000}@/g;

/** A text in which stars stand where a connection string, in either form, or a statement has its password, up to the last `@`. */
export function withoutPasswords(text: string): string {
  return text
    .replaceAll(URL_PASSWORD, '$1***@')
    .replaceAll(/(\bpassword["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s&]+)/gi, '$1***')
    .replaceAll(/(\bpassword\s+)(E?'[^']*')/gi, "$1'***'");
}

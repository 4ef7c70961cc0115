const LARGEST_BIGINT = 2n ** 63n - 1n;
const LONGEST_ID = 1_000;

/** How the ids of a type are read, and what is said of what is none. */
interface IdType {
  rule: string;
  /** The id as the server reads it, or nothing. */
  read(text: string): string | undefined;
}

const WHOLE: IdType = {
  rule: `must be a whole number from 0 to ${LARGEST_BIGINT}, as a string, number or bigint`,
  read: (text) => (/^\d{1,19}$/.test(text) && BigInt(text) <= LARGEST_BIGINT ? text : undefined),
};
const UUID: IdType = {
  rule: 'must be a UUID',
  read: (text) => {
    const digits = /^\{?([0-9a-f-]{32,45})\}?$/i.exec(text.trim())?.[1]?.replaceAll('-', '').toLowerCase();
    return digits?.length === 32 ? digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5') : undefined;
  },
};
const TEXT: IdType = {
  rule: `must be a string of 1 to ${LONGEST_ID} characters, without NUL and lone surrogates`,
  read: (text) =>
    text !== '' && text.length <= LONGEST_ID && !text.includes('\0') && text.isWellFormed() ? text : undefined,
};

/** The ids of a type, as SQL names it. */
export function idType(type: string): IdType {
  return { bigint: WHOLE, uuid: UUID }[type] ?? TEXT;
}

/** How Node.js names the one-byte encodings of PostgreSQL; ISO 8859 is the same in the bytes that matter here. */
const LABELS: Record<string, string> = {
  ...{
    LATIN2: 'iso-8859-2',
    LATIN3: 'iso-8859-3',
    LATIN4: 'iso-8859-4',
    LATIN5: 'windows-1254',
    LATIN6: 'iso-8859-10',
  },
  ...{ LATIN7: 'iso-8859-13', LATIN8: 'iso-8859-14', LATIN9: 'iso-8859-15', LATIN10: 'iso-8859-16' },
  ...{ ISO_8859_5: 'iso-8859-5', ISO_8859_6: 'iso-8859-6', ISO_8859_7: 'iso-8859-7', ISO_8859_8: 'iso-8859-8' },
  ...{ WIN866: 'ibm866', WIN874: 'windows-874', WIN1250: 'windows-1250', WIN1251: 'windows-1251' },
  ...{ WIN1252: 'windows-1252', WIN1253: 'windows-1253', WIN1254: 'windows-1254', WIN1255: 'windows-1255' },
  ...{ WIN1256: 'windows-1256', WIN1257: 'windows-1257', WIN1258: 'windows-1258', KOI8R: 'koi8-r', KOI8U: 'koi8-u' },
};

const repertoires = new Map<string, ReadonlySet<string> | undefined>();

/**
 * Whether a text can be sent to a database of this encoding. The server would refuse the whole statement, and with it the
 * host's transaction. Encodings of several bytes are left to the server.
 */
export function canBeWritten(text: string, encoding: string): boolean {
  if (encoding === 'UTF8' || Buffer.byteLength(text) === text.length) return true;
  const characters = repertoireOf(encoding);
  return characters === undefined || [...text].every((character) => characters.has(character));
}

function repertoireOf(encoding: string): ReadonlySet<string> | undefined {
  if (!repertoires.has(encoding)) repertoires.set(encoding, readRepertoire(encoding));
  return repertoires.get(encoding);
}

function readRepertoire(encoding: string): ReadonlySet<string> | undefined {
  const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  if (encoding === 'LATIN1') return new Set(Array.from(bytes, (byte) => String.fromCharCode(byte)));
  const label = LABELS[encoding];
  if (label === undefined) return undefined;
  const own = new TextDecoder(label).decode(bytes);
  // The control characters of ISO 8859, where Node.js reads the encoding of Windows.
  const controls = encoding.startsWith('WIN')
    ? ''
    : Array.from(bytes.subarray(128, 160), (byte) => String.fromCharCode(byte)).join('');
  return new Set([...own.replaceAll('\ufffd', ''), ...controls]);
}

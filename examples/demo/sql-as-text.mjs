// A module hook: a file of sql/ is imported as text, as in the bundle (see the loader in tsup.config.ts).
import { readFile } from 'node:fs/promises';

export async function load(url, context, nextLoad) {
  const { pathname } = new URL(url);
  if (!pathname.endsWith('.sql')) return nextLoad(url, context);
  const text = await readFile(new URL(pathname, 'file:'), 'utf8');
  return { format: 'module', shortCircuit: true, source: `export default ${JSON.stringify(text)};` };
}

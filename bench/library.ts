import { register } from 'node:module';

/** The files of sql/ are text inside the bundle (tsup.config.ts), and this makes them text for Node.js as well. */
const sqlAsText = `
  import { readFile } from 'node:fs/promises';
  export async function load(url, context, next) {
    if (!url.endsWith('.sql')) return next(url, context);
    const text = await readFile(new URL(url), 'utf8');
    return { format: 'module', shortCircuit: true, source: 'export default ' + JSON.stringify(text) };
  }
`;
register(`data:text/javascript,${encodeURIComponent(sqlAsText)}`);

/** The library from its source, so that no figure can come from an outdated build. */
export const library = await import('../src/index.js');

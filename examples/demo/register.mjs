// Lets Node.js run the TypeScript of this repository without a build (see the script "demo" in package.json). A project
// that installs the package needs none of this: there, the SQL is inlined.
import { register } from 'node:module';

// The cache would stay behind in the temporary folder.
process.env.TSX_DISABLE_CACHE = '1';
const tsx = await import('tsx/esm/api');
tsx.register();
register('./sql-as-text.mjs', import.meta.url);

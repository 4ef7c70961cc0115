// Lets Node.js run the TypeScript of the demo (see the script "demo" in package.json).

// The cache would stay behind in the temporary folder.
process.env.TSX_DISABLE_CACHE = '1';
const tsx = await import('tsx/esm/api');
tsx.register();

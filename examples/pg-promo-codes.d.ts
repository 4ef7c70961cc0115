// For the compiler only, by `paths` in tsconfig.json: examples are checked against the sources as they are now, while they run
// on the build, as they would with the package.
export * from '../src/index.js';

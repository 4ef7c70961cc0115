// Both module systems give the same, side by side in one process too, and an old Node.js is named.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { nodeOfLine } from '../node-lines.mjs';
import { project, workplace } from './project.mjs';
import { demand, run } from './shell.mjs';

/** Gives the names that the package exports. */
export async function namesOf(name) {
  const print = 'console.log(JSON.stringify(Object.keys(library).sort()));';
  const esm = await program('names.mjs', `import * as library from '${name}';\n${print}\n`);
  const cjs = await program('names.cjs', `const library = require('${name}');\n${print}\n`);
  demand(esm === cjs, `the module systems give different names:\n${esm}${cjs}`);
  const names = JSON.parse(esm);
  demand(names.length > 0, 'the package exports nothing');
  return names;
}

/** The support for tests is small, and its errors and classes are those of the library beside it. */
export async function checkTesting(name) {
  const source = (load) => `${load}
const assert = require('node:assert/strict');
assert.deepEqual(Object.keys(testing).sort(), ['setClock', 'toHaveNoDrift', 'withInstalledSchema']);
const pool = { query: async () => ({ rows: [], rowCount: 0 }), connect: async () => assert.fail('it connected') };
const repository = new library.PromoCodeRepository(pool);
assert.throws(() => testing.setClock(repository, 'soon'), library.ValidationError);
testing.withInstalledSchema(pool, () => {}, { deadlineMs: 0 }).then(
  () => assert.fail('an option was taken'),
  (error) => console.log(error.constructor === library.ValidationError),
);
`;
  const make = `import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);`;
  const imports = `import * as library from '${name}';\nimport * as testing from '${name}/testing';\n${make}`;
  const requires = `const library = require('${name}');\nconst testing = require('${name}/testing');`;
  for (const said of [await program('testing.mjs', source(imports)), await program('testing.cjs', source(requires))]) {
    demand(said.trim() === 'true', `the errors of ${name}/testing are not those of ${name}: ${said}`);
  }
}

/**
 * An ES module and a CommonJS copy, and one of each that a bundler has minified: every class knows the errors of all of
 * them, and no more than its own.
 */
export async function checkCopies(esbuild, name) {
  const place = workplace('copies');
  const copies = { esm: `import('${name}')`, cjs: `require('${name}')` };
  for (const format of ['cjs', 'esm']) {
    const outfile = path.join(place, `minified-${format}.${format === 'cjs' ? 'cjs' : 'mjs'}`);
    const stdin = { contents: `export * from '${name}';`, resolveDir: place };
    await esbuild.build({ stdin, outfile, format, bundle: true, minify: true, platform: 'node', logLevel: 'silent' });
    copies[`minified ${format}`] = `import('./${path.basename(outfile)}')`;
  }
  const source = `import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
const require = createRequire(import.meta.url);
const copies = { ${Object.entries(copies).map(([key, load]) => `'${key}': await ${load}`)} };
const makers = {
  ValidationError: (copy) => new copy.ValidationError([{ path: 'code', message: 'is required' }]),
  ConnectionError: (copy) => new copy.ConnectionError('CLOSED', 'closed'),
  LockTimeoutError: (copy) => new copy.LockTimeoutError('locked'),
};
let pairs = 0;
for (const [from, thrower] of Object.entries(copies)) {
  // What is really thrown, not only what a test constructs.
  const thrown = await Promise.resolve().then(() => thrower.renderSql('nothing')).catch((error) => error);
  for (const [at, catcher] of Object.entries(copies)) {
    const what = \`of \${from}, seen by \${at}\`;
    assert.ok(catcher.isPromoCodesError(thrown) && thrown instanceof catcher.ValidationError, what);
    for (const [kind, make] of Object.entries(makers)) {
      const error = make(thrower);
      assert.equal(error.name, kind, what);
      assert.ok(catcher.isPromoCodesError(error) && error instanceof catcher.PromoCodesError, what);
      for (const other of Object.keys(makers)) assert.equal(error instanceof catcher[other], other === kind, what);
      pairs += 1;
    }
    assert.ok(!catcher.isPromoCodesError(new Error('another')) && !catcher.isPromoCodesError(null), what);
  }
}
console.log(pairs);
`;
  const pairs = await program(path.join('copies', 'copies.mjs'), source);
  return `${pairs.trim()} pairs in ${Object.keys(copies).length} copies`;
}

const OLD_LINES = [16, 18];

/** The syntax must be such that it gets as far as the check. */
export async function checkOldNode(name, oldest) {
  const said = [];
  for (const line of OLD_LINES) {
    const node = await nodeOfLine(line);
    for (const [file, source] of [
      ['old.mjs', `import '${name}';`],
      ['old-tree.mjs', `import { checkDrift } from '${name}'; checkDrift();`],
      ['old.cjs', `require('${name}');`],
    ]) {
      writeFileSync(path.join(project, file), source);
      const { code, stderr } = await run(node, [file], { cwd: project, mayFail: true });
      const expected = new RegExp(
        `^Error: ${name} needs Node\\.js ${oldest} or newer; this is Node\\.js ${line}\\.`,
        'm',
      );
      demand(
        code !== 0 && expected.test(stderr),
        `${file} on Node.js ${line} should have said ${expected}:\n${stderr}`,
      );
    }
    said.push(`${line}`);
  }
  return `refused on Node.js ${said.join(', ')}`;
}

async function program(file, source) {
  writeFileSync(path.join(project, file), source);
  const { stdout } = await run(process.execPath, [file], { cwd: project });
  return stdout;
}

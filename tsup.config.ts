import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Plugin } from 'esbuild';
import { defineConfig, type Options } from 'tsup';

/** Of `engines` in package.json; as JavaScript that any Node.js reads, because an older one has to get as far as this. */
const { engines, name } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  engines: { node: string };
  name: string;
};
const oldest = Number.parseInt(engines.node.replace('>=', ''), 10);

/**
 * Before all code of the bundle. Imports of an ES module are evaluated earlier, wherever they stand; those of this library
 * are built-in modules and what runs on older versions too (`npm run check:package` imports it on one).
 */
const requireNode = `if (typeof process === 'object' && process.versions && parseInt(process.versions.node, 10) < ${oldest}) {
  throw new Error('${name} needs Node.js ${oldest} or newer; this is Node.js ' + process.versions.node + '.');
}`;

/**
 * pg-format loads its list of reserved words by a path that it puts together from `__dirname`, which no bundler follows. With
 * the path written out it is one module, and its licence goes along.
 */
const selfContained: Plugin = {
  name: 'pg-format-in-one-piece',
  setup(build) {
    build.onLoad({ filter: /pg-format[\\/]lib[\\/]index\.js$/ }, ({ path: file }) => {
      const home = path.dirname(path.dirname(file));
      const licence = readFileSync(path.join(home, 'LICENSE'), 'utf8').trim().replaceAll('*/', '* /');
      const source = readFileSync(file, 'utf8');
      const contents = source.replace("require(__dirname + '/reserved.js')", "require('./reserved.js')");
      if (contents === source || contents.includes('__dirname')) {
        return { errors: [{ text: 'pg-format loads its parts in another way than before' }] };
      }
      return { contents: `/*! pg-format\n\n${licence}\n*/\n${contents}`, loader: 'js' };
    });
  },
};

/** The command line takes the library from the file beside it, so that the package holds it once, and loads it when it is needed. */
const libraryBeside: Plugin = {
  name: 'library-beside',
  setup(build) {
    build.onResolve({ filter: /^(\.\.\/)+index\.js$/ }, () => ({ path: './index.js', external: true }));
  },
};

/** So does what is for tests of hosts: errors and classes are those that the host imports. */
const libraryAbove: Plugin = {
  name: 'library-above',
  setup(build) {
    const extension = build.initialOptions.format === 'cjs' ? 'cjs' : 'js';
    build.onResolve({ filter: /^\.\.\/index\.js$/ }, ({ importer }) =>
      /[\\/]src[\\/]testing[\\/]/.test(importer) ? { path: `../index.${extension}`, external: true } : undefined,
    );
  },
};

/** What is bundled goes along with its licence; esbuild writes each once, at the end. */
const licensed: Plugin = {
  name: 'licensed',
  setup(build) {
    build.onLoad({ filter: /[\\/]node_modules[\\/].*\.[cm]?js$/ }, ({ path: file }) => {
      const [home = '', name = ''] = /^.*[\\/]node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)/.exec(file) ?? [];
      const licence = readdirSync(home).find((found) => /^licen[cs]e/i.test(found));
      if (licence === undefined) return { errors: [{ text: `${name} comes without a licence` }] };
      const text = readFileSync(path.join(home, licence), 'utf8').trim().replaceAll('*/', '* /');
      return { contents: `/*! ${name}\n\n${text}\n*/\n${readFileSync(file, 'utf8')}`, loader: 'js' };
    });
  },
};

const library: Options = {
  // Each in one piece: the adapters need little of the rest, and errors know each other over copies.
  entry: ['src/index.ts', 'src/adapters/index.ts', 'src/testing/index.ts'],
  splitting: false,
  format: ['esm', 'cjs'],
  target: 'node20',
  dts: { compilerOptions: { ignoreDeprecations: '6.0' } },
  // The files of sql/ become text inside the bundle: nothing is read from disk at run time, so bundlers of hosts work.
  loader: { '.sql': 'text' },
  noExternal: ['pg-format'],
  esbuildPlugins: [selfContained, libraryAbove],
  // A directive counts only where it comes first.
  banner: ({ format }) => ({ js: format === 'cjs' ? `'use strict';\n${requireNode}` : requireNode }),
  // Bundlers take the bare names of built-in modules for packages, or for those of browsers.
  removeNodeProtocol: false,
  sourcemap: true,
  clean: true,
};

/** `npx pg-promo-codes`. What it is made with is bundled, and so no dependency of a host that only uses the library. */
const commandLine: Options = {
  entry: { cli: 'src/cli/main.ts' },
  format: 'esm',
  target: 'node20',
  loader: { '.sql': 'text' },
  external: ['pg'],
  noExternal: [/^(?!pg$)/],
  // What a command does not need is not even begun; without splitting, `import()` stays where it is, in one file.
  splitting: false,
  esbuildPlugins: [libraryBeside, selfContained, licensed],
  // Comments and indentation of the parser are most of the file; names stay, for stack traces.
  esbuildOptions: (options) => Object.assign(options, { minifyWhitespace: true, minifySyntax: true }),
  banner: {
    js: `${requireNode}\nimport { createRequire as requireOf } from 'node:module';\nconst require = requireOf(import.meta.url);`,
  },
  removeNodeProtocol: false,
  clean: false,
};

export default defineConfig([library, commandLine]);

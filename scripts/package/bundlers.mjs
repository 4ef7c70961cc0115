// How hosts bundle themselves: each entry writes a program into a folder and says how it is called there.
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { project, workplace } from './project.mjs';

/** Node.js has `require` in CommonJS only; what is bundled of it into an ES module (`pg` here) gets it like this. */
const REQUIRE =
  "import { createRequire as _createRequire } from 'node:module'; const require = _createRequire(import.meta.url);";
/** An optional part of `pg` that is not installed. */
const OPTIONAL = ['pg-native', 'cloudflare:sockets'];

const requireTool = createRequire(path.join(project, 'any.cjs'));
const importTool = async (name) => import(pathToFileURL(requireTool.resolve(name)).href);

export const bundlers = [
  { name: 'esbuild, CommonJS, minified', bundle: (entry, out) => esbuild(entry, path.join(out, 'host.cjs'), 'cjs') },
  { name: 'esbuild, ES module', bundle: (entry, out) => esbuild(entry, path.join(out, 'host.mjs'), 'esm') },
  { name: 'Vite, ssr', bundle: viteSsr },
  { name: 'Vite, lib', bundle: viteLib },
  { name: 'Rollup, CommonJS', bundle: (entry, out) => rollup(entry, path.join(out, 'host.cjs'), 'cjs') },
  { name: 'Rollup, ES module', bundle: (entry, out) => rollup(entry, path.join(out, 'host.mjs'), 'es') },
  { name: 'webpack', bundle: webpack },
  { name: 'ncc', bundle: ncc },
];

async function esbuild(entry, outfile, format) {
  const { build } = requireTool('esbuild');
  const { warnings } = await build({
    entryPoints: [entry],
    outfile,
    format,
    bundle: true,
    minify: format === 'cjs',
    platform: 'node',
    target: 'node20',
    external: OPTIONAL,
    logLevel: 'silent',
    ...(format === 'esm' && { banner: { js: REQUIRE } }),
  });
  return { file: outfile, warnings: warnings.map(({ text }) => text) };
}

function viteSsr(entry, out) {
  return vite(
    out,
    { ssr: entry, rollupOptions: { external: OPTIONAL } },
    { ssr: { noExternal: true, external: OPTIONAL } },
  );
}

/** For other Node.js programs: what is built in stays outside, everything else comes in. */
async function viteLib(entry, out) {
  const { builtinModules } = await import('node:module');
  const external = [...OPTIONAL, ...builtinModules, /^node:/];
  const lib = { entry, formats: ['es'], fileName: () => 'host.mjs' };
  return vite(
    out,
    { lib, rollupOptions: { external, output: { banner: REQUIRE } } },
    { resolve: { conditions: ['node'], mainFields: ['module', 'main'] } },
  );
}

async function vite(out, build, config) {
  const { build: buildWith, createLogger } = await importTool('vite');
  const warnings = [];
  const logger = {
    ...createLogger('silent'),
    warn: (text) => warnings.push(text),
    warnOnce: (text) => warnings.push(text),
  };
  await buildWith({
    root: workplace('vite'),
    configFile: false,
    logLevel: 'silent',
    customLogger: logger,
    ...config,
    build: { outDir: out, emptyOutDir: true, target: 'node20', minify: false, ...build },
  });
  return { file: path.join(out, build.lib ? 'host.mjs' : 'redeem.mjs'), warnings };
}

async function rollup(entry, file, format) {
  const { rollup: bundle } = await importTool('rollup');
  const plugin = async (name) => (await importTool(`@rollup/plugin-${name}`)).default;
  const [resolve, commonjs, json] = await Promise.all(['node-resolve', 'commonjs', 'json'].map(plugin));
  const warnings = [];
  const bundled = await bundle({
    input: entry,
    external: OPTIONAL,
    plugins: [
      resolve({ exportConditions: ['node'], preferBuiltins: true }),
      commonjs({ ignoreDynamicRequires: true }),
      json(),
    ],
    onwarn: ({ message, code }) => code !== 'CIRCULAR_DEPENDENCY' && warnings.push(message),
  });
  await bundled.write({ file, format, inlineDynamicImports: true });
  await bundled.close();
  return { file, warnings };
}

async function webpack(entry, out) {
  const compiler = requireTool('webpack')({
    mode: 'production',
    target: 'node20',
    entry,
    context: project,
    output: { path: out, filename: 'host.cjs' },
    externals: Object.fromEntries(OPTIONAL.map((name) => [name, `commonjs ${name}`])),
  });
  const stats = await new Promise((resolve, reject) =>
    compiler.run((error, done) => (error ? reject(error) : resolve(done))),
  );
  await new Promise((resolve) => compiler.close(resolve));
  const { errors, warnings } = stats.toJson({ all: false, errors: true, warnings: true });
  if (errors.length > 0) throw new Error(errors.map(({ message }) => message).join('\n'));
  return { file: path.join(out, 'host.cjs'), warnings: warnings.map(({ message }) => message) };
}

async function ncc(entry, out) {
  const { writeFileSync, mkdirSync } = await import('node:fs');
  const { code, assets } = await requireTool('@vercel/ncc')(entry, { quiet: true, externals: OPTIONAL, cache: false });
  for (const [name, { source }] of Object.entries({ 'index.mjs': { source: code }, ...assets })) {
    mkdirSync(path.dirname(path.join(out, name)), { recursive: true });
    writeFileSync(path.join(out, name), source);
  }
  return { file: path.join(out, 'index.mjs'), warnings: [] };
}

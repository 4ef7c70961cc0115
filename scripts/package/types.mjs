// The declarations compile in the projects of hosts: old and new compilers, both ways of resolving modules, strict and not.
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { binOf, project, workplace } from './project.mjs';
import { demand, inParallel, root, run, step } from './shell.mjs';

const VERSIONS = ['5.4', '5.9', 'newest'];
const STRICT = [
  '--strict',
  '--exactOptionalPropertyTypes',
  '--noUncheckedIndexedAccess',
  '--noPropertyAccessFromIndexSignature',
  'false',
];
const LOOSE = ['--strict', 'false'];
const NODE16 = ['--module', 'node16'];
const BUNDLER = ['--module', 'esnext', '--moduleResolution', 'bundler'];

/** @param names what the package exports as values: the declarations know all of it */
export async function checkTypes(packageName, names) {
  const place = workplace('types');
  const sources = path.join(root, 'tests', 'types');
  for (const extension of ['ts', 'mts', 'cts']) {
    for (const file of ['contract', 'shards', 'loose', 'adapters', 'testing']) {
      cpSync(path.join(sources, `${file}.ts`), path.join(place, `${file}.${extension}`));
    }
  }
  const uses = names.map((name) => `export const use_${name}: unknown = library.${name};`).join('\n');
  writeFileSync(path.join(place, 'names.mts'), `import * as library from '${packageName}';\n${uses}\n`);
  writeFileSync(path.join(place, 'names.cts'), `import library = require('${packageName}');\n${uses}\n`);
  const programs = readmePrograms().map((source, index) => {
    const file = `readme-${index + 1}.mts`;
    writeFileSync(path.join(place, file), source);
    return file;
  });

  const modules = [
    'contract.mts',
    'contract.cts',
    'shards.mts',
    'shards.cts',
    'adapters.mts',
    'adapters.cts',
    'testing.mts',
    'testing.cts',
    'names.mts',
    'names.cts',
    ...programs,
  ];
  const lanes = VERSIONS.flatMap((version) => [
    { title: `TypeScript ${version}, node16, strict`, version, options: [...NODE16, ...STRICT], files: modules },
    {
      title: `TypeScript ${version}, bundler, strict`,
      version,
      options: [...BUNDLER, ...STRICT],
      files: ['contract.ts', 'shards.ts', 'adapters.ts', 'testing.ts', 'names.mts', ...programs],
    },
    {
      title: `TypeScript ${version}, not strict`,
      version,
      options: [...NODE16, ...LOOSE],
      files: ['loose.mts', 'loose.cts', 'names.mts', 'names.cts', ...programs],
    },
  ]);
  await inParallel(
    lanes.map(
      ({ title, ...lane }) =>
        () =>
          step(title, () => compile(place, lane)),
    ),
  );
}

async function compile(cwd, { version, options, files }) {
  const general = ['--noEmit', '--target', 'es2022', '--lib', 'es2022', '--types', 'node', '--esModuleInterop'];
  const tsc = binOf(`typescript-${version}`, 'tsc', project);
  const args = [tsc, ...general, '--skipLibCheck', 'false', '--pretty', 'false', ...options, ...files];
  const { code, stdout, stderr } = await run(process.execPath, args, { cwd, mayFail: true });
  const errors = stdout.split('\n').filter((line) => /: error TS\d+/.test(line));
  const own = errors.filter((line) => !isOfOthers(line));
  demand(own.length === 0, own.join('\n'));
  demand(code === 0 || errors.length > 0, stdout + stderr);
}

/** Declarations of other packages have errors of their own with an old compiler (`Buffer` of @types/node in pg-protocol). */
function isOfOthers(line) {
  return /^(\.\.\/)*node_modules\/(?!pg-promo-codes\/)/.test(line);
}

function readmePrograms() {
  const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
  return [...readme.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, source]) => source);
}

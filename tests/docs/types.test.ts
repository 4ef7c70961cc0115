import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { expect, it } from 'vitest';
import * as adapters from '../../src/adapters/index';
import * as library from '../../src/index';
import { apiExamples, codeBlocks, PAGES } from './code-blocks';
import { PAGE_LIMIT_MS } from './page';

/** What imports, or says what file it is, is a program; a block after it goes on with it, one before it is a piece. */
const BEGINS_A_PROGRAM = /^(import |\/\/ [\w.-]+\.ts\b)/;

/** Where the examples of doc comments are taken to be, which are on the pages of the API. */
const EXAMPLES_OF_COMMENTS = 'docs/api';

/** Programs that `npm run typecheck` compiles; the pages that show them are compared with them. */
const EXAMPLES = 'examples';
const compiled = readdirSync(EXAMPLES, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => readFileSync(path.join(EXAMPLES, file), 'utf8'));

/** The names of the library that code uses without an import, as a page says that a piece may. */
function importsFor(code: string): string {
  const from = (names: object, module: string) => {
    const used = Object.keys(names).filter(
      (name) =>
        new RegExp(`\\b${name}\\(|\\b(?:new|instanceof) ${name}\\b`).test(code) &&
        !code.match(`import [^;]*\\b${name}\\b`),
    );
    return used.length > 0 ? `import { ${used.join(', ')} } from '${module}'; ` : '';
  };
  return from(library, 'pg-promo-codes') + from(adapters, 'pg-promo-codes/adapters');
}

function pieceOf(code: string): string {
  return `export async function piece() {\n${code}}\n`;
}

/** The TypeScript of a page as modules, by their names in the folder of the page. */
function modulesOf(page: string): Map<string, string> {
  const modules = new Map<string, string>();
  let program: string | undefined;
  for (const { code, line } of codeBlocks(page, 'ts')) {
    if (compiled.includes(code)) continue;
    if (BEGINS_A_PROGRAM.test(code)) {
      program = /^\/\/ ([\w.-]+)\.ts\b/.exec(code)?.[1] ?? `line-${line}`;
      modules.set(program, code);
    } else if (program === undefined) modules.set(`line-${line}`, pieceOf(code));
    else modules.set(program, `${modules.get(program)}\n${code}`);
  }
  return modules;
}

/** What the compiler says where a name is unknown, or its type with it. */
const UNKNOWN_NAME = [2304, 2552, 7006, 7031, 18004];

/** @param isExample of a doc comment: what it names of an application is unknown, and what it does with the library is checked */
function compile(sources: Map<string, string>, isExample: (file: string) => boolean): string {
  const root = process.cwd();
  const { config } = ts.readConfigFile('tsconfig.json', ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, root);
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  host.fileExists = (file) => sources.has(file) || fileExists(file);
  host.readFile = (file) => sources.get(file) ?? readFile(file);
  host.getSourceFile = (file, version, ...rest) => {
    const text = sources.get(file);
    return text === undefined ? getSourceFile(file, version, ...rest) : ts.createSourceFile(file, text, version, true);
  };
  const names = [path.resolve('tests/docs/preamble.d.ts'), ...sources.keys()];
  // A piece may end where it has shown what it is about.
  const program = ts.createProgram(names, { ...options, noUnusedLocals: false }, host);
  const faults = names.flatMap((file) => {
    const source = program.getSourceFile(file);
    const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    return isExample(file) ? found.filter(({ code }) => !UNKNOWN_NAME.includes(code)) : found;
  });
  return ts.formatDiagnostics(faults, {
    getCanonicalFileName: (file) => file,
    getCurrentDirectory: () => root,
    getNewLine: () => '\n',
  });
}

it(
  'every block of TypeScript on every page, and every example of the API, compiles, by the compiler options of this repository',
  () => {
    const sources = new Map<string, string>();
    for (const page of PAGES) {
      const folder = path.resolve(page.replace(/\.md$/, ''));
      for (const [name, code] of modulesOf(page)) sources.set(path.join(folder, `${name}.ts`), importsFor(code) + code);
    }
    for (const { page, line, code } of apiExamples()) {
      const module = BEGINS_A_PROGRAM.test(code) ? code : importsFor(code) + pieceOf(code);
      sources.set(path.resolve(EXAMPLES_OF_COMMENTS, `${page}-${line}.ts`), module);
    }
    // What try.ts imports, of whichever library it is.
    sources.set(path.resolve('docs/in-your-transaction/order.ts'), readFileSync(`${EXAMPLES}/adapters/pg.ts`, 'utf8'));
    expect(sources.size).toBeGreaterThan(10);
    const isExample = (file: string) => file.startsWith(path.resolve(EXAMPLES_OF_COMMENTS));
    expect(compile(sources, isExample)).toBe('');
  },
  PAGE_LIMIT_MS,
);

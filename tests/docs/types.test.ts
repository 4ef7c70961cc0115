import path from 'node:path';
import ts from 'typescript';
import { expect, it } from 'vitest';
import { programOf } from './page';

/** Pages whose TypeScript is complete: each as one module, by the compiler options of this repository. */
const PAGES = ['limits-and-holds', 'exactly-once', 'operations', 'performance', 'security', 'upgrading'];

it('the TypeScript of the pages compiles under strict', () => {
  const root = process.cwd();
  const { config } = ts.readConfigFile('tsconfig.json', ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, root);
  const sources = new Map(PAGES.map((page) => [path.join(root, 'docs', `${page}.ts`), programOf(page)]));
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  host.fileExists = (file) => sources.has(file) || fileExists(file);
  host.readFile = (file) => sources.get(file) ?? readFile(file);
  host.getSourceFile = (file, version, ...rest) => {
    const text = sources.get(file);
    return text === undefined ? getSourceFile(file, version, ...rest) : ts.createSourceFile(file, text, version, true);
  };
  const program = ts.createProgram([...sources.keys()], options, host);
  const faults = [...sources.keys()].flatMap((file) => {
    const source = program.getSourceFile(file);
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
  });
  const text = ts.formatDiagnostics(faults, {
    getCanonicalFileName: (file) => file,
    getCurrentDirectory: () => root,
    getNewLine: () => '\n',
  });
  expect(text).toBe('');
  for (const page of PAGES) expect(programOf(page), page).not.toBe('');
});

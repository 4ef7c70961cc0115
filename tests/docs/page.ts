import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, vi } from 'vitest';
import { codeBlocks } from './code-blocks';

/** The text of a page of docs/. */
export function pageText(page: string): string {
  return readFileSync(`docs/${page}.md`, 'utf8');
}

/** The code blocks of one language, in their order. */
export function blocksOf(page: string, language: string): string[] {
  return codeBlocks(`docs/${page}.md`, language).map(({ code }) => code);
}

/** Its TypeScript as one module: a block sees what the blocks before it have declared. */
function programOf(page: string): string {
  return blocksOf(page, 'ts').join('\n');
}

/** The rows of a table of a page, by the cells of its heading; code marks are taken off. */
export function tableOf(page: string, heading: readonly string[]): string[][] {
  const [, table] = pageText(page).split(`\n| ${heading.join(' | ')} |\n`);
  if (table === undefined) throw new Error(`docs/${page}.md has no table of ${heading.join(', ')}`);
  const lines = table.split('\n').slice(1);
  const end = lines.findIndex((line) => !line.startsWith('|'));
  return lines.slice(0, end < 0 ? undefined : end).map((line) =>
    line
      .slice(2, -2)
      .split(' | ')
      .map((cell) => cell.trim()),
  );
}

/** How long a page may take to be read, compiled and begun on a machine that is busy with other tests. */
export const PAGE_LIMIT_MS = 90_000;

/** Runs code as a module of its own. */
export function useModules() {
  const folder = mkdtempSync(path.join(import.meta.dirname, '.page-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  let runs = 0;
  /** @param files the code by the name of its file; the last one is run, and gives what it exports */
  return async (files: Record<string, string>, env: Record<string, string> = {}) => {
    runs += 1;
    const place = path.join(folder, `${runs}`);
    mkdirSync(place);
    for (const [name, code] of Object.entries(files)) writeFileSync(path.join(place, name), code);
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    try {
      return await import(pathToFileURL(path.join(place, Object.keys(files).at(-1)!)).href);
    } finally {
      vi.unstubAllEnvs();
    }
  };
}

/** What is given to console.log meanwhile, call by call. */
export async function printedBy(run: () => Promise<unknown>): Promise<unknown[][]> {
  const log = vi.spyOn(console, 'log').mockReturnValue();
  try {
    await run();
    return log.mock.calls;
  } finally {
    log.mockRestore();
  }
}

/** Runs pages as a reader does who copies all of their TypeScript into one file. */
export function useProgram() {
  const run = useModules();
  /** @param replace what stands for something else where the tests run, such as the name of a role */
  return (page: string, env: Record<string, string>, replace: (code: string) => string = (code) => code) =>
    run({ [`${page}.ts`]: replace(programOf(page)) }, env);
}

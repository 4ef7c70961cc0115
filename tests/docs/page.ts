import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, vi } from 'vitest';

/** The text of a page of docs/. */
export function pageText(page: string): string {
  return readFileSync(`docs/${page}.md`, 'utf8');
}

/** The code blocks of one language, in their order. */
export function blocksOf(page: string, language: string): string[] {
  const fence = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm');
  return [...pageText(page).matchAll(fence)].map(([, code = '']) => code);
}

/** Its TypeScript as one module: a block sees what the blocks before it have declared. */
export function programOf(page: string): string {
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

/** Runs pages as a reader does who copies all of their TypeScript into one file. */
export function useProgram() {
  const folder = mkdtempSync(path.join(import.meta.dirname, '.page-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  /** @param replace what stands for something else where the tests run, such as the name of a role */
  return async (page: string, env: Record<string, string>, replace: (code: string) => string = (code) => code) => {
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    const file = path.join(folder, `${page}.ts`);
    writeFileSync(file, replace(programOf(page)));
    try {
      return await import(pathToFileURL(file).href);
    } finally {
      vi.unstubAllEnvs();
    }
  };
}

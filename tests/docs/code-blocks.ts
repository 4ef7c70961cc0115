import { readdirSync, readFileSync } from 'node:fs';

/** A block of code as it stands on a page. */
export interface CodeBlock {
  /** The path of the page in the repository. */
  page: string;
  /** The line of the page on which its code begins. */
  line: number;
  language: string;
  code: string;
}

const BLOCK = /^```([^\n]*)\n([\s\S]*?)^```$/gm;

/** README.md and every page below docs/ that is written by hand. */
export const PAGES = [
  'README.md',
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md') && !/^(api|files|\.vitepress)\//.test(file))
    .map((file) => `docs/${file}`)
    .sort(),
];

/** The code blocks of a page, in their order. */
export function codeBlocks(page: string, language?: string): CodeBlock[] {
  const text = readFileSync(page, 'utf8');
  const blocks = [...text.matchAll(BLOCK)].map((block) => {
    const [, info = '', code = ''] = block;
    return { page, line: text.slice(0, block.index).split('\n').length + 1, language: info.trim(), code };
  });
  return blocks.filter((block) => language === undefined || block.language === language);
}

/** A page without its code, for what is said about text. */
export function proseOf(page: string): string {
  return readFileSync(page, 'utf8').replaceAll(BLOCK, '');
}

/** The examples of the doc comments, which are on the pages of the API. */
export function apiExamples(): CodeBlock[] {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  return files.flatMap((file) => {
    const text = readFileSync(`src/${file}`, 'utf8');
    return [...text.matchAll(/^ *\* @example *\n((?: *\*(?!\/| @).*\n)+)/gm)].map((example) => ({
      page: `src/${file}`,
      line: text.slice(0, example.index).split('\n').length + 1,
      language: 'ts',
      code: example[1]!.replaceAll(/^ *\* ?/gm, '').replaceAll(/^```.*\n/gm, ''),
    }));
  });
}

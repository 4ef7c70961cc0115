import { expect, it } from 'vitest';
import { codeBlocks, PAGES, proseOf } from './code-blocks';

/** The languages of code blocks, and what holds a block to what it says. */
const LANGUAGES: Record<string, string> = {
  ts: 'compiled by types.test.ts, and run where it is a program',
  js: 'run by the test of its page',
  sql: 'run by the test of its page',
  json: 'parsed here',
  sh: 'commands; their scripts, programs and flags are looked up (commands.test.ts, tests/cli)',
  console: 'run by tests/cli and commands.test.ts, which compare the output',
  csv: 'imported by tests/cli',
  crontab: 'run by operations.test.ts',
  bash: 'a script, run by tests/migrations',
  prisma: 'shown as it is in examples/migrations, or what tests/adapters/prisma-client.ts was generated from',
  text: 'no code',
};

it.each(PAGES)('every block of code has a language, and something that holds it to what it says: %s', (page) => {
  for (const { language, line } of codeBlocks(page)) expect(Object.keys(LANGUAGES), `line ${line}`).toContain(language);
  for (const { code } of codeBlocks(page, 'json')) expect(() => JSON.parse(code)).not.toThrow();
  // Of an indented block nothing says what it is. Those of the README are its commands.
  if (page !== 'README.md') expect(proseOf(page)).not.toMatch(/\n\n {4}\S/);
});

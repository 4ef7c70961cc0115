import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Command, Option } from 'commander';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createProgram } from '../../src/cli/program';
import { Session } from '../../src/cli/session';
import { isWhole, useDatabase } from '../support';
import { changeUrl } from '../support/urls';
import { runHere } from './command-line';
import { makeDriftedShop } from './shop';

const t = useDatabase('fuzzed command line');
const SECRET = 's3cr3t-pw';
const NOWHERE = `postgresql://admin:${SECRET}@127.0.0.1:1/nowhere`;
const folder = mkdtempSync(path.join(tmpdir(), 'pg-promo-codes-fuzz-'));
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true });
});
beforeAll(async () => {
  // Without a connection string it is never a server that happens to be there.
  vi.stubEnv('PGHOST', '127.0.0.1');
  vi.stubEnv('PGPORT', '1');
  await makeDriftedShop(t, 'public');
});

/** These go on until they are interrupted. */
const ENDLESS = ['--watch', '--follow'];

/** All commands with their flags, from the program itself: what is added later is fuzzed as well. */
function commandsOf(command: Command, above: string[] = []): { words: string[]; flags: readonly Option[] }[] {
  const words = above.length === 0 && command.name() === 'pg-promo-codes' ? [] : [...above, command.name()];
  return [{ words, flags: command.options }, ...command.commands.flatMap((below) => commandsOf(below, words))];
}
const PROGRAM = createProgram(new Session({} as never), () => {});
const COMMANDS = commandsOf(PROGRAM);
const COMMON = PROGRAM.options;

const words = fc.oneof(
  fc.constantFrom(
    ...[
      'SUMMER',
      'WELCOME',
      '1',
      '-1',
      '0',
      '99999999999999999999',
      'none',
      '-',
      '--',
      '',
      ' ',
      'public',
      'shop-1',
      'UTC',
      'Europe/Vienna',
    ],
    ...[
      'schema',
      'triggers',
      'json',
      '2026-01-01',
      'fixed',
      '1e9',
      'true',
      '__proto__',
      'constructor',
      '%s',
      '$1',
      '*',
      '.',
      '/',
      '\u0000',
    ],
    ...[
      `'; DROP TABLE promo_codes; --`,
      `"; DROP SCHEMA public; --`,
      '\u001b[31mred',
      'a\nb',
      '\ud800',
      'x'.repeat(5_000),
    ],
    ...[
      NOWHERE,
      `host=db password=${SECRET}`,
      `--password=${SECRET}`,
      `--urll=${NOWHERE}`,
      `--debugg`,
      '-x',
      '--json=yes',
    ],
  ),
  fc.string({ maxLength: 12 }),
  fc.string({ unit: 'binary', maxLength: 8 }),
);
/** A file that cannot be written, so that nothing is left behind. */
const fileOf = (name: string) => path.join(folder, 'not there', name.replaceAll(/[/\0]/g, '_').slice(0, 100));

const flag = (options: readonly Option[]) =>
  fc
    .tuple(fc.constantFrom(...options.filter(({ long }) => !ENDLESS.includes(long ?? ''))), words, fc.boolean())
    .map(([option, word, joined]) => {
      const name = option.long!;
      if (!option.required && !option.optional) return [name];
      const value = name === '--html' ? fileOf(word) : word;
      return joined ? [`${name}=${value}`] : [name, value];
    });
const commandLine = fc.constantFrom(...COMMANDS).chain(({ words: command, flags }) =>
  fc
    .tuple(
      fc.array(flag(COMMON), { maxLength: 2 }),
      fc.array(words, { maxLength: 2 }),
      fc.array(flag(flags.length > 0 ? flags : COMMON), { maxLength: 3 }),
      fc.array(words, { maxLength: 1 }),
      fc.constantFrom('real', 'nowhere', 'none'),
    )
    .map(([common, given, own, more, where]) => ({
      args: [...common.flat(), ...command, ...given, ...own.flat(), ...more],
      where,
    })),
);

it('knows every command', () => {
  expect(COMMANDS.length).toBeGreaterThan(20);
  expect(COMMANDS.flatMap(({ flags }) => flags).length).toBeGreaterThan(60);
});

it.each([
  ['a flag that there is not', ['--password=typed-by-mistake', 'status']],
  [
    'that is taken for the value of the one before',
    ['--library-schema', '--password=typed-by-mistake', 'campaign', 'show'],
  ],
  ['in the place of an argument too many', ['status', '--url', '--password=typed-by-mistake']],
])('the value of %s is shown nowhere', async (_, args) => {
  const { code, stdout, stderr } = await runHere(args);
  expect(code).toBe(2);
  expect(stdout + stderr).not.toContain('typed-by-mistake');
});

it('whatever is typed ends with an exit code from 0 to 3, in words, and shows no secret and no stack', {
  timeout: 120_000,
}, async () => {
  await fc.assert(
    fc.asyncProperty(commandLine, async ({ args, where }) => {
      // An earlier one may follow the endless flags as a word.
      if (args.some((word) => ENDLESS.some((name) => word.startsWith(name.slice(0, 5))))) return;
      const url = where === 'real' ? changeUrl(t.url, { password: SECRET }) : where === 'nowhere' ? NOWHERE : undefined;
      const { code, stdout, stderr } = await runHere(args, {
        env: url === undefined ? {} : { DATABASE_URL: url },
        input: '',
      });
      expect([0, 1, 2, 3]).toContain(code);
      const said = stdout + stderr;
      expect(said).not.toContain(SECRET);
      if (!args.includes('--debug')) expect(said).not.toMatch(/\n\s+at .+:\d+:\d+/);
      if (code !== 0) expect(said.trim()).not.toBe('');
      expect(stderr).not.toMatch(/TypeError|RangeError|ReferenceError|undefined is not|Cannot read prop|\[object /);
    }),
    { numRuns: isWhole ? 1_500 : 120 },
  );
});

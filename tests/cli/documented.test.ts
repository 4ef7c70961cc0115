import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { installTriggers, PromoCodeRepository } from '../../src/index';
import { PAGES } from '../docs/code-blocks';
import { useDatabase } from '../support';
import { isIncluded } from '../support/scope';
import { runHere } from './command-line';
import { makeDriftedShop } from './shop';

const t = useDatabase('documented');
const PAGE = 'docs/cli.md';
const folder = mkdtempSync(path.join(tmpdir(), 'pg-promo-codes-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));
beforeAll(async () => {
  // As it is from PostgreSQL 15 on; before, status warns of it.
  await t.sql('CREATE SCHEMA IF NOT EXISTS public; REVOKE CREATE ON SCHEMA public FROM PUBLIC');
  await makeDriftedShop(t, 'public');
  writeFileSync(path.join(folder, 'codes.csv'), CSV);
});

/** What the page imports, as it shows it. */
const CSV = /^```csv\n([\s\S]*?)^```$/m.exec(readFileSync(PAGE, 'utf8'))![1]!;

const DAY = 86_400_000;
/** The day on which the page was written. */
const WRITTEN = Date.parse('2026-01-31');
const dayOf = (time: number) => new Date(time).toISOString().slice(0, 10);

/** A day near this one, as far from the day of the page; others are those of the data. */
function dayOfPage(day: string): string {
  const distance = Date.parse(day) - Date.parse(dayOf(Date.now()));
  return Math.abs(distance) < 60 * DAY ? dayOf(WRITTEN + distance) : day;
}

/** What is another one each time. */
function normal(text: string): string {
  return text
    .replaceAll(`${folder}/`, '')
    .replaceAll(/\S+:\d+, database .*/g, 'localhost:5432, database shop')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '2026-01-31T12:00:00.000Z')
    .replaceAll(/\d{4}-\d\d-\d\d(?!T)/g, dayOfPage)
    .replaceAll(/( \d{4}-\d\d-\d\d) \d\d:\d\d:\d\d/g, '$1 12:00:00')
    .replaceAll(/pg-promo-codes \d\S*,/g, 'pg-promo-codes 0.1.0,')
    .replaceAll(/PostgreSQL \d\S*/g, 'PostgreSQL 18.4')
    .replaceAll(/\((\d+) s\)/g, '(12 s)')
    .replaceAll(/process \d+|pg_terminate_backend\(\d+\)/g, (found) => found.replace(/\d+/, '4711'))
    .replaceAll(/^( {2}user +)\S.*$/gm, '$1app, from 10.0.0.7');
}

/** What a line of the page prints: the output, then what is said about it. */
async function printed(line: string): Promise<string> {
  const [, words = '', lines] = /^pg-promo-codes (.*?)(?: \| head -n (\d+))?$/.exec(line) ?? [];
  const args = words.split(' ').map((word) => (word === 'codes.csv' ? path.join(folder, word) : word));
  const { stdout, stderr } = await runHere(args, { env: { DATABASE_URL: t.url } });
  const text = normal(stdout + stderr);
  return lines === undefined ? text : `${text.split('\n').slice(0, Number(lines)).join('\n')}\n`;
}

/** A transaction that holds a row, where a command is about such. */
async function holdRow(): Promise<pg.Client> {
  const holder = await t.client();
  await holder.query(`SET application_name = 'checkout'; BEGIN`);
  await holder.query(`UPDATE promo_codes SET name = 'held' WHERE code = 'SUMMER'`);
  return holder;
}

/** Records of what happens to a use, where a command is about them; the counters are as before. */
async function recordUses(): Promise<() => Promise<void>> {
  await installTriggers(t.pool, { history: true });
  const repository = new PromoCodeRepository(t.pool);
  const request = { code: 'SPRING', shopId: 'shop-2', baseReward: '20.00', transactionId: 'order-1' };
  const result = await repository.redeem({ ...request, customerAddress: 'ann@example.com' });
  const id = result.ok ? result.use.id : '';
  await repository.amendUse(id, { bonusAmount: '4.00' });
  await repository.rollbackUse(id, { reason: 'order cancelled', actor: 'support:bob' });
  return async () => {
    await installTriggers(t.pool, { history: false });
    await t.sql('DROP TABLE pgpromocodes.promo_code_history');
    await installTriggers(t.pool);
  };
}

it(`${PAGE} shows what each command prints (UPDATE_DOCS=1 writes it)`, async () => {
  const page = readFileSync(PAGE, 'utf8');
  let renewed = '';
  let end = 0;
  for (const block of page.matchAll(/^```console\n([\s\S]*?)^```$/gm)) {
    const commands = [...block[1]!.matchAll(/^\$ (.*)$/gm)].map(([, line]) => line!);
    let text = '';
    for (const line of commands) {
      const holder = line.includes(' locks ') ? await holdRow() : undefined;
      const forget = line.includes(' history') ? await recordUses() : undefined;
      text += `$ ${line}\n${await printed(line)}`;
      await holder?.query('ROLLBACK');
      await forget?.();
    }
    renewed += `${page.slice(end, block.index)}\`\`\`console\n${text}\`\`\``;
    end = block.index + block[0].length;
  }
  renewed += page.slice(end);
  if (process.env.UPDATE_DOCS) writeFileSync(PAGE, renewed);
  else expect(renewed).toBe(page);
});

/** The examples of each command's help, `uninstall` last. */
async function examplesOf(): Promise<string[]> {
  const { stdout: overview } = await runHere(['--help']);
  const commands = [...overview.matchAll(/^ {2}([a-z]+)(?= |$)/gm)].map(([, name]) => name!);
  expect(commands).toEqual([
    ...[
      'install',
      'status',
      'check',
      'scrub',
      'repair',
      'uninstall',
      'sql',
      'import',
      'campaign',
      'stats',
      'history',
      'locks',
      'prune',
      'release',
      'help',
    ],
  ]);
  const found: string[] = [];
  for (const name of ['', ...commands.filter((command) => command !== 'help')]) {
    const { stdout, code } = await runHere(name === '' ? ['--help'] : [name, '--help']);
    expect(code).toBe(0);
    const own = [...stdout.matchAll(/^ {2}\$ pg-promo-codes (.*)$/gm)].map(([, line]) => line!);
    expect(own, name).not.toEqual([]);
    found.push(...own);
  }
  const isLast = (line: string) => line.startsWith('uninstall');
  return [...found.filter((line) => !isLast(line)), ...found.filter(isLast)];
}

it('every command line that a page shows is one, and has the flags that it is given', async () => {
  const lines = PAGES.flatMap((page) => [...readFileSync(page, 'utf8').matchAll(/npx pg-promo-codes ([^`\n#|>]+)/g)]);
  const flags = new Map<string, string>();
  for (const [, line = ''] of lines) {
    const [first = '', ...words] = line.trim().split(/\s+/);
    if (first === 'help') continue;
    const command = first === 'campaign' ? `${first} ${words.shift()}` : first;
    if (!flags.has(command)) flags.set(command, (await runHere([...command.split(' '), '--help'])).stdout);
    expect(flags.get(command), line).toMatch(new RegExp(`^Usage: pg-promo-codes ${command}\\b`));
    for (const [flag] of words.flatMap((word) => [...word.matchAll(/^--[a-z-]+/g)])) {
      expect(flags.get(command), line).toContain(flag);
    }
  }
  expect(flags.size).toBeGreaterThan(5);
});

it.runIf(isIncluded('the examples of the help'))('every example of every help runs', { timeout: 120_000 }, async () => {
  writeFileSync(path.join(folder, 'promo-codes.json'), '{ "counterWrites": "ignore" }');
  writeFileSync(path.join(folder, 'codes.csv'), CSV);
  for (const line of await examplesOf()) {
    // Nobody waits for half a day here.
    const words = line
      .replace(/ > .*$/, '')
      .replace('--duration 12h', '--duration 1s')
      .split(' ');
    const args = words.map((word) => (/\.(json|html|csv)$/.test(word) ? path.join(folder, word) : word));
    const isEndless = line.includes('--watch');
    const interruption = new AbortController();
    if (isEndless) setTimeout(() => interruption.abort(130), 500);
    const { code, stderr, stdout } = await runHere(args, { env: { DATABASE_URL: t.url }, signal: interruption.signal });
    expect([0, 1, ...(isEndless ? [130] : [])], `${line}\n${stdout}${stderr}`).toContain(code);
    expect(stderr.replace(/^Wrote .*\n/, ''), line).toBe('');
  }
});

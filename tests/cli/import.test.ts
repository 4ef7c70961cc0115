import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCsv } from '../../src/cli/read-csv';
import { installSchema, PromoCodeRepository } from '../../src/index';
import { useSchema } from '../support';
import { runHere } from './command-line';

const t = useSchema('import files');
const repository = new PromoCodeRepository(t.pool, { schema: t.schema });
const folder = mkdtempSync(path.join(tmpdir(), 'pg-promo-codes-import-'));
beforeAll(() => installSchema(t.pool, { schema: t.schema }));
afterAll(() => rmSync(folder, { recursive: true }));

const run = (args: string[], input?: string) =>
  runHere(['import', ...args, '--schema', t.schema], {
    env: { DATABASE_URL: t.url },
    ...(input !== undefined && { input }),
  });

function fileOf(text: string): string {
  const file = path.join(folder, 'codes.csv');
  writeFileSync(file, text);
  return file;
}

describe('import', () => {
  it('creates the codes of a file once, whoever wrote it', async () => {
    const file = fileOf(
      '\ufeffcode;shopId;name;bonusValue;\r\nA;excel;"Two\r\nlines; and more";5.00;\r\n\r\nB;excel;;7;\r\n',
    );
    expect(await run([file])).toEqual({ code: 0, stdout: 'Created 2 codes, skipped 0 that were there.\n', stderr: '' });
    expect(await repository.findByCode('A', 'excel')).toMatchObject({
      name: 'Two\r\nlines; and more',
      bonusValue: '5.00',
    });
    const { code, stdout } = await run([file, '--json']);
    expect([code, JSON.parse(stdout)]).toEqual([0, { created: 0, skipped: 2, faults: [], omittedFaults: 0 }]);
  });

  it('reads the standard input', async () => {
    expect(await run(['-', '--shop', 'piped'], 'code\tbonusValue\nT\t1')).toMatchObject({ code: 0 });
    expect(await repository.findByCode('T', 'piped')).not.toBeNull();
  });

  it('shows faults with their lines and imports nothing, or the rest with --skip-faulty', async () => {
    const file = fileOf('code,name,bonusValue\nA,"two\nlines",1\nB,,x\n\nC,,1,1\n,,\n,x,\nD,"\n",-1\n');
    const refused = await run([file, '--shop', 'faulty']);
    expect(refused).toMatchObject({ code: 1, stderr: '' });
    expect(refused.stdout.split('\n').map((line) => line.replace(file, '').slice(0, 38))).toEqual([
      ':4: bonusValue must be a plain decimal',
      ':6: the row must have 3 cells, as the ',
      ':8: code is required',
      ':8: bonusValue is required',
      ':9: bonusValue must be a plain decimal',
      'Nothing was imported.',
      '',
    ]);
    expect((await repository.list({ shopId: 'faulty' })).items).toEqual([]);
    const skipped = await run([file, '--shop', 'faulty', '--skip-faulty']);
    expect(skipped).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/\nCreated 1 code, skipped 0 that were there\.\n$/),
    });
    expect((await repository.list({ shopId: 'faulty' })).items).toMatchObject([{ code: 'A', name: 'two\nlines' }]);
  });

  it('shows no more than twenty faults', async () => {
    const { stdout } = await run([fileOf(`code,bonusValue,shopId\n${'A,x,s\n'.repeat(30)}`)]);
    expect(stdout.trimEnd().split('\n')).toHaveLength(22);
    expect(stdout).toContain('\nand 10 further faults\n');
  });

  it.each([
    ['no-such-file.csv', 2, /^pg-promo-codes: no-such-file\.csv cannot be read: ENOENT/],
    ['.', 2, /^pg-promo-codes: \. cannot be read: EISDIR/],
  ])('%s is refused in one line', async (file, code, message) => {
    const outcome = await run([file]);
    expect(outcome).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(message) });
    expect(outcome.stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  it('a file that is no CSV, or has another header, is refused, and nothing of it is imported', async () => {
    const broken = await run([fileOf('code,bonusValue,shopId\nA,1,broken\n"B,1,broken\n')]);
    expect(broken).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('is no CSV') });
    const header = await run([fileOf('Code,value\nA,1\n')]);
    expect(header.stdout).toMatch(
      /codes\.csv:1: column 1 must be the name of a field: code, shopId, .*; received 'Code'/,
    );
    expect((await repository.list({ shopId: 'broken' })).items).toEqual([]);
  });

  it('a file that is no UTF-8 is refused at its line, and nothing of it is imported', async () => {
    const file = fileOf('');
    writeFileSync(file, Buffer.from('code,bonusValue,shopId,name\nA,1,latin,plain\nB,1,latin,Gr\xfc\xdfe\n', 'latin1'));
    const outcome = await run([file]);
    expect(outcome).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/is no UTF-8: line 3 /) });
    expect((await repository.list({ shopId: 'latin' })).items).toEqual([]);
  });

  it('reads a file in pieces of any size, and holds no more of it than a piece', async () => {
    const text = `code,bonusValue\n${Array.from({ length: 50 }, (_, n) => `C${n},1\n`).join('')}`;
    for (const size of [1, 7, 10_000]) {
      const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, n) =>
        Buffer.from(text.slice(n * size, (n + 1) * size)),
      );
      const rows = readCsv('-', Readable.from(pieces));
      const read: string[][] = [];
      for await (const row of rows) read.push(row);
      expect(read).toHaveLength(51);
      expect([rows.lineOf(0), rows.lineOf(50)]).toEqual([1, 51]);
    }
  });
});

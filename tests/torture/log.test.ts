import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { openLog, readHistory } from '../../torture/log';

const folder = mkdtempSync(path.join(tmpdir(), 'pg-promo-codes-log-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('a log is read as it was written, up to the line that a SIGKILL cut', () => {
  const file = path.join(folder, '2.1.jsonl');
  const log = openLog(file);
  const args = { useId: '7' };
  log.write({ t: 'begin', id: '2.1.1', at: 10, kind: 'rollbackUse', args, limitMs: 100, tx: '2.1.t1' });
  log.write({ t: 'end', id: '2.1.1', at: 20, stoodMs: 0, result: { rolledBack: true } });
  log.write({ t: 'fate', tx: '2.1.t1', at: 30, fate: 'committed' });
  log.write({ t: 'begin', id: '2.1.2', at: 40, kind: 'list', args: {}, limitMs: 100 });
  appendFileSync(file, '{"t":"end","id":"2.1.2","at":5');
  const history = readHistory(folder);
  expect([...history.calls.values()]).toEqual([
    {
      id: '2.1.1',
      process: '2.1',
      kind: 'rollbackUse',
      args,
      tx: '2.1.t1',
      limitMs: 100,
      begin: 10,
      end: 20,
      stoodMs: 0,
      result: { rolledBack: true },
    },
    { id: '2.1.2', process: '2.1', kind: 'list', args: {}, limitMs: 100, begin: 40 },
  ]);
  expect(history.fates.get('2.1.t1')).toEqual({ fate: 'committed', at: 30 });
  expect(history.stopped).toEqual(new Set());
});

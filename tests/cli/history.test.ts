import { expect, it } from 'vitest';
import { useHistory } from '../history/fixture';
import { eventually } from '../support';
import { runHere } from './command-line';

const t = useHistory();
const run = (args: string[], signal?: AbortSignal) =>
  runHere([...args, '--schema', t.schema], { env: { DATABASE_URL: t.url }, ...(signal && { signal }) });
const json = async (...args: string[]) => {
  const outcome = await run([...args, '--json']);
  expect(outcome).toMatchObject({ code: 0, stderr: '' });
  return JSON.parse(outcome.stdout);
};

it('history: of a code, a use, a customer; on pages, and as JSON', async () => {
  const code = await t.newCode({ perCustomerLimit: null });
  const id = await t.redeem(code, { customerAddress: 'ann' });
  await t.repository.rollbackUse(id, { reason: 'a mistake', actor: 'bob' });
  await t.redeem(code, { customerAddress: 'cid' });
  const items = await t.all({ promoCodeId: code.id });
  expect(await json('history', code.code.toLowerCase())).toEqual(JSON.parse(JSON.stringify(items)));
  expect(await json('history', '--use', id)).toHaveLength(2);
  expect(await json('history', '--customer', 'CID')).toHaveLength(1);
  const page = await run(['history', code.code, '--limit', '2']);
  expect(page).toMatchObject({ code: 0, stderr: `There is more: --after ${items[1]!.id}\n` });
  expect(page.stdout).toMatch(/rolled_back +\S+ +\S+ +ann +5\.00 +a mistake, by bob$/m);
  expect(await json('history', code.code, '--after', items[1]!.id)).toHaveLength(1);
  expect(await run(['history', '--use', '999999'])).toMatchObject({ code: 0, stdout: 'Nothing is recorded.\n' });
  expect(await run(['history', 'NONE'])).toMatchObject({ code: 1 });
  expect(await run(['history', '--after', 'x'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('id of a record'),
  });
});

it('history --follow: a line for each record until Ctrl-C', async () => {
  const code = await t.newCode();
  const stop = new AbortController();
  const id = await t.redeem(code);
  await t.repository.rollbackUse(id);
  const outcome = run(['history', code.code, '--follow', '--json'], stop.signal);
  // A look that found nothing comes after one that found these.
  await eventually(async () => {
    const { rows } = await t.sql<{ after: string }>(
      `SELECT substring(query from 'h.id > (.*)') AS after FROM pg_stat_activity
        WHERE application_name = current_setting('application_name') AND query LIKE '%AS horizon%' AND pid <> pg_backend_pid()
          AND state = 'idle' AND query_start > clock_timestamp() - '100 s'::interval AND backend_start < query_start - '0.2 s'::interval`,
    );
    expect(rows).not.toEqual([]);
  });
  stop.abort(130);
  const { stdout } = await outcome;
  expect(
    stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).kind),
  ).toEqual(['redeemed', 'rolled_back']);
});

it('history --drop-before: asks, or takes --yes', async () => {
  expect(await run(['history', '--drop-before', '2020-01-01'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--yes'),
  });
  expect(await run(['history', '--drop-before', 'soon', '--yes'])).toMatchObject({ code: 2 });
  expect(await json('history', '--drop-before', '2020-01-01', '--yes')).toEqual({ dropped: [] });
});

it('status says that there is a history', async () => {
  expect((await run(['status'])).stdout).toContain('history true');
});

import { beforeAll, expect, it } from 'vitest';
import { installTriggers } from '../../src/index';
import { HOSTS, useHistory } from '../history/fixture';
import { runHere } from './command-line';

const t = useHistory(HOSTS[2], 'archive command');
const run = (...args: string[]) =>
  runHere(['archive', ...args, '--schema', t.schema], { env: { DATABASE_URL: t.url } });
const usedBefore = async (fields: object = {}) => {
  const code = await t.newCode(fields);
  await t.redeem(code, fields);
  await t.sql(`UPDATE :"schema".promo_code_uses SET used_at = '2020-06-01' WHERE promo_code_id = $1`, [code.id]);
  return code;
};

beforeAll(async () => {
  await t.sql(`CREATE TABLE :"schema".uses_of_old PARTITION OF :"schema".promo_code_uses FOR VALUES IN ('old')`);
  await t.sql(`CREATE TABLE :"schema".elsewhere (LIKE :"schema".promo_code_uses)`);
  await installTriggers(t.pool, t.options);
});

it('archives by age, into a table, and says how many; as JSON what the function answers', async () => {
  const code = await usedBefore();
  expect(
    await run('--before', '2021-01-01', '--into', `${t.schema}.elsewhere`, '--batch-size', '5', '--yes'),
  ).toMatchObject({
    code: 0,
    stdout: 'Archived 1 use.\n',
  });
  expect((await t.sql(`SELECT FROM :"schema".elsewhere`)).rowCount).toBe(1);
  expect(await t.repository.findById(code.id)).toMatchObject({ timesUsed: 1 });
  expect(await run('--before', '2021-01-01T00:00:00+01:00', '--yes')).toMatchObject({
    stdout: 'There was no use to archive.\n',
  });
  await usedBefore();
  expect(await run('--before', '2021-01-01', '--no-customers', '--yes', '--json')).toMatchObject({
    stdout: '{"archived":1}\n',
  });
});

it('detaches or drops a partition', async () => {
  const code = await usedBefore({ shopId: 'old' });
  expect(await run('--partition', 'uses_of_old', '--detach', '--yes')).toMatchObject({
    code: 0,
    stdout: 'Archived 1 use.\n',
  });
  expect(await t.repository.findById(code.id)).toMatchObject({ timesUsed: 1 });
  expect(await run('--partition', 'uses_of_old', '--drop', '--yes')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('is no partition'),
  });
});

it('asks first, and refuses what does not say what is meant', async () => {
  const refused = async (message: string, ...args: string[]) =>
    expect(await run(...args), args.join(' ')).toMatchObject({ code: 2, stderr: expect.stringContaining(message) });
  await refused('--yes', '--before', '2021-01-01');
  await refused('either --before or --partition', '--yes');
  await refused('either --before or --partition', '--before', '2021-01-01', '--partition', 'x', '--drop', '--yes');
  await refused('either --detach or --drop', '--partition', 'x', '--yes');
  await refused('are for --partition', '--before', '2021-01-01', '--drop', '--yes');
  await refused('are for --before', '--partition', 'x', '--drop', '--into', 'y', '--yes');
  for (const before of ['yesterday', '2021-13-01', '2021-01-01T00:00:00'])
    await refused('--before must be', '--before', before, '--yes');
});

import pg from 'pg';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { checkDrift, PromoCodeRepository } from '../../src/index';
import { eventually } from '../support';
import { type CuttingProxy, startProxy } from '../support/proxy';
import { useRepository } from '../support/repository';

const t = useRepository('late twins');
const { newCode, request, schema } = t;
let proxy: CuttingProxy;
let pool: pg.Pool;
let repository: PromoCodeRepository;

beforeEach(async () => {
  proxy = await startProxy(t.url);
  pool = new pg.Pool({ connectionString: proxy.url, max: 4 });
  pool.on('error', () => {});
  repository = new PromoCodeRepository(pool, {
    schema,
    lockTimeoutMs: 1_000,
    attemptTimeoutMs: 1_200,
    deadlineMs: 8_000,
  });
  await repository.redeem(request(await newCode()));
});
afterEach(async () => {
  await proxy.close();
  await pool.end();
});

/** Holds back what a client sends from the first piece on that holds the text, and what comes after it. */
function holdBack(text: string): { held: () => boolean } {
  let held: number | undefined;
  proxy.onData((from, data, connection) => {
    if (from === 'server' || held !== undefined || !data.includes(text)) return 'pass';
    held = connection;
    return 'hold';
  });
  return { held: () => held !== undefined };
}

/** Waits until the server has done with what came late. */
async function settled(): Promise<void> {
  // The connection that it came on had no client any more, and ends with it.
  await eventually(() => expect(proxy.open).toBe(pool.totalCount));
  await eventually(async () => {
    const { rows } = await t.sql(
      `SELECT pid FROM pg_stat_activity WHERE application_name = current_setting('application_name')
          AND pid <> pg_backend_pid() AND state <> 'idle'`,
    );
    expect(rows).toEqual([]);
  });
}

it.each([
  ['the statement', 'UPDATE '],
  ['the COMMIT', 'COMMIT\0'],
])('activate, whose %s is held back and delivered after a later deactivate', async (_, text) => {
  const code = await newCode({ isActive: false });
  const { held } = holdBack(text);
  expect(await repository.activate(code.id)).toMatchObject({ isActive: true });
  expect(held()).toBe(true);
  expect(await repository.deactivate(code.id)).toMatchObject({ isActive: false });
  proxy.deliver();
  await settled();
  expect(await repository.findById(code.id)).toMatchObject({ isActive: false });
});

it.each([
  ['the statement', 'UPDATE '],
  ['the COMMIT', 'COMMIT\0'],
])('an update, whose %s is delivered after another one', async (_, text) => {
  const code = await newCode();
  const { held } = holdBack(text);
  expect(await repository.update(code.id, { name: 'first' })).toMatchObject({ name: 'first' });
  expect(held()).toBe(true);
  expect(await repository.update(code.id, { name: 'second' })).toMatchObject({ name: 'second' });
  proxy.deliver();
  await settled();
  expect(await repository.findById(code.id)).toMatchObject({ name: 'second' });
});

it.each([
  ['the statement', 'amend_promo_code_use'],
  ['the COMMIT', 'COMMIT\0'],
])('an amendment, whose %s is delivered after another one: the counters are those of the second', async (_, text) => {
  const code = await newCode();
  const used = await t.repository.redeem(request(code));
  if (!used.ok) throw new Error(used.reason);
  const { held } = holdBack(text);
  await repository.amendUse(used.use.id, { bonusAmount: 7 });
  expect(held()).toBe(true);
  await repository.amendUse(used.use.id, { bonusAmount: 3 });
  proxy.deliver();
  await settled();
  expect(await repository.findById(code.id)).toMatchObject({ totalBonusIssued: '3.00' });
  expect(await checkDrift(t.pool, { schema })).toEqual([]);
});

it.each([
  ['the statement', 'create_promo_codes'],
  ['the COMMIT', 'COMMIT\0'],
])(
  'create and delete, whose %s is delivered late: the code is made once, and what is gone stays gone',
  async (_, text) => {
    const name = `TWIN ${text.trim()}`.replace('\0', '');
    const { held } = holdBack(text);
    const code = await repository.create({ code: name, shopId: 'shop', bonusValue: 1 });
    expect(held()).toBe(true);
    await repository.delete(code.id);
    proxy.deliver();
    await settled();
    expect(await repository.findByCode(name, 'shop')).toBeNull();
  },
);

import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { installTriggers, type PromoCode, PromoCodeRepository } from '../../src/index';
import { eventually, useRole } from '../support';
import { type CuttingProxy, startProxy } from '../support/proxy';
import { useRepository } from '../support/repository';

const t = useRepository('doubt');
const { newCode, request, counts, schema } = t;
const role = useRole({ label: 'doubtful' });
let proxy: CuttingProxy;
let pool: pg.Pool;
let repository: PromoCodeRepository;

beforeAll(async () => {
  await t.sql(`GRANT USAGE ON SCHEMA :"schema" TO ${role.quoted};
               GRANT SELECT, INSERT, UPDATE, DELETE ON :"schema".promo_codes, :"schema".promo_code_uses TO ${role.quoted}`);
  await installTriggers(t.pool, { schema, grantTo: [role.role] });
  proxy = await startProxy(t.url);
  const { hostname, port, pathname } = new URL(proxy.url);
  pool = new pg.Pool({
    host: hostname,
    port: Number(port),
    database: decodeURI(pathname.slice(1)),
    ...role.login,
    max: 4,
  });
  pool.on('error', () => {});
  repository = new PromoCodeRepository(pool, { schema, deadlineMs: 1_500 });
});
beforeEach(async () => {
  proxy.onData(() => false);
  await repository.redeem(request(await newCode()));
});
afterAll(async () => {
  await pool.end();
  await proxy.close();
});

/** Sessions keep the settings that they began with. */
async function freshConnections(): Promise<void> {
  proxy.cutAll();
  await eventually(() => expect(pool.totalCount).toBe(0));
}

/** Cuts the connection in place of the answer to the statement that is recognised, once; then `after` is run. */
function loseAnswerTo(recognise: (data: Buffer) => boolean, after: () => Promise<unknown>) {
  const state = { lost: false, done: Promise.resolve() as Promise<unknown> };
  let asked: number | undefined;
  proxy.onData((from, data, connection) => {
    if (from === 'client' && asked === undefined && recognise(data)) asked = connection;
    if (from === 'client' || state.lost || connection !== asked) return false;
    state.lost = true;
    // Nothing gets through before.
    state.done = after().then(() => proxy.onData(() => false));
    proxy.onData(() => 'cut');
    return 'cut';
  });
  return state;
}

const isCommit = (data: Buffer) => data.includes('COMMIT\0');
const isRedemption = (data: Buffer) => data.includes('.redeem_promo_code');

type Calls = [
  name: string,
  decisive: (data: Buffer) => boolean,
  call: (code: PromoCode, use: string) => Promise<unknown>,
][];
const calls: Calls = [
  ['redeem', isRedemption, (code) => repository.redeem(request(code))],
  ['redeemMany', isRedemption, (code) => repository.redeemMany([request(code), request(code)])],
  ['update', isCommit, (code) => repository.update(code.id, { name: 'new' })],
  ['deactivate', isCommit, (code) => repository.deactivate(code.id)],
  ['amendUse', isCommit, (_, use) => repository.amendUse(use, { baseReward: 11 })],
  ['confirm', isCommit, (_, use) => repository.confirm(use)],
  ['rollbackUse', isCommit, (_, use) => repository.rollbackUse(use)],
  ['create', isCommit, (code) => repository.create({ code: `${code.code}X`, shopId: 'shop', bonusValue: 1 })],
];

async function codeWithUse(): Promise<{ code: PromoCode; use: string }> {
  const code = await newCode({ perCustomerLimit: null });
  const result = await t.repository.redeem(request(code));
  if (!result.ok) throw new Error(result.reason);
  return { code, use: result.use.id };
}

describe.each(calls)('%s, whose answer is lost after its effect', (name, decisive, call) => {
  it.each([
    ['rights that are taken away', privileges],
    ['statement_timeout', (on: boolean) => setting('statement_timeout', on ? '1ms' : '0')],
    ['a read-only server', (on: boolean) => setting('default_transaction_read_only', on ? 'on' : 'off')],
  ])('and then meets %s: no error is definite', async (obstacle, turn) => {
    const { code, use } = await codeWithUse();
    const state = loseAnswerTo(decisive, () => turn(true));
    try {
      const outcome = await call(code, use).catch((error: unknown) => error);
      expect(state.lost).toBe(true);
      // What became of a COMMIT is asked of the server, which needs no rights and writes nothing. What has to be looked for
      // may be found all the same.
      const isDoubtful = decisive === isRedemption || obstacle === 'statement_timeout';
      if (!isDoubtful) expect(outcome).not.toBeInstanceOf(Error);
      if (outcome instanceof Error) expect(outcome).toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    } finally {
      await state.done;
      await turn(false);
      await freshConnections();
    }
  });

  it('and then meets nothing: it answers', async () => {
    const { code, use } = await codeWithUse();
    const state = loseAnswerTo(decisive, async () => undefined);
    const answer = await call(code, use);
    expect(answer).toBeDefined();
    if (name === 'rollbackUse') expect(answer).toEqual({ rolledBack: true });
    expect(state.lost).toBe(true);
  });
});

describe('a COMMIT whose answer is lost', () => {
  it.each<
    [
      string,
      (code: PromoCode, use: string) => Promise<unknown>,
      (code: PromoCode, use: string) => Promise<unknown>,
      object,
    ]
  >([
    [
      'activate',
      (code) => repository.activate(code.id),
      (code) => t.repository.deactivate(code.id),
      { isActive: false, name: null },
    ],
    [
      'update',
      (code) => repository.update(code.id, { name: 'first' }),
      (code) => t.repository.update(code.id, { name: 'second' }),
      { name: 'second' },
    ],
  ])('of %s is not made once more over a later write that was acknowledged', async (_name, first, second, expected) => {
    const { code, use } = await codeWithUse();
    const state = loseAnswerTo(isCommit, () => second(code, use));
    await first(code, use);
    await state.done;
    expect(state.lost).toBe(true);
    expect(await t.repository.findById(code.id)).toMatchObject(expected);
  });

  it('of an amendment is not made once more over a later one', async () => {
    const { use } = await codeWithUse();
    const state = loseAnswerTo(isCommit, () => t.repository.amendUse(use, { bonusAmount: 2 }));
    expect(await repository.amendUse(use, { bonusAmount: 1 })).toMatchObject({ bonusAmount: '1.00' });
    await state.done;
    const { rows } = await t.sql('SELECT bonus_amount::text AS bonus FROM :"schema".promo_code_uses WHERE id = $1', [
      use,
    ]);
    expect(rows).toEqual([{ bonus: '2.00' }]);
  });
});

it('the doubt of the last attempt counts, whatever went wrong before it', async () => {
  const { code } = await codeWithUse();
  let sent = 0;
  proxy.onData((from, data) => {
    if (from === 'client' && isRedemption(data)) sent += 1;
    // The first attempt is cut before it is sent; the second one is recorded, and never answered.
    if (from === 'client' && sent === 1) {
      sent += 1;
      return 'cut';
    }
    return from === 'server' && sent > 2 ? 'silence' : false;
  });
  const short = new PromoCodeRepository(pool, {
    schema,
    deadlineMs: 3_000,
    attemptTimeoutMs: 2_500,
    lockTimeoutMs: 1_000,
  });
  await expect(short.redeem(request(code))).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
});

async function privileges(taken: boolean): Promise<void> {
  await t.sql(
    taken
      ? `REVOKE INSERT, UPDATE, DELETE ON :"schema".promo_codes, :"schema".promo_code_uses FROM ${role.quoted}`
      : `GRANT INSERT, UPDATE, DELETE ON :"schema".promo_codes, :"schema".promo_code_uses TO ${role.quoted}`,
  );
}

async function setting(name: string, value: string): Promise<void> {
  await t.sql(`ALTER ROLE ${role.quoted} SET ${name} = '${value}'`);
}

describe('a failure before COMMIT', () => {
  it.each(calls.filter(([, decisive]) => decisive === isCommit))(
    'of %s is repeated, and is no doubt',
    async (name, _, call) => {
      const { code, use } = await codeWithUse();
      let cut = false;
      proxy.onData((from, data) => {
        const isWrite = /UPDATE |create_promo_codes|_promo_code_use"?\(/.test(data.toString('latin1'));
        if (cut || from === 'server' || !isWrite) return false;
        cut = true;
        return 'cut';
      });
      const result = await call(code, use);
      expect(cut).toBe(true);
      if (name === 'rollbackUse') expect(result).toEqual({ rolledBack: true });
    },
  );
});

it('a server that refuses to write for a moment, as in a failover, is outlived; for good it is named', async () => {
  const code = await newCode({ perCustomerLimit: null });
  await setting('default_transaction_read_only', 'on');
  await freshConnections();
  try {
    await expect(repository.redeem(request(code))).rejects.toMatchObject({ code: 'READ_ONLY', sqlState: '25006' });
    await expect(repository.rollbackUse(1_000_000)).rejects.toMatchObject({ code: 'READ_ONLY' });
    const patient = repository.redeem(request(code));
    await setting('default_transaction_read_only', 'off');
    expect(await patient).toMatchObject({ ok: true });
  } finally {
    await setting('default_transaction_read_only', 'off');
    await freshConnections();
  }
  expect(await counts(code)).toMatchObject({ uses: 1 });
});

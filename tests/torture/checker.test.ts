import { beforeAll, describe, expect, it } from 'vitest';
import { Workload } from '../../torture/client/workload';
import { SHOP } from '../../torture/host';
import { type Call, History } from '../../torture/log';
import { seededRandom } from '../../torture/random';
import { useTorture } from './fixture';

const t = useTorture('torture checker');

type Made = Awaited<ReturnType<typeof t.use>>;
let plain: Made;
let keyed: Made;
let pending: Made;
let confirmed: Made;
let amended: Made;
let amendment: string;
let rolledBack: Made;
let rollback: string;
let codes: Map<string, string>;

beforeAll(async () => {
  plain = await t.use('COLD-1', 'anna');
  keyed = await t.use('COLD-2', 'bert', { key: 'key-1' });
  await t.use('COLD-2', 'bert', { key: 'key-1', origin: keyed.origin });
  pending = await t.use('COLD-3', 'carl', { ttlSeconds: 600 });
  confirmed = await t.use('COLD-3', 'dora', { ttlSeconds: 600 });
  await t.done('confirm', (id) => ({ useId: confirmed.useId, mark: `${confirmed.origin}/${id}` }));
  amended = await t.use('COLD-4', 'emil');
  const amend = (id: string, base: string) => ({
    useId: amended.useId,
    mark: `${amended.origin}/${id}`,
    base,
    bonus: '1.00',
  });
  amendment = (await t.done('amendUse', (id) => amend(id, '20.00'))).id;
  await new Promise((resolve) => setTimeout(resolve, 3));
  await t.done('amendUse', (id) => amend(id, '30.00'));
  rolledBack = await t.use('COLD-5', 'frida');
  rollback = (await t.done('rollbackUse', () => ({ useId: rolledBack.useId }))).id;
  await t.use('HOT-1', 'gerd');
  await t.use('HOT-1', 'gerd');
  const { rows } = await t.sql<{ id: string; code: string }>('SELECT id::text, code FROM :"schema".promo_codes');
  codes = new Map(rows.map(({ id, code }) => [code, id]));
  await t.done('update', (id) => ({ codeId: codes.get('UPDATED-1')!, mark: id, bonus: '6.00' }));
  await t.done('deactivate', () => ({ codeId: codes.get('SWITCHED-1')! }));
  await new Promise((resolve) => setTimeout(resolve, 3));
  await t.done('activate', () => ({ codeId: codes.get('SWITCHED-1')! }));
  await t.done('create', (id) => ({ code: 'NEW-1', shop: SHOP, bonus: '5.00', mark: id }));
});

const failed = (call: Call) => {
  delete call.result;
  call.error = { class: 'PromoCodesError', code: 'DATABASE_ERROR', sqlState: '57014', message: 'canceled' };
};
const begin = { process: '1.1', limitMs: 10_000, begin: 1_000 };

describe('a run without faults', () => {
  it('has nothing that is wrong', async () => {
    expect((await t.verdictWith({})).violations).toEqual([]);
  });
});

describe('the checker finds', () => {
  it('a counter that was changed by hand', async () => {
    const sql = `UPDATE :"schema".promo_codes SET times_used = times_used + 1 WHERE code = 'COLD-1'`;
    // Past the guard, which ignores such a write.
    expect(await t.brokenBy({ sql, behindTriggers: true })).toEqual(['drift']);
    const amount = `UPDATE :"schema".promo_codes SET total_bonus_issued = total_bonus_issued - 0.01 WHERE code = 'COLD-1'`;
    expect(await t.brokenBy({ sql: amount, behindTriggers: true })).toEqual(['drift']);
  });

  it('a use that is there twice', async () => {
    const sql = `INSERT INTO :"schema".promo_code_uses (promo_code_id, customer_address, shop_id, transaction_id, base_reward, bonus_amount, total_reward)
      SELECT promo_code_id, 'somebody ' || customer_address, shop_id, transaction_id, base_reward, bonus_amount, total_reward
        FROM :"schema".promo_code_uses WHERE id = $1`;
    expect(await t.brokenBy({ sql, values: [plain.useId] })).toContain('duplicate_use');
    expect(await t.brokenBy({ sql, values: [keyed.useId] })).toContain('key_with_two_uses');
  });

  it('a key that answers another use', async () => {
    const log = (history: History) => {
      const call = [...history.calls.values()].filter(({ args }) => args.requests?.[0]?.key === 'key-1').at(-1)!;
      call.result!.answers![0]!.use!.id = plain.useId;
    };
    expect(await t.brokenBy({ log })).toEqual(expect.arrayContaining(['id_given_twice', 'key_with_two_uses']));
    const sql = `UPDATE :"library".promo_code_idempotency_keys SET use_id = $1 WHERE idempotency_key = 'key-1'`;
    expect(await t.brokenBy({ sql, values: [plain.useId] })).toEqual(['key_with_two_uses']);
    const forgotten = `DELETE FROM :"library".promo_code_idempotency_keys WHERE idempotency_key = 'key-1'`;
    expect(await t.brokenBy({ sql: forgotten })).toEqual(['lost_acknowledgement']);
  });

  it('a use that was deleted behind the library', async () => {
    const sql = 'DELETE FROM :"schema".promo_code_uses WHERE id = $1';
    expect(await t.brokenBy({ sql, values: [plain.useId] })).toEqual(['lost_acknowledgement']);
    expect(await t.brokenBy({ sql, values: [plain.useId], behindTriggers: true })).toEqual([
      'drift',
      'lost_acknowledgement',
    ]);
  });

  it('an acknowledgement of what never was', async () => {
    const log = (history: History) => {
      const earlier = history.calls.get(plain.call)!;
      const answer = { ok: true, use: { ...earlier.result!.answers![0]!.use!, id: '999999', transaction: '1.1.x' } };
      const requests = [{ ...earlier.args.requests![0]!, origin: '1.1.x' }];
      history.calls.set('1.1.x', {
        ...begin,
        id: '1.1.x',
        kind: 'redeem',
        end: 1_001,
        args: { requests },
        result: { answers: [answer] },
      });
    };
    expect(await t.brokenBy({ log })).toEqual(['lost_acknowledgement']);
  });

  it('limits that were passed', async () => {
    const sql = `UPDATE :"schema".promo_codes SET total_usage_limit = 1 WHERE code = 'HOT-1'`;
    expect(await t.brokenBy({ sql })).toEqual(['limit_exceeded']);
    const customer = `UPDATE :"schema".promo_codes SET per_customer_limit = 1 WHERE code = 'HOT-1'`;
    expect(await t.brokenBy({ sql: customer })).toEqual(['limit_exceeded']);
  });

  it('a definite error with an effect', async () => {
    for (const id of [plain.call, rollback]) {
      const log = (history: History) => failed(history.calls.get(id)!);
      expect(await t.brokenBy({ log })).toEqual(['definite_error_with_effect']);
    }
    // Of this one nothing is left to be seen.
    expect(await t.brokenBy({ log: (history) => failed(history.calls.get(amendment)!) })).toEqual([]);
    const ofKind = (kind: Call['kind']) => (history: History) => {
      for (const call of history.calls.values()) {
        if (call.kind === kind && call.process === '1.1') failed(call);
      }
    };
    for (const kind of ['amendUse', 'update', 'create', 'confirm'] as const) {
      expect(await t.brokenBy({ log: ofKind(kind) }), kind).toContain('definite_error_with_effect');
    }
  });

  it('a refusal with an effect, and what a transaction left that was rolled back', async () => {
    const refused = (history: History) => {
      history.calls.get(plain.call)!.result = { answers: [{ ok: false, reason: 'customer_limit_reached' }] };
    };
    expect(await t.brokenBy({ log: refused })).toEqual(['definite_error_with_effect']);
    const undone = (history: History) => {
      history.calls.get(plain.call)!.tx = 't1';
      history.fates.set('t1', { fate: 'rolled_back', at: Date.now() });
    };
    expect(await t.brokenBy({ log: undone })).toEqual(['definite_error_with_effect']);
  });

  it('nothing where the outcome was unknown', async () => {
    const log = (history: History) => {
      for (const id of [plain.call, rollback]) {
        failed(history.calls.get(id)!);
        history.calls.get(id)!.error!.code = 'OUTCOME_UNKNOWN';
      }
    };
    expect(await t.brokenBy({ log })).toEqual([]);
  });

  it('doubt where there can be none', async () => {
    const inDoubt = (history: History, kind: Call['kind'], more: Partial<Call>) => {
      const error = { class: 'OutcomeUnknownError', code: 'OUTCOME_UNKNOWN', message: 'lost' };
      history.calls.set('1.1.x', { ...begin, id: '1.1.x', kind, end: 1_001, args: {}, error, ...more });
    };
    expect(await t.brokenBy({ log: (history) => inDoubt(history, 'list', {}) })).toEqual(['needless_doubt']);
    expect(await t.brokenBy({ log: (history) => inDoubt(history, 'redeem', { tx: 't9' }) })).toEqual([
      'needless_doubt',
    ]);
    expect(await t.brokenBy({ log: (history) => inDoubt(history, 'redeem', {}) })).toEqual([]);
  });

  it('a use that nobody asked for', async () => {
    const sql = `UPDATE :"schema".promo_code_uses SET transaction_id = 'foreign' WHERE id = $1`;
    expect(await t.brokenBy({ sql, values: [plain.useId] })).toContain('unasked');
    const code = `INSERT INTO :"schema".promo_codes (code, shop_id, bonus_value, end_date) VALUES ('FOREIGN', 'shop', 5, now())`;
    expect(await t.brokenBy({ sql: code })).toEqual(['unasked']);
  });

  it('wrong amounts', async () => {
    const sql =
      'UPDATE :"schema".promo_code_uses SET bonus_amount = 4.99, total_reward = base_reward + 4.99 WHERE id = $1';
    expect(await t.brokenBy({ sql, values: [plain.useId] })).toEqual(['wrong_values']);
    expect(await t.brokenBy({ sql, values: [amended.useId] })).toEqual(['wrong_values']);
  });

  it('a write that came to effect after a later one', async () => {
    const sql = `UPDATE :"schema".promo_code_uses
      SET transaction_id = $2, base_reward = 20, bonus_amount = 1, total_reward = 21 WHERE id = $1`;
    expect(await t.brokenBy({ sql, values: [amended.useId, `${amended.origin}/${amendment}`] })).toEqual(['late_twin']);
    const inactive = `UPDATE :"schema".promo_codes SET is_active = false WHERE code = 'SWITCHED-1'`;
    expect(await t.brokenBy({ sql: inactive })).toEqual(['late_twin']);
    const name = `UPDATE :"schema".promo_codes SET name = 'host' WHERE code = 'UPDATED-1'`;
    expect(await t.brokenBy({ sql: name })).toEqual(['lost_acknowledgement']);
  });

  it('a use that was made after its code had been deactivated', async () => {
    const log = (history: History) => {
      const args = { codeId: codes.get('COLD-1')! };
      const at = history.calls.get(plain.call)!.begin;
      history.calls.set('1.1.x', {
        ...begin,
        id: '1.1.x',
        kind: 'deactivate',
        begin: at - 20,
        end: at - 10,
        args,
        result: {},
      });
      history.calls.set('1.1.y', {
        ...begin,
        id: '1.1.y',
        kind: 'activate',
        begin: at + 60_000,
        end: at + 60_001,
        args,
        result: {},
      });
    };
    expect(await t.brokenBy({ log })).toEqual(['used_while_inactive']);
    const meanwhile = (history: History) => {
      log(history);
      const activation = history.calls.get('1.1.y')!;
      activation.begin -= 60_005;
      activation.end! -= 59_000;
    };
    expect(await t.brokenBy({ log: meanwhile })).toEqual([]);
  });

  it('a hold that was forgotten', async () => {
    const sql = 'DELETE FROM :"library".promo_code_holds WHERE use_id = $1';
    expect(await t.brokenBy({ sql, values: [pending.useId] })).toEqual(['hold_unaccounted']);
    const gone = 'DELETE FROM :"schema".promo_code_uses WHERE id = $1';
    expect(await t.brokenBy({ sql: gone, values: [pending.useId] })).toContain('hold_unaccounted');
    const early = `UPDATE :"library".promo_code_holds SET released_at = now(), released_as = 'expired' WHERE use_id = $1`;
    expect(await t.brokenBy({ sql: early, values: [pending.useId] })).toEqual(['hold_unaccounted']);
    const due = `UPDATE :"library".promo_code_holds SET expires_at = now() - interval '1 hour' WHERE use_id = $1`;
    const findings = { dueWereReleased: true };
    expect(await t.brokenBy({ sql: due, values: [pending.useId], findings })).toContain('hold_unaccounted');
    const again = `INSERT INTO :"library".promo_code_holds VALUES ($1, $2, 'dora', now() + interval '1 hour')`;
    expect(await t.brokenBy({ sql: again, values: [confirmed.useId, codes.get('COLD-3')] })).toContain(
      'hold_unaccounted',
    );
  });

  it('an answer that the rows contradict', async () => {
    const log = (history: History) => {
      const args = { useId: plain.useId };
      history.calls.set('1.1.x', {
        ...begin,
        id: '1.1.x',
        kind: 'rollbackUse',
        end: 1_001,
        args,
        result: { rolledBack: false },
      });
    };
    expect(await t.brokenBy({ log })).toEqual(['false_answer']);
    const sql = 'DELETE FROM :"schema".promo_code_uses WHERE id = $1';
    expect(await t.brokenBy({ log, sql, values: [plain.useId] })).toEqual(['false_answer']);
  });

  it('a call that never ended, or too late', async () => {
    const log = (history: History) => void delete history.calls.get(plain.call)!.end;
    expect(await t.brokenBy({ log })).toEqual(['unsettled']);
    const killed = { ends: [{ name: '1.1', at: 0, how: 'killed' as const, detail: '' }] };
    expect(await t.brokenBy({ log, findings: killed })).toEqual([]);
    const late = (history: History) => {
      history.calls.get(plain.call)!.end! += 60_000;
    };
    expect(await t.brokenBy({ log: late })).toEqual(['late']);
    const stoodStill = (history: History) => {
      late(history);
      history.calls.get(plain.call)!.stoodMs = 60_000;
    };
    expect(await t.brokenBy({ log: stoodStill })).toEqual([]);
  });

  it('a process that died, and one that does not serve again', async () => {
    const ends = [{ name: '1.1', at: 0, how: 'died' as const, detail: 'exit code 1' }];
    expect(await t.brokenBy({ findings: { ends } })).toEqual(['process_died']);
    const log = (history: History) => void history.stopped.add('1.1');
    expect(await t.brokenBy({ log, findings: { lastFault: Date.now() + 1_000 } })).toEqual(['slow_recovery']);
    const { violations, recoveries } = await t.verdictWith({
      log,
      findings: { lastFault: t.history.calls.get(plain.call)!.begin },
    });
    expect(violations).toEqual([]);
    expect(recoveries.get('1.1')).toBeLessThan(2_000);
  });

  it('drift that the library itself has seen', async () => {
    const log = (history: History) =>
      void history.calls.set('1.1.x', {
        ...begin,
        id: '1.1.x',
        kind: 'checkDrift',
        end: 1_001,
        args: {},
        result: { count: 1 },
      });
    expect(await t.brokenBy({ log })).toEqual(['drift']);
  });
});

// The last of all, since its calls amend and roll back uses that they find.
describe('a run of every kind of call, by several processes', () => {
  it('has nothing that is wrong either', async () => {
    const history = new History();
    for (const [id, call] of t.history.calls) history.calls.set(id, call);
    const random = seededRandom('checker', 1);
    const changed = { switched: [codes.get('SWITCHED-2')!], updated: [codes.get('UPDATED-2')!] };
    await Promise.all(
      ['7.1', '8.1', '9.1'].map(async (name) => {
        const workload = new Workload(t.newProcess(name, history), random, 1, changed);
        for (let left = 60; left > 0; left -= 1) await workload.step();
      }),
    );
    const verdict = await t.verdictWith({}, history);
    expect(verdict.violations).toEqual([]);
    expect(new Set([...history.calls.values()].map(({ kind }) => kind)).size).toBeGreaterThan(12);
    for (const [id, call] of history.calls) t.history.calls.set(id, call);
    for (const [id, fate] of history.fates) t.history.fates.set(id, fate);
  });
});

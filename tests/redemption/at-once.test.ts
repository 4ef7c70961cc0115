import { describe, expect, it } from 'vitest';
import { assertNoDrift, installTriggers, PromoCodeRepository } from '../../src/index';
import { useRole } from '../support';
import { useRepository } from '../support/repository';

const t = useRepository('at once');
const { repository, newCode, request, schema } = t;
const application = useRole({ label: 'application' });

describe('a batch whose keys are known in part takes none from earlier calls', () => {
  it('when the sequence was set back to their ids', async () => {
    const code = await newCode({ perCustomerLimit: null });
    const known = request(code, { idempotencyKey: 'known' });
    const first = await repository.redeem(known);
    if (!first.ok) throw new Error(first.message);
    await repository.rollbackUse(first.use.id);
    await t.sql(`SELECT setval(pg_get_serial_sequence(format('%I.promo_code_uses', :'schema'), 'id'), $1, false)`, [
      first.use.id,
    ]);
    const fresh = new PromoCodeRepository(t.pool, { schema });
    const results = await fresh.redeemMany([known, request(code, { idempotencyKey: 'new' })]);
    expect(results.map((result) => (result.ok ? result.replayed : result.reason))).toEqual(['rolled_back', false]);
  });

  it('when the server begins a first attempt only after its repetition', async () => {
    const code = await newCode({ perCustomerLimit: null, totalUsageLimit: 1 });
    const ids = ['900001', '900002'];
    const call = async (again: boolean) => {
      const { rows } = await t.sql<{ answer: string }>(
        `SELECT :"library".redeem_promo_codes($1, '{shop}', '{1,1}', '{x,y}', '{1,1}', '{}', '{}', '{late,later}', $2, '{}', '{}', $3,
           false, '{900001}', 1000, '{}') AS answer`,
        [[code.code], ids, again],
      );
      return JSON.parse(rows[0]!.answer)
        .map(([, outcome]: string[]) => outcome)
        .sort();
    };
    expect(await call(true)).toEqual(['redeemed', 'usage_limit_reached']);
    await repository.rollbackUse(ids[0]!);
    await repository.update(code.id, { totalUsageLimit: 5 });
    // The use was taken back, and the retry of the other was refused: neither is recorded, and the key stays known.
    expect(await call(false)).toEqual(['id_taken', 'id_taken']);
    const { rows } = await t.sql(
      `SELECT idempotency_key AS key FROM :"library".promo_code_idempotency_keys WHERE use_id = ANY ($1)`,
      [ids],
    );
    expect(rows).toEqual([{ key: 'late' }]);
  });
});

it('a batch reads no columns of the host besides those of a use', async () => {
  const name = application.quoted;
  await t.sql(`ALTER TABLE :"schema".promo_code_uses ADD COLUMN secret text`);
  await t.sql(`GRANT USAGE ON SCHEMA :"schema" TO ${name};
    GRANT SELECT, UPDATE ON :"schema".promo_codes TO ${name}; GRANT INSERT ON :"schema".promo_code_uses TO ${name};
    GRANT SELECT (id, promo_code_id, customer_address, shop_id, transaction_id, base_reward, bonus_amount, total_reward,
                  used_at) ON :"schema".promo_code_uses TO ${name}`);
  await installTriggers(t.pool, { schema, grantTo: [application.role] });
  const modest = new PromoCodeRepository(await t.client(application.login), { schema });
  const code = await newCode();
  expect((await modest.redeemMany([request(code), request(code)])).map(({ ok }) => ok)).toEqual([true, true]);
  expect(await modest.reserve({ ...request(code), ttlSeconds: 60 })).toMatchObject({ ok: true });
});

it('a counter below zero gives a batch no more room than single calls have', async () => {
  await installTriggers(t.pool, { schema, counterWrites: 'allow' });
  const drifted = async () => {
    const code = await newCode({ totalUsageLimit: 2 });
    await t.sql('ALTER TABLE :"schema".promo_codes DROP CONSTRAINT IF EXISTS promo_codes_times_used_check');
    await t.sql('UPDATE :"schema".promo_codes SET times_used = -2 WHERE id = $1', [code.id]);
    return code;
  };
  const [one, other, third] = [await drifted(), await drifted(), await drifted()];
  const single = [];
  for (let time = 0; time < 3; time += 1) single.push((await repository.redeem(request(one))).ok);
  expect(single).toEqual([true, true, false]);
  const many = (code: typeof one, count: number) =>
    repository.redeemMany(Array.from({ length: count }, () => request(code)));
  expect((await many(other, 3)).map(({ ok }) => ok)).toEqual(single);
  expect((await many(third, 2)).map(({ ok }) => ok)).toEqual([true, true]);
  expect(await repository.redeem(request(third))).toMatchObject({ reason: 'usage_limit_reached' });
  await assertNoDrift(t.pool, { schema });
});

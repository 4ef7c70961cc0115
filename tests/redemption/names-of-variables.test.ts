import { readdirSync, readFileSync } from 'node:fs';
import { beforeAll, expect, it } from 'vitest';
import { assertNoDrift, installTriggers, repairDrift } from '../../src/index';
import { useRepository } from '../support/repository';

const t = useRepository('names of variables');
const { repository, newCode, request, counts, schema } = t;

/** Everything that a function of sql/ declares: its arguments, its variables, and what its loops run over. */
function declaredNames(): Set<string> {
  const folder = new URL('../../sql/', import.meta.url);
  const names = new Set<string>();
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const text = file.endsWith('.sql') ? readFileSync(new URL(file, folder), 'utf8') : '';
    if (!text.includes('CREATE OR REPLACE FUNCTION')) continue;
    const [, declared = ''] = /\nDECLARE\n([\s\S]*?)\nBEGIN\n/.exec(text) ?? [];
    const [, listed = ''] = /FUNCTION :"library"\.\w+\((.*)\)\n/.exec(text) ?? [];
    const [, answered = ''] = /RETURNS TABLE \((.*)\)\n/.exec(text) ?? [];
    for (const [, name] of declared.matchAll(/^ {2}(\w+) /gm)) names.add(name!);
    for (const [, name] of `${listed}, ${answered}`.matchAll(/(?:^|, )(\w+) /g)) names.add(name!);
    for (const [, name] of text.matchAll(/\bFOR (\w+) IN\b/g)) names.add(name!);
  }
  return names;
}

beforeAll(async () => {
  const names = declaredNames();
  expect(names.size).toBeGreaterThan(80);
  const tables = [
    ...[':"schema".promo_codes', ':"schema".promo_code_uses'],
    ...[':"library".promo_code_holds', ':"library".promo_code_idempotency_keys'],
  ];
  for (const table of tables) {
    const columns = [...names].map((name) => `ADD COLUMN IF NOT EXISTS "${name}" text`);
    await t.sql(`ALTER TABLE ${table} ${columns.join(', ')}`);
  }
});

it.each(['statement', 'row'] as const)(
  'columns of the host may have the names of variables, by %s',
  async (granularity) => {
    await installTriggers(t.pool, { schema, granularity, enforceLimits: true, counterWrites: 'ignore' });
    const [one, other] = [
      await newCode({ totalUsageLimit: 4 }),
      await newCode({ bonusType: 'percentage', bonusValue: 10, maxBonus: 5 }),
    ];
    const [first, again] = [request(one, { idempotencyKey: 'k' }), request(other, { idempotencyKey: 'other' })];
    expect(await repository.redeem(first)).toMatchObject({ ok: true, use: { bonusAmount: '5.00' } });
    expect(await repository.redeem(first)).toMatchObject({ ok: true, replayed: true });
    const many = await repository.redeemMany([
      request(one),
      again,
      request(other),
      again,
      { ...request(one), code: 'NO' },
    ]);
    expect(many.map((result) => (result.ok ? result.replayed : result.reason))).toEqual([
      false,
      false,
      false,
      true,
      'not_found',
    ]);
    const batch = await Promise.all(
      [request(one), request(other), request(other)].map((each) => repository.redeem(each)),
    );
    expect(batch.map(({ ok }) => ok)).toEqual([true, true, true]);

    const held = { ...request(one), ttlSeconds: 60 };
    const hold = await repository.reserve(held);
    if (!hold.ok) throw new Error(hold.message);
    expect(await repository.redeem(request(one))).toMatchObject({ reason: 'usage_limit_reached' });
    expect(await repository.validate(request(one))).toMatchObject({ reason: 'usage_limit_reached' });
    // In the place of the hold of the same customer.
    const { ttlSeconds: _, ...purchase } = held;
    const instead = await repository.redeem(purchase);
    if (!instead.ok) throw new Error(instead.message);
    await repository.amendUse(instead.use.id, { bonusAmount: '2.50' });
    expect(await repository.rollbackUse(instead.use.id)).toMatchObject({ rolledBack: true });
    const second = await repository.reserve({ ...request(one), ttlSeconds: 60 });
    if (!second.ok) throw new Error(second.message);
    await repository.confirm(second.use.id, { transactionId: 'T' });
    await t.sql(
      'UPDATE :"library".promo_code_holds SET expires_at = now() - interval \'1 s\' WHERE released_at IS NULL',
    );
    await repository.releaseExpired();
    await repository.pruneIdempotencyKeys({ olderThanDays: 0 });
    expect(await counts(one)).toMatchObject({ timesUsed: 4, uses: 4 });
    await t.sql('UPDATE :"schema".promo_code_uses SET bonus_amount = 1 WHERE promo_code_id = $1', [one.id]);
    expect(await counts(one)).toMatchObject({ total: '4.00' });
    await t.sql('DELETE FROM :"schema".promo_code_uses WHERE promo_code_id = $1', [one.id]);
    expect(await counts(one)).toMatchObject({ timesUsed: 0, total: '0.00' });
    await assertNoDrift(t.pool, { schema });
    await t.sql('ALTER TABLE :"schema".promo_code_uses DISABLE TRIGGER USER; DELETE FROM :"schema".promo_code_uses');
    await t.sql('ALTER TABLE :"schema".promo_code_uses ENABLE TRIGGER USER');
    expect(await repairDrift(t.pool, { schema })).toHaveLength(1);
    await t.sql('TRUNCATE :"schema".promo_code_uses');
    await assertNoDrift(t.pool, { schema });
  },
);

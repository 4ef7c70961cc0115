import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { inspectTriggers, installTriggers, PromoCodeRepository, renderSql } from '../../src/index';
import { useSchema } from '../support';
import { SEED_TABLES } from '../support/host-tables';

/** The tables exactly as the first revision created them: what stands between its settings and its functions. */
const [FIRST_TABLES = ''] =
  /^CREATE TABLE IF NOT EXISTS "SCHEMA_NAME"[\s\S]*?(?=^CREATE OR REPLACE FUNCTION)/m.exec(
    readFileSync(new URL('./fixtures/installed-by-revision-1.sql', import.meta.url), 'utf8'),
  ) ?? [];
const SAVED_ROWS = `
  INSERT INTO :"schema".promo_code_idempotency_keys SELECT * FROM :"schema".saved_keys;
  INSERT INTO :"schema".promo_code_holds SELECT * FROM :"schema".saved_holds`;

const t = useSchema('own tables');
const { pool, schema, sql } = t;

it.each([
  ['installTriggers', () => installTriggers(pool, { schema })],
  ['a rendered script', () => sql(renderSql('triggers', { schema }))],
])('keys and holds of the first layout survive %s and go on', async (_, install) => {
  await sql('DROP SCHEMA IF EXISTS :"schema", :"library" CASCADE; CREATE SCHEMA :"schema"');
  await sql(SEED_TABLES);
  await installTriggers(pool, { schema });
  const repository = new PromoCodeRepository(pool, { schema });
  const tomorrow = new Date(Date.now() + 86_400_000);
  const code = await repository.create({
    code: 'OLD',
    shopId: 's',
    bonusValue: 5,
    perCustomerLimit: null,
    endDate: tomorrow,
  });
  const ask = { code: 'OLD', shopId: 's', customerAddress: 'ann', baseReward: 10 };
  const keyed = { ...ask, idempotencyKey: 'old' };
  await repository.redeem(keyed);
  const [confirmed, expired] = [
    await repository.reserve({ ...ask, ttlSeconds: 600 }),
    await repository.reserve({ ...ask, ttlSeconds: 600 }),
  ];
  if (!confirmed.ok || !expired.ok) throw new Error('not reserved');
  await sql(`CREATE TABLE :"schema".saved_keys AS
               SELECT shop_id, idempotency_key, fingerprint, use_id, created_at FROM :"library".promo_code_idempotency_keys;
             CREATE TABLE :"schema".saved_holds AS
               SELECT use_id, promo_code_id, customer_address, expires_at, released_at, released_as FROM :"library".promo_code_holds;
             DROP TABLE :"library".promo_code_idempotency_keys, :"library".promo_code_holds, :"library".promo_code_rate_limits`);
  await sql(FIRST_TABLES.replaceAll('"SCHEMA_NAME"', ':"schema"').replaceAll("'SCHEMA_NAME'", ":'schema'"));
  await sql(SAVED_ROWS);

  const before = await inspectTriggers(pool, { schema });
  expect(before.objects.filter(({ state }) => state !== 'ok').map(({ name, state }) => [name, state])).toEqual([
    ['promo_code_idempotency_keys', 'outdated'],
    ['promo_code_holds', 'outdated'],
    ['promo_code_rate_limits', 'outdated'],
  ]);
  await install();
  expect(await inspectTriggers(pool, { schema })).toMatchObject({ ok: true });

  expect(await repository.redeem(keyed)).toMatchObject({ ok: true, replayed: true });
  expect(await repository.confirm(confirmed.use.id)).toMatchObject({ id: confirmed.use.id });
  await sql(`UPDATE :"library".promo_code_holds SET expires_at = now() - interval '1 s'`);
  expect(await repository.releaseExpired()).toEqual({ released: 1, remaining: false });
  expect(await repository.findById(code.id)).toMatchObject({ timesUsed: 2 });
  // Nothing but the number is known of the key; what has the number now is no use of this customer.
  await sql(`UPDATE :"schema".promo_code_uses SET customer_address = 'eve', used_at = used_at + interval '1 s'`);
  expect(await repository.redeem(keyed)).toMatchObject({ ok: false, reason: 'rolled_back' });
  // An earlier version allowed two ways of being released, and this is a third.
  expect(await repository.rollbackUse(confirmed.use.id)).toEqual({ rolledBack: true });
  const { rows } = await sql('SELECT released_as FROM :"library".promo_code_holds WHERE use_id = $1', [
    confirmed.use.id,
  ]);
  expect(rows).toEqual([{ released_as: 'rolled_back' }]);
});

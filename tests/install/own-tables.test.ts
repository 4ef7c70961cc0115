import { expect, it } from 'vitest';
import { inspectTriggers, installTriggers, PromoCodeRepository, renderSql } from '../../src/index';
import { useSchema } from '../support';
import { SEED_TABLES } from '../support/host-tables';

/** The tables as the first revision created them. */
const FIRST_LAYOUT = `
  CREATE TABLE :"schema".promo_code_idempotency_keys (
    shop_id text NOT NULL, idempotency_key text NOT NULL, fingerprint bytea NOT NULL, use_id bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (shop_id, idempotency_key));
  CREATE TABLE :"schema".promo_code_holds (
    use_id bigint PRIMARY KEY, promo_code_id bigint NOT NULL, customer_address text NOT NULL, expires_at timestamptz NOT NULL,
    released_at timestamptz, released_as text CHECK (released_as IN ('expired', 'replaced')));
  ALTER TABLE :"schema".promo_code_idempotency_keys ENABLE ROW LEVEL SECURITY;
  ALTER TABLE :"schema".promo_code_holds ENABLE ROW LEVEL SECURITY;
  INSERT INTO :"schema".promo_code_idempotency_keys SELECT * FROM :"schema".saved_keys;
  INSERT INTO :"schema".promo_code_holds SELECT * FROM :"schema".saved_holds`;

const t = useSchema('own tables');
const { pool, schema, sql } = t;

it.each([
  ['installTriggers', () => installTriggers(pool, { schema })],
  ['a rendered script', () => sql(renderSql('triggers', { schema }))],
])('keys and holds of the first layout survive %s and go on', async (_, install) => {
  await sql('DROP SCHEMA :"schema" CASCADE; CREATE SCHEMA :"schema"');
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
               SELECT shop_id, idempotency_key, fingerprint, use_id, created_at FROM :"schema".promo_code_idempotency_keys;
             CREATE TABLE :"schema".saved_holds AS
               SELECT use_id, promo_code_id, customer_address, expires_at, released_at, released_as FROM :"schema".promo_code_holds;
             DROP TABLE :"schema".promo_code_idempotency_keys, :"schema".promo_code_holds`);
  await sql(FIRST_LAYOUT);

  const before = await inspectTriggers(pool, { schema });
  expect(before.objects.filter(({ state }) => state !== 'ok').map(({ name, state }) => [name, state])).toEqual([
    ['promo_code_idempotency_keys', 'outdated'],
    ['promo_code_holds', 'outdated'],
  ]);
  await install();
  expect(await inspectTriggers(pool, { schema })).toMatchObject({ ok: true });

  expect(await repository.redeem(keyed)).toMatchObject({ ok: true, replayed: true });
  expect(await repository.confirm(confirmed.use.id)).toMatchObject({ id: confirmed.use.id });
  await sql(`UPDATE :"schema".promo_code_holds SET expires_at = now() - interval '1 s'`);
  expect(await repository.releaseExpired()).toEqual({ released: 1, remaining: false });
  expect(await repository.findById(code.id)).toMatchObject({ timesUsed: 2 });
  // Nothing but the number is known of the key; what has the number now is no use of this customer.
  await sql(`UPDATE :"schema".promo_code_uses SET customer_address = 'eve', used_at = used_at + interval '1 s'`);
  expect(await repository.redeem(keyed)).toMatchObject({ ok: false, reason: 'rolled_back' });
});

import { expect, it } from 'vitest';
import { checkDrift, installSchema, PromoCodeRepository } from '../../src/index';
import { useSchema, waitUntilBlocked } from '../support';
import { useHistory } from './fixture';

const t = useHistory();
const { repository, redeem, newCode, request } = t;

it('puts another name into uses, holds, keys and history, and leaves counters and limits as they are', async () => {
  const [code, other] = [await newCode(), await newCode({ totalUsageLimit: 5 })];
  const of = { customerAddress: ' Ann@Example.com' };
  const id = await redeem(code, { ...of, idempotencyKey: 'key-of-ann', transactionId: 'order-1' });
  await repository.amendUse(id, { bonusAmount: '4.00' });
  await repository.rollbackUse(await redeem(other, of), { actor: 'ann@example.com', reason: 'own wish' });
  const held = await repository.reserve({ ...request(other, of), ttlSeconds: 60 });
  // Once she had another name.
  await t.sql(`UPDATE :"schema".promo_code_uses SET customer_address = 'ANN@example.com' WHERE id = ${id}`);
  const bob = await redeem(code, { customerAddress: 'bob' });
  await t.sql(`UPDATE :"schema".promo_code_uses SET customer_address = 'bobby' WHERE id = ${bob}`);
  expect(await t.kinds({ customerAddress: 'bob' })).toEqual(['redeemed', 'amended']);

  await expect(repository.eraseCustomer('ann@example.com', { replacement: 'BOBBY' })).rejects.toThrow(
    /replacement: must not be a customer/,
  );
  await expect(repository.eraseCustomer('ann@example.com', { replacement: 'bob ' })).rejects.toThrow(
    /must not be a customer/,
  );
  expect(await repository.eraseCustomer('ANN@example.com ', { replacement: 'Erased-1' })).toEqual({
    codes: 0,
    uses: 2,
    holds: 2,
    keys: 1,
    records: 8,
  });

  const tables = ['promo_code_holds', 'promo_code_idempotency_keys', 'promo_code_history'].map(
    (table) => `:"library".${table}`,
  );
  for (const table of [...tables, ':"schema".promo_code_uses']) {
    const { rows } = await t.sql<{ row: string }>(
      `SELECT h::text AS row FROM ${table} AS h WHERE h::text ILIKE '%ann@example%'`,
    );
    expect(rows, table).toEqual([]);
  }
  expect(await t.kinds({ customerAddress: 'ann@example.com' })).toEqual([]);
  const items = await t.all({ customerAddress: 'erased-1', useId: id });
  expect(items.map(({ kind, reason }) => [kind, reason])).toEqual([
    ['redeemed', null],
    ['amended', null],
    ['amended', null],
    ['amended', 'customer erased'],
  ]);
  expect(items.at(-1)).toMatchObject({
    before: { customerAddress: 'erased-1' },
    after: { customerAddress: 'erased-1' },
  });
  expect(await t.all({ customerAddress: 'erased-1', promoCodeId: other.id })).toContainEqual(
    expect.objectContaining({ kind: 'rolled_back', actor: 'erased-1', reason: 'own wish' }),
  );
  expect(await checkDrift(t.pool, { schema: t.schema })).toEqual([]);

  // The replacement has used what she had; she begins anew; her key is a conflict.
  expect(await repository.redeem(request(code, { customerAddress: 'erased-1' }))).toMatchObject({
    reason: 'customer_limit_reached',
  });
  await expect(
    repository.redeem(request(code, { ...of, idempotencyKey: 'key-of-ann', transactionId: 'order-1' })),
  ).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
  expect(await repository.redeem(request(code, of))).toMatchObject({ ok: true });
  expect(await repository.confirm(held.ok ? held.use.id : '')).toMatchObject({ customerAddress: 'erased-1' });

  // Repeated it finds nothing to do, and undone it was never done.
  expect(await repository.eraseCustomer('nobody', { replacement: 'erased-1' })).toEqual({
    codes: 0,
    uses: 0,
    holds: 0,
    keys: 0,
    records: 0,
  });
  const client = await t.client();
  await client.query('BEGIN');
  expect(await repository.eraseCustomer('bobby', { replacement: 'erased-2', client })).toMatchObject({ uses: 1 });
  await client.query('ROLLBACK');
  expect(await t.kinds({ customerAddress: 'bobby' })).toEqual(['amended']);
  await expect(repository.eraseCustomer('bobby', { replacement: ' ' })).rejects.toMatchObject({
    issues: [{ path: 'replacement' }],
  });
});

it('what the customer reserves meanwhile keeps its use, hold, key and record, or none of them', async () => {
  const [code, other] = [await newCode(), await newCode()];
  const id = await redeem(code, { customerAddress: 'zoe' });
  const [holder, eraser] = [await t.client(), await t.client()];
  await holder.query('BEGIN');
  await holder.query(t.expand(`SELECT FROM :"schema".promo_code_uses WHERE id = ${id} FOR UPDATE`));
  const erased = repository.eraseCustomer('zoe', { replacement: 'erased-zoe' }, { client: eraser });
  await waitUntilBlocked(t.pool, eraser);
  const asked = { ...request(other, { customerAddress: 'zoe', idempotencyKey: 'key-of-zoe' }), ttlSeconds: 60 };
  const held = await repository.reserve(asked);
  await holder.query('COMMIT');
  expect(await erased).toMatchObject({ uses: 1, holds: 0, keys: 0 });
  const { rows } = await t.sql(
    `SELECT u.customer_address AS use, h.customer_address AS hold, e.customer_address AS key
       FROM :"schema".promo_code_uses AS u
       LEFT JOIN :"library".promo_code_holds AS h ON h.use_id = u.id
       LEFT JOIN :"library".promo_code_idempotency_keys AS e ON e.use_id = u.id
      WHERE u.promo_code_id = $1`,
    [other.id],
  );
  expect(rows).toEqual([{ use: 'zoe', hold: 'zoe', key: 'zoe' }]);
  expect(await t.all({ promoCodeId: other.id })).toMatchObject([{ kind: 'reserved', customerAddress: 'zoe' }]);
  expect(await repository.reserve(asked)).toMatchObject({
    ok: true,
    replayed: true,
    use: held.ok && { id: held.use.id },
  });
});

it('two at once with one replacement: the second finds that it is a customer', async () => {
  const code = await newCode();
  for (const customerAddress of ['yan', 'yves']) await redeem(code, { customerAddress });
  const [first, second] = [await t.client(), await t.client()];
  await first.query('BEGIN');
  await repository.eraseCustomer('yan', { replacement: 'erased-y', client: first });
  const refused = expect(repository.eraseCustomer('yves', { replacement: 'Erased-Y', client: second })).rejects.toThrow(
    /must not be a customer/,
  );
  await waitUntilBlocked(t.pool, second);
  await first.query('COMMIT');
  await refused;
});

it('works without a history', async () => {
  await installSchema(bare.pool, { schema: bare.schema, enforceLimits: true });
  const plain = new PromoCodeRepository(bare.pool, { schema: bare.schema });
  const code = await plain.create({ code: 'C', shopId: 's', bonusValue: 5 });
  await plain.redeem({ code: 'C', shopId: 's', customerAddress: 'ann', baseReward: 1 });
  expect(await plain.eraseCustomer('ann', { replacement: 'x' })).toEqual({
    ...{ codes: 0, uses: 1, holds: 0, keys: 0, records: 0 },
  });
  expect((await plain.usesByCode(code.id)).items).toMatchObject([{ customerAddress: 'x' }]);
  await expect(plain.history()).rejects.toMatchObject({ code: 'NOT_INSTALLED' });

  // Whom a code is bound to is a customer, too, whether or not he has used it.
  const bound = await plain.create({ code: 'BOUND', shopId: 's', bonusValue: 5, customerAddress: ' Bob ' });
  await plain.create({ code: 'OTHER', shopId: 's', bonusValue: 5, customerAddress: 'carol' });
  await expect(plain.eraseCustomer('bob', { replacement: 'Carol' })).rejects.toThrow(/must not be a customer/);
  expect(await plain.eraseCustomer('BOB', { replacement: 'erased-2' })).toMatchObject({ codes: 1, uses: 0 });
  const erased = await plain.findById(bound.id);
  expect(erased).toMatchObject({ customerAddress: 'erased-2' });
  expect(erased!.updatedAt > bound.updatedAt).toBe(true);
  const request = { code: 'BOUND', shopId: 's', baseReward: 1 };
  expect(await plain.redeem({ ...request, customerAddress: 'bob' })).toMatchObject({ reason: 'not_for_customer' });
});

it('waits for a code before it holds a use of it, as everybody does', async () => {
  const plain = new PromoCodeRepository(bare.pool, { schema: bare.schema });
  const code = await plain.create({ code: 'ORDER', shopId: 's', bonusValue: 5 });
  const used = await plain.redeem({ code: 'ORDER', shopId: 's', customerAddress: 'dan', baseReward: 1 });
  const [writer, eraser] = [await bare.client(), await bare.client()];
  await writer.query('BEGIN');
  await writer.query(bare.expand('SELECT FROM :"schema".promo_codes WHERE id = $1 FOR NO KEY UPDATE'), [code.id]);
  const erased = plain.eraseCustomer('dan', { replacement: 'erased-3', client: eraser });
  await waitUntilBlocked(bare.pool, eraser);
  // It would be a deadlock.
  expect(await plain.rollbackUse(used.ok ? used.use.id : '', { client: writer })).toEqual({ rolledBack: true });
  await writer.query('COMMIT');
  expect(await erased).toMatchObject({ uses: 0, holds: 1 });
});

const bare = useSchema('bare');

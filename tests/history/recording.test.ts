import { describe, expect, it } from 'vitest';
import { checkDrift } from '../../src/index';
import { cases } from '../support';
import { HOSTS, useHistory } from './fixture';

describe.each(cases('hosts of a history', HOSTS, (_, index) => index === 0 || index === 4))('$name', (host) => {
  const t = useHistory(host);
  const { repository, redeem, kinds, newCode, request } = t;
  const isKept = host.uses !== undefined;
  const uses = ':"schema".promo_code_uses';

  it('a redemption, its amendment, and its rollback with reason and actor', async () => {
    const code = await newCode();
    const id = await redeem(code, { transactionId: 'order-1', customerAddress: ' Ann@Example.com ' });
    await repository.amendUse(id, { bonusAmount: '4.50' });
    await repository.amendUse(id, { bonusAmount: '4.50' });
    await repository.rollbackUse(id, { reason: 'order cancelled', actor: 'support:ann' });
    expect(await repository.rollbackUse(id, { reason: 'once more' })).toEqual({ rolledBack: false });
    const items = await t.all({ useId: id });
    const of = {
      useId: id,
      promoCodeId: code.id,
      shopId: 'shop',
      customerAddress: 'ann@example.com',
      transactionId: 'order-1',
    };
    expect(items).toMatchObject([
      {
        kind: 'redeemed',
        ...of,
        before: null,
        after: { id, bonusAmount: '5.00', totalReward: '15.00' },
        reason: null,
        actor: null,
      },
      { kind: 'amended', ...of, before: { bonusAmount: '5.00' }, after: { bonusAmount: '4.50', totalReward: '14.50' } },
      {
        kind: 'rolled_back',
        ...of,
        before: { bonusAmount: '4.50' },
        after: null,
        reason: 'order cancelled',
        actor: 'support:ann',
      },
    ]);
    expect(Math.abs(items[0]!.after!.usedAt.getTime() - items[0]!.at.getTime())).toBeLessThan(10_000);
    expect(Object.keys(items[0]!).sort()).toEqual(
      [
        'id',
        'at',
        'kind',
        'useId',
        'promoCodeId',
        'shopId',
        'customerAddress',
        'before',
        'after',
        'reason',
        'actor',
        'transactionId',
      ].sort(),
    );
    // What it says of itself ends with it.
    const next = await redeem(code);
    expect(await t.all({ useId: next })).toMatchObject([{ reason: null, actor: null }]);
  });

  it('holds: reserved, confirmed, released, rolled back, replaced', async () => {
    const code = await newCode({ perCustomerLimit: null });
    const hold = async (fields = {}) => {
      const result = await repository.reserve({ ...request(code, fields), ttlSeconds: 60 });
      if (!result.ok) throw new Error(result.reason);
      return result.use.id;
    };
    const [plain, forOrder, undone, late] = [await hold(), await hold(), await hold(), await hold()];
    await repository.confirm(plain);
    await repository.confirm(forOrder, { transactionId: 'order-2' });
    await repository.confirm(forOrder, { transactionId: 'order-2' });
    await repository.rollbackUse(undone);
    await t.sql(`UPDATE :"library".promo_code_holds SET expires_at = now() WHERE use_id = '${late}'`);
    await repository.releaseExpired();
    expect(await kinds({ useId: plain })).toEqual(['reserved', 'confirmed']);
    expect(await t.all({ useId: forOrder })).toMatchObject([
      { kind: 'reserved', after: { transactionId: null } },
      {
        kind: 'confirmed',
        transactionId: 'order-2',
        before: { transactionId: null },
        after: { transactionId: 'order-2' },
      },
    ]);
    expect(await kinds({ useId: undone })).toEqual(['reserved', 'rolled_back']);
    expect(await t.all({ useId: late })).toMatchObject([
      { kind: 'reserved' },
      { kind: 'released', reason: 'expired', after: null },
    ]);
    const once = await newCode();
    const first = await repository.reserve({ ...request(once, { customerAddress: 'bob' }), ttlSeconds: 60 });
    await redeem(once, { customerAddress: 'bob' });
    expect(await t.all({ promoCodeId: once.id })).toMatchObject([
      { kind: 'reserved' },
      { kind: 'released', reason: 'replaced', useId: first.ok && first.use.id },
      { kind: 'redeemed' },
    ]);
  });

  it('statements of the host: many rows at once, moves, other ids, what changes nothing', async () => {
    const [code, other] = [await newCode(), await newCode()];
    const values = (customer: string) => `('${code.id}', '${customer}', 'shop', 1, 2, 3)`;
    const columns = '(promo_code_id, customer_address, shop_id, base_reward, bonus_amount, total_reward)';
    const { rows } = await t.sql<{ id: string }>(
      `INSERT INTO ${uses} ${columns} VALUES ${['A', 'B', 'C'].map(values).join(', ')} RETURNING id::text AS id`,
    );
    const ids = rows.map(({ id }) => id).join("', '");
    await t.sql(`UPDATE ${uses} SET base_reward = base_reward WHERE id IN ('${ids}')`);
    const client = await t.client();
    await client.query('BEGIN');
    await client.query(
      "SELECT set_config('pg_promo_codes.reason', 'merged', true), set_config('pg_promo_codes.actor', 'dba', true)",
    );
    await client.query(
      t.expand(`UPDATE ${uses} SET promo_code_id = '${other.id}', bonus_amount = 1 WHERE id IN ('${ids}')`),
    );
    await client.query('COMMIT');
    const moved = await t.all({ promoCodeId: other.id });
    expect(moved).toMatchObject(
      ['a', 'b', 'c'].map((customerAddress) => ({
        ...{ kind: 'moved', customerAddress, reason: 'merged', actor: 'dba', promoCodeId: other.id },
        ...{
          before: { promoCodeId: code.id, bonusAmount: '2.00' },
          after: { promoCodeId: other.id, bonusAmount: '1.00' },
        },
      })),
    );
    expect(await kinds({ promoCodeId: code.id })).toEqual([...Array(3).fill('redeemed'), ...Array(3).fill('moved')]);
    // It is another use for everybody who knows it by its id.
    const newId = host.useId?.startsWith('uuid') ? '00000000-0000-4000-8000-000000000001' : '987654321';
    await t.sql(`UPDATE ${uses} SET id = '${newId}' WHERE id = '${rows[0]!.id}'`);
    expect(await kinds({ useId: rows[0]!.id })).toEqual(['redeemed', 'moved', 'rolled_back']);
    expect(await kinds({ useId: newId })).toEqual(['redeemed']);
    await t.sql(`DELETE FROM ${uses} WHERE promo_code_id = '${other.id}'`);
    expect(await kinds({ useId: newId })).toEqual(['redeemed', 'rolled_back']);
    const { sum } = (
      await t.sql(`SELECT sum(times_used)::int AS sum FROM :"schema".promo_codes WHERE id = '${other.id}'`)
    ).rows[0]!;
    expect(sum).toBe(0);
  });

  it('a cascade from a code, and what is undone leaves no record', async () => {
    const code = await newCode();
    const id = await redeem(code);
    const client = await t.client();
    await client.query('BEGIN');
    const undone = await repository.redeem(request(code), { client });
    expect(await repository.history({ promoCodeId: code.id }, { client })).toMatchObject({ items: [{}, {}] });
    await client.query('SAVEPOINT s');
    await repository.rollbackUse(id, { client });
    await client.query('ROLLBACK TO s');
    await client.query('ROLLBACK');
    expect(await kinds({ useId: undone.ok ? undone.use.id : '' })).toEqual([]);
    await t.sql(`DELETE FROM :"schema".promo_codes WHERE id = '${code.id}'`);
    expect(await t.all({ useId: id })).toMatchObject([
      { kind: 'redeemed' },
      { kind: 'rolled_back', shopId: 'shop', promoCodeId: code.id },
    ]);
  });

  it('nothing of another shop than the one among the options', async () => {
    const code = await newCode();
    const id = await redeem(code, { customerAddress: 'of the shop' });
    const none = { items: [], nextCursor: null };
    for (const filter of [{ promoCodeId: code.id }, { useId: id }, { customerAddress: 'of the shop' }]) {
      expect(await repository.history({ ...filter, shopId: 'another' })).toEqual(none);
      expect(await repository.history(filter, { shopId: 'theirs' })).toEqual(none);
      expect((await repository.history({ ...filter, shopId: 'shop' })).items).toMatchObject([{ useId: id }]);
    }
    expect((await repository.history({ limit: 10_000 }, { shopId: 'another' })).items).toEqual([]);
    await expect(repository.history({ useId: id }, { shopId: '' })).rejects.toMatchObject({
      issues: [{ path: 'shopId' }],
    });
  });

  it.runIf(isKept)('uses that are kept count, count no more, and count again', async () => {
    const code = await newCode();
    const id = await redeem(code);
    const column = host.options!.tables!.uses!.rolledBack!.column;
    const write = (value: string) => t.sql(`UPDATE ${uses} SET ${column} = ${value} WHERE id = '${id}'`);
    const [over, counts] = column === 'status' ? ["'void'", "'used'"] : ['now()', 'NULL'];
    await write(over);
    await write(over);
    await write(counts);
    await write(over);
    await t.sql(`DELETE FROM ${uses} WHERE id = '${id}'`);
    expect(await kinds({ useId: id })).toEqual(['redeemed', 'rolled_back', 'redeemed', 'rolled_back']);
  });

  it.runIf(host.uses?.includes('status'))('a hold by the word of the host', async () => {
    const code = await newCode();
    const { rows } = await t.sql<{ id: string }>(
      `INSERT INTO ${uses} (promo_code_id, customer_address, shop_id, status) VALUES ('${code.id}', 'eve', 'shop', 'held') RETURNING id`,
    );
    await t.sql(`UPDATE ${uses} SET status = 'used', transaction_id = 'order-3' WHERE id = '${rows[0]!.id}'`);
    expect(await t.all({ useId: rows[0]!.id })).toMatchObject([
      { kind: 'reserved' },
      { kind: 'confirmed', transactionId: 'order-3' },
    ]);
  });

  it('replayed they are the uses that there are, whatever statements have written them', async () => {
    const [code, other] = [await newCode({ perCustomerLimit: null }), await newCode({ perCustomerLimit: null })];
    const columns = '(promo_code_id, customer_address, shop_id, bonus_amount)';
    const values = (bonus: number, shop = 'shop') => `('${code.id}', 'x', '${shop}', ${bonus})`;
    const type = host.reference ?? 'bigint';
    const [here, there] = [`'${code.id}'::${type}`, `'${other.id}'::${type}`];
    const statements = [
      `INSERT INTO ${uses} ${columns} VALUES ${values(1)}, ${values(2)}, ${values(3, 'elsewhere')}`,
      `WITH gone AS (DELETE FROM ${uses} WHERE promo_code_id = ${here} AND bonus_amount = 1 RETURNING *),
            raised AS (UPDATE ${uses} SET bonus_amount = 4 WHERE promo_code_id = ${here} AND bonus_amount = 2)
       INSERT INTO ${uses} ${columns} SELECT promo_code_id, 'y', shop_id, 5 FROM gone`,
      `UPDATE ${uses} SET shop_id = CASE WHEN shop_id = 'shop' THEN 'elsewhere' ELSE 'shop' END WHERE promo_code_id = ${here}`,
      `UPDATE ${uses} SET promo_code_id = ${there}, bonus_amount = 6 WHERE promo_code_id = ${here} AND bonus_amount > 3`,
      `UPDATE ${uses} SET promo_code_id = CASE WHEN promo_code_id = ${here} THEN ${there} ELSE ${here} END
        WHERE promo_code_id IN (${here}, ${there})`,
    ];
    if (!host.partitions)
      statements.push(
        `INSERT INTO ${uses} (id, promo_code_id, customer_address, shop_id, bonus_amount)
         SELECT u.id, u.promo_code_id, 'z', u.shop_id, 7 FROM ${uses} AS u WHERE u.promo_code_id = ${here}
             ON CONFLICT (id) DO UPDATE SET bonus_amount = excluded.bonus_amount`,
      );
    if (t.version >= 15)
      statements.push(
        `MERGE INTO ${uses} AS u
         USING (SELECT id, row_number() OVER (ORDER BY id) AS n FROM ${uses} WHERE promo_code_id IN (${here}, ${there})
                UNION ALL SELECT NULL, 3) AS s ON u.id = s.id
          WHEN MATCHED AND s.n = 1 THEN DELETE
          WHEN MATCHED THEN UPDATE SET promo_code_id = ${there}, bonus_amount = 8
          WHEN NOT MATCHED THEN INSERT ${columns} VALUES ${values(9)}`,
      );
    for (const statement of statements) {
      await t.sql(statement);
      const replayed = new Map<string, string>();
      for (const { useId, before, after } of await t.all()) {
        expect(replayed.get(useId), statement).toBe(before ? JSON.stringify(before) : undefined);
        if (after) replayed.set(useId, JSON.stringify(after));
        else replayed.delete(useId);
      }
      const kept = host.uses?.includes('status') ? "status IN ('used', 'held')" : 'cancelled_at IS NULL';
      const { rows } = await t.sql<Record<'id' | 'promoCodeId' | 'bonusAmount', string>>(
        `SELECT id::text AS id, promo_code_id::text AS "promoCodeId", bonus_amount::text AS "bonusAmount"
           FROM ${uses} ${isKept ? `WHERE ${kept}` : ''}`,
      );
      const states = [...replayed.values()].map((state) => JSON.parse(state) as (typeof rows)[number]);
      const inOrder = (found: typeof rows) =>
        found.map((state) => [state.id, state.promoCodeId, state.bonusAmount]).sort();
      expect(inOrder(states), statement).toEqual(inOrder(rows));
    }
    expect(await checkDrift(t.pool, { schema: t.schema })).toEqual([]);
  });

  it('TRUNCATE: every use that counted, once', async () => {
    const code = await newCode();
    const [first, second] = [await redeem(code), await redeem(code)];
    await repository.rollbackUse(second);
    await t.sql(
      `INSERT INTO ${uses} (promo_code_id, customer_address, shop_id) VALUES ('${code.id}', 'eve', 'elsewhere')`,
    );
    await t.sql(host.partitions ? 'TRUNCATE :"schema".uses_of_shop' : `TRUNCATE ${uses}`);
    expect(await t.all({ useId: first })).toMatchObject([
      { kind: 'redeemed' },
      { kind: 'truncated', before: { bonusAmount: '5.00' }, after: null },
    ]);
    expect(await kinds({ useId: second })).toEqual(['redeemed', 'rolled_back']);
    expect(await kinds({ customerAddress: 'eve', promoCodeId: code.id })).toEqual(
      host.partitions ? ['redeemed'] : ['redeemed', 'truncated'],
    );
    await t.sql(`TRUNCATE ${uses}`);
    expect(await kinds({ customerAddress: 'eve', promoCodeId: code.id })).toEqual(['redeemed', 'truncated']);
    const { rows } = await t.sql<{ n: string }>(`SELECT count(*) AS n FROM ${uses}`);
    expect(rows).toEqual([{ n: '0' }]);
  });
});

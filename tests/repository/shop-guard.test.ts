import { describe, expect, it } from 'vitest';
import {
  installTriggers,
  NotFoundError,
  type PromoCode,
  PromoCodeRepository,
  type PromoCodeUse,
} from '../../src/index';
import { useSchema, waitUntilBlocked } from '../support';
import { SEED_TABLES } from '../support/host-tables';
import { useRepository } from '../support/repository';

const THEIRS = { shopId: 'theirs' };
const MINE = { shopId: 'mine' };
const NONE = '987654321';

describe.each(['own', 'seed'] as const)('the shop among the options, on the tables of %s', (tables) => {
  const t = useRepository(`guard ${tables}`, { tables });
  const { repository, newCode, request } = t;

  async function newUse(code: PromoCode): Promise<PromoCodeUse> {
    const result = await repository.redeem(request(code));
    if (!result.ok) throw new Error(result.message);
    return result.use;
  }

  async function newHold(code: PromoCode): Promise<string> {
    const result = await repository.reserve({ ...request(code), ttlSeconds: 60 });
    if (!result.ok) throw new Error(result.message);
    return result.use.id;
  }

  /** Every row that a call could write. */
  async function everything() {
    const { rows } = await t.sql(
      `SELECT (SELECT json_agg(c ORDER BY c.id) FROM :"schema".promo_codes AS c)::text AS codes,
              (SELECT json_agg(u ORDER BY u.id) FROM :"schema".promo_code_uses AS u)::text AS uses,
              (SELECT json_agg(h ORDER BY h.use_id) FROM :"library".promo_code_holds AS h)::text AS holds`,
    );
    return rows;
  }

  const CALLS: Record<string, (code: string, use: string, shop: object) => Promise<unknown>> = {
    'update()': (code, _, shop) => repository.update(code, { name: 'x' }, shop),
    'activate()': (code, _, shop) => repository.activate(code, shop),
    'deactivate()': (code, _, shop) => repository.deactivate(code, shop),
    'delete()': (code, _, shop) => repository.delete(code, shop),
    'usageStats()': (code, _, shop) => repository.usageStats(code, { days: 1 }, shop),
    'amendUse()': (_, use, shop) => repository.amendUse(use, { bonusAmount: 1 }, shop),
    'confirm()': (_, use, shop) => repository.confirm(use, shop),
  };

  it.each(Object.entries(CALLS))(
    '%s finds nothing of another shop, says what it says of nothing, and writes nothing',
    async (_, call) => {
      const code = await newCode(MINE);
      const use = await newUse(code);
      const before = await everything();
      const refusal = async (code: string, use: string) => {
        const error: unknown = await call(code, use, THEIRS).catch((thrown) => thrown);
        expect(error).toBeInstanceOf(NotFoundError);
        return (error as Error).message.replace(/id \d+/, 'id');
      };
      expect(await refusal(code.id, use.id)).toBe(await refusal(NONE, NONE));
      expect(await everything()).toEqual(before);
      await expect(call(code.id, use.id, MINE)).resolves.toBeDefined();
    },
  );

  it('what answers without an error does so for another shop', async () => {
    const code = await newCode(MINE);
    const use = await newUse(code);
    const before = await everything();
    const page = { items: [], nextCursor: null };
    for (const id of [code.id, NONE]) {
      expect(await repository.findById(id, THEIRS)).toBeNull();
      expect(await repository.usesByCode(id, THEIRS)).toEqual(page);
      expect(await repository.usesByCode(id, { limit: 1 }, THEIRS)).toEqual(page);
    }
    for (const id of [use.id, NONE]) expect(await repository.rollbackUse(id, THEIRS)).toEqual({ rolledBack: false });
    expect(await everything()).toEqual(before);
    expect(await repository.findById(code.id, MINE)).toMatchObject({ id: code.id });
    expect((await repository.usesByCode(code.id, { limit: 1, ...MINE })).items).toEqual([use]);
    expect(await repository.rollbackUse(use.id, MINE)).toEqual({ rolledBack: true });
    expect(await repository.rollbackUse(use.id, MINE)).toEqual({ rolledBack: false });
  });

  it('holds are guarded as uses are, those whose time ran out as well', async () => {
    const code = await newCode(MINE);
    const [hold, late] = [await newHold(code), await newHold(code)];
    await t.sql(`UPDATE :"library".promo_code_holds SET expires_at = now() - interval '1 s' WHERE use_id = $1`, [late]);
    await expect(repository.confirm(hold, THEIRS)).rejects.toThrow(`use with the id ${hold} in the shop theirs`);
    for (let time = 0; time < 2; time += 1) {
      await expect(repository.confirm(late, THEIRS)).rejects.toBeInstanceOf(NotFoundError);
      await expect(repository.confirm(late, MINE)).rejects.toMatchObject({ code: 'HOLD_EXPIRED' });
      await repository.releaseExpired();
    }
    expect(await repository.confirm(hold, undefined, MINE)).toMatchObject({ id: hold, shopId: 'mine' });
  });

  it('update() writes nothing where the code went to another shop while it was being checked', async () => {
    const code = await newCode(MINE);
    const mover = await t.client();
    await mover.query('BEGIN');
    await mover.query(t.expand(`UPDATE :"schema".promo_codes SET shop_id = 'theirs' WHERE id = $1`), [code.id]);
    const updater = await t.client();
    const updating = repository.update(code.id, { name: 'x' }, { client: updater, ...MINE }).catch((error) => error);
    await waitUntilBlocked(t.pool, updater);
    await mover.query('COMMIT');
    expect(await updating).toBeInstanceOf(NotFoundError);
    expect(await repository.findById(code.id, THEIRS)).toMatchObject({ name: null });
  });

  it('is part of the transaction of the host, and checked like every option', async () => {
    const code = await newCode(MINE);
    const use = await newUse(code);
    const client = await t.client();
    await client.query('BEGIN');
    expect(await repository.rollbackUse(use.id, { client, ...THEIRS })).toEqual({ rolledBack: false });
    expect(await repository.rollbackUse(use.id, { client, ...MINE })).toEqual({ rolledBack: true });
    expect(await repository.usageStats(code.id, { client, ...MINE, days: 1 })).toMatchObject({ totalUses: 0 });
    await client.query('ROLLBACK');
    expect(await repository.usageStats(code.id, MINE)).toMatchObject({ totalUses: 1 });
    const wrong = { issues: [{ path: 'shopId' }] };
    for (const call of [
      () => repository.findById(code.id, { shopId: '' }),
      () => repository.rollbackUse(use.id, { shopId: {} as never }),
      () => repository.usesByCode(code.id, { shopId: '\0' }),
      () => repository.confirm(use.id, { shopId: ' ' }),
      // One that would be left unread must not seem to guard.
      () => repository.usesByCode(code.id, { shopId: 'theirs' } as object, { client }),
    ]) {
      await expect(call()).rejects.toMatchObject(wrong);
    }
    expect(await repository.findById(code.id, { shopId: undefined })).toMatchObject({ id: code.id });
  });
});

describe('shops that are numbers', () => {
  const t = useSchema('numbered shops');
  const repository = new PromoCodeRepository(t.pool, { schema: t.schema });

  it('are guarded by any form of the number, and by the shop of the code where uses have none', async () => {
    await t.sql(SEED_TABLES);
    await t.sql(`ALTER TABLE :"schema".promo_codes ALTER shop_id TYPE integer USING 0;
                 ALTER TABLE :"schema".promo_code_uses DROP shop_id`);
    await installTriggers(t.pool, { schema: t.schema, tables: { uses: { columns: { shopId: null } } } });
    const code = await repository.create({ code: 'X', shopId: 7, bonusValue: 5 });
    const made = await repository.redeem({ code: 'X', shopId: 7, customerAddress: 'ann', baseReward: 1 });
    const id = made.ok ? made.use.id : '';
    for (const shopId of ['8', 8n, 70]) {
      expect(await repository.findById(code.id, { shopId })).toBeNull();
      await expect(repository.amendUse(id, { baseReward: 2 }, { shopId })).rejects.toBeInstanceOf(NotFoundError);
    }
    await expect(repository.amendUse(id, {}, { shopId: 'x' })).rejects.toMatchObject({ issues: [{ path: 'shopId' }] });
    for (const shopId of [7, '007', 7n])
      expect(await repository.amendUse(id, { baseReward: 2 }, { shopId })).toMatchObject({ shopId: '7' });
  });
});

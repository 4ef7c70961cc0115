import { describe, expect, it } from 'vitest';
import { type Page, type PromoCode, PromoCodeRepository, type PromoCodeUse } from '../../src/index';
import { useRepository } from '../support/repository';
import { unguarded } from '../triggers/host';

describe.each(['own', 'seed'] as const)('uses, on the tables of %s', (tables) => {
  const t = useRepository(`uses ${tables}`, { tables });
  const { repository, newCode, request, schema } = t;
  /** A process elsewhere, whose `pg` leaves everything as text. */
  const pool = t.poolWith({
    options: '-c timezone=Asia/Kathmandu',
    types: { getTypeParser: () => (value: unknown) => value } as never,
  });
  const elsewhere = new PromoCodeRepository(pool, { schema });

  async function use(of: PromoCodeRepository, code: PromoCode, customerAddress: string): Promise<string> {
    const result = await of.redeem(request(code, { customerAddress }));
    if (!result.ok) throw new Error(result.message);
    return result.use.id;
  }

  async function all(page: (cursor: string | null) => Promise<Page<PromoCodeUse>>): Promise<string[]> {
    const seen: string[] = [];
    for (let cursor: string | null = null; ; ) {
      const { items, nextCursor } = await page(cursor);
      seen.push(...items.map(({ id }) => id));
      if (nextCursor === null) return seen;
      cursor = nextCursor;
    }
  }

  it('are listed the newest first, whichever process recorded them', async () => {
    const codes = [await newCode({ perCustomerLimit: null }), await newCode({ perCustomerLimit: null })];
    const recorded: { code: number; id: string }[] = [];
    for (let time = 0; time < 8; time += 1) {
      const code = time % 3 === 0 ? 0 : 1;
      recorded.push({ code, id: await use(time % 2 ? elsewhere : repository, codes[code]!, 'Reader') });
    }
    const timeless = [recorded[1]!, recorded[3]!];
    await t.sql('UPDATE :"schema".promo_code_uses SET used_at = $2::timestamp WHERE id = ANY ($1)', [
      timeless.map(({ id }) => id),
      tables === 'seed' ? null : '-infinity',
    ]);
    const newestFirst = [...timeless, ...recorded.filter((one) => !timeless.includes(one))].reverse();
    for (const reader of [repository, elsewhere]) {
      expect(await all((cursor) => reader.usesByCustomer(' reader', { limit: 3, cursor }))).toEqual(
        newestFirst.map(({ id }) => id),
      );
      expect(await all((cursor) => reader.usesByCustomer('READER', { limit: 1, cursor }))).toHaveLength(8);
      expect(await all((cursor) => reader.usesByCode(codes[1]!.id, { limit: 2, cursor }))).toEqual(
        newestFirst.filter(({ code }) => code === 1).map(({ id }) => id),
      );
    }
  });

  it('of the same moment are all on one page or another', async () => {
    const code = await newCode({ perCustomerLimit: null });
    const results = await repository.redeemMany(Array.from({ length: 5 }, () => request(code)));
    const ids = results.map((result) => (result.ok ? result.use.id : ''));
    expect((await all((cursor) => repository.usesByCode(code.id, { limit: 2, cursor }))).sort()).toEqual(ids.sort());
  });

  it('do not move while newer ones come', async () => {
    const code = await newCode({ perCustomerLimit: null });
    const first = await use(elsewhere, code, 'ann');
    await use(elsewhere, code, 'ann');
    const { nextCursor } = await repository.usesByCode(code.id, { limit: 1 });
    await use(repository, code, 'ann');
    expect((await repository.usesByCode(code.id, { cursor: nextCursor })).items).toMatchObject([{ id: first }]);
  });

  it('of a customer are found where the counter of the code is wrong', async () => {
    const code = await newCode();
    const id = await use(repository, code, 'Drifted');
    await t.sql(unguarded(`UPDATE :"schema".promo_codes SET times_used = 0 WHERE id = ${code.id}`));
    expect((await repository.usesByCustomer('drifted')).items).toMatchObject([{ id }]);
    await t.sql(unguarded(`UPDATE :"schema".promo_codes SET times_used = 1 WHERE id = ${code.id}`));
  });

  it('are taken back where the pool leaves everything as text', async () => {
    const id = await use(elsewhere, await newCode(), 'text');
    expect(await elsewhere.rollbackUse(id)).toEqual({ rolledBack: true });
    expect(await elsewhere.rollbackUse(id)).toEqual({ rolledBack: false });
    expect(await elsewhere.releaseExpired()).toEqual({ released: 0, remaining: false });
  });
});

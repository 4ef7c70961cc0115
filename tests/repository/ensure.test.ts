import { describe, expect, it } from 'vitest';
import { PromoCodeRepository, ValidationError } from '../../src/index';
import { waitUntilBlocked } from '../support';
import { useRepository } from '../support/repository';

const DAY = 86_400_000;

describe.each(['own', 'seed'] as const)('ensure, on the tables of %s', (tables) => {
  const t = useRepository(`ensure ${tables}`, { tables });
  const { repository, request } = t;
  const summer = { code: 'SUMMER', shopId: 'shop', bonusValue: '5.00', perCustomerLimit: null };

  it('creates the code at the first start, and gives it as it is at every other', async () => {
    const first = await repository.ensure(summer);
    expect(first).toMatchObject({ code: 'SUMMER', bonusValue: '5.00', timesUsed: 0 });
    await repository.redeem(request(first));
    await repository.update(first.id, { bonusValue: 7, name: 'changed by hand' });
    const second = await repository.ensure({ ...summer, code: ' summer ', bonusValue: 9 });
    expect(second).toMatchObject({ id: first.id, bonusValue: '7.00', name: 'changed by hand', timesUsed: 1 });
    expect((await repository.list({ shopId: 'shop' })).items).toHaveLength(1);
    expect(await repository.ensure({ ...summer, shopId: 'next door' })).not.toMatchObject({ id: first.id });
  });

  it('gives a code that has ended or was switched off as it is', async () => {
    const over = {
      ...summer,
      code: 'OVER',
      startDate: new Date(Date.now() - 2 * DAY),
      endDate: new Date(Date.now() - DAY),
    };
    const { id } = await repository.ensure(over);
    await repository.deactivate(id);
    expect(await repository.ensure({ ...over, startDate: undefined })).toMatchObject({ id, isActive: false });
  });

  it('gives one code to twenty instances that start at once', async () => {
    const others = Array.from({ length: 20 }, () => new PromoCodeRepository(t.pool, { schema: t.schema }));
    const made = await Promise.all(
      others.map((other, index) => other.ensure({ ...summer, code: index % 2 ? 'Rush' : 'RUSH' })),
    );
    expect(new Set(made.map(({ id }) => id)).size).toBe(1);
  });

  it('waits for an instance that is just creating it', async () => {
    const [one, other] = [await t.client(), await t.client()];
    await one.query('BEGIN');
    const created = await repository.ensure({ ...summer, code: 'HELD' }, { client: one });
    const waiting = repository.ensure({ ...summer, code: 'HELD' }, { client: other });
    await waitUntilBlocked(t.pool, other);
    await one.query('COMMIT');
    expect(await waiting).toMatchObject({ id: created.id });
  });

  it("is undone with the host's transaction", async () => {
    const client = await t.client();
    await client.query('BEGIN');
    await repository.ensure({ ...summer, code: 'UNDONE' }, { client });
    await client.query('ROLLBACK');
    expect(await repository.findByCode('UNDONE', 'shop')).toBeNull();
  });

  it('takes what create takes, and nothing else', async () => {
    await expect(repository.ensure({ ...summer, bonusValue: -1 })).rejects.toBeInstanceOf(ValidationError);
    await expect(repository.ensure({ ...summer, count: 2 } as never)).rejects.toMatchObject({
      issues: [{ path: 'count' }],
    });
  });
});

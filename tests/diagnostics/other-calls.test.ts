import { describe, expect, it } from 'vitest';
import { PromoCodeRepository, type RollbackEvent, type ValidateEvent } from '../../src/index';
import { useRepository } from '../support/repository';
import { FAILURE, failureOf, SUCCESS, useEvents } from './fixture';

const t = useRepository('other_events');
const { newCode, request, repository, schema } = t;

describe('validate', () => {
  const heard = useEvents<ValidateEvent>('validate');

  it('reports the shop and what it came to', async () => {
    await repository.validate(request(await newCode()));
    expect(heard.events).toEqual([
      {
        ...{ schema, shopId: 'shop', inTransaction: false, outcome: 'valid', durationMs: expect.any(Number) },
        ...{ batchSize: 1, attempts: 1, waitedMs: expect.any(Number) },
      },
    ]);
    expect(heard.phases).toEqual(SUCCESS);
    expect(heard.events[0]!.durationMs).toBeGreaterThan(0);
  });

  it('a refusal is an outcome, an error as well', async () => {
    const code = await newCode({ isActive: false });
    const client = await t.client();
    await client.query('BEGIN');
    await repository.validate(request(code), { client });
    await client.query('ROLLBACK');
    expect(heard.events).toMatchObject([{ outcome: 'inactive', inTransaction: true }]);
    const uniform = new PromoCodeRepository(t.pool, { schema, uniformRefusals: true });
    await uniform.validate(request(code));
    expect(heard.events[1]).toMatchObject({ outcome: 'not_found' });
    heard.phases = [];
    await failureOf(repository.validate({ ...request(code), baseReward: 'ten' }));
    expect(heard.events[2]).toMatchObject({ outcome: 'VALIDATION', error: { code: 'VALIDATION' }, shopId: undefined });
    expect(heard.phases).toEqual(FAILURE);
  });
});

describe('rollbackUse', () => {
  const heard = useEvents<RollbackEvent>('rollback');

  it('reports whether there was such a use', async () => {
    const made = await repository.redeem(request(await newCode()));
    const id = made.ok ? made.use.id : '';
    await repository.rollbackUse(id);
    expect(heard.events).toEqual([
      { schema, inTransaction: false, outcome: 'rolled_back', durationMs: expect.any(Number) },
    ]);
    expect(heard.phases).toEqual(SUCCESS);
    const client = await t.client();
    await client.query('BEGIN');
    await repository.rollbackUse(id, { client });
    await client.query('ROLLBACK');
    expect(heard.events[1]).toMatchObject({ outcome: 'not_found', inTransaction: true });
    heard.phases = [];
    await failureOf(repository.rollbackUse('no id'));
    expect(heard.events[2]).toMatchObject({ outcome: 'VALIDATION', error: { code: 'VALIDATION' } });
    expect(heard.phases).toEqual(FAILURE);
  });
});

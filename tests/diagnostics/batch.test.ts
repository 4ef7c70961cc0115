import { tracingChannel } from 'node:diagnostics_channel';
import { expect, it } from 'vitest';
import { type BatchEvent, type PromoCode, PromoCodeRepository } from '../../src/index';
import { useRepository, waitingRedemption } from '../support/repository';
import { FAILURE, failureOf, SUCCESS, useEvents } from './fixture';

const t = useRepository('batch_events');
const { newCode, request, repository, schema } = t;
const heard = useEvents<BatchEvent>('batch');

async function holdLock(code: PromoCode) {
  const holder = await t.client();
  await holder.query('BEGIN');
  await holder.query(t.expand('SELECT FROM :"schema".promo_codes WHERE id = $1 FOR NO KEY UPDATE'), [code.id]);
  return { release: () => holder.query('COMMIT') };
}

it('a statement: how many redemptions of how many codes, and how many wait meanwhile', async () => {
  const started: number[] = [];
  const start = (event: unknown) => void started.push((event as BatchEvent).waiting);
  const batches = tracingChannel<unknown, BatchEvent>('pg-promo-codes:batch');
  const small = new PromoCodeRepository(t.pool, { schema, batching: { maxBatch: 3, lanes: 1 } });
  const [code, other] = [await newCode({ perCustomerLimit: null }), await newCode()];
  await small.redeem(request(other));
  heard.events = [];
  heard.phases = [];
  batches.start.subscribe(start);
  const lock = await holdLock(code);
  const first = small.redeem(request(code));
  await waitingRedemption(t);
  const others = [other, other, code, code].map((of) => small.redeem(request(of)));
  await lock.release();
  await Promise.all([first, ...others]);
  batches.start.unsubscribe(start);
  expect(heard.events).toEqual([
    { schema, size: 1, codes: 1, waiting: 4, durationMs: expect.any(Number) },
    { schema, size: 3, codes: 2, waiting: 1, durationMs: expect.any(Number) },
    { schema, size: 1, codes: 1, waiting: 0, durationMs: expect.any(Number) },
  ]);
  expect(started).toEqual([0, 1, 0]);
  expect(heard.phases).toEqual([...SUCCESS, ...SUCCESS, ...SUCCESS]);
  expect(heard.events[0]!.durationMs).toBeGreaterThan(0);
});

it('one that failed: its code and SQLSTATE', async () => {
  await repository.redeem(request(await newCode()));
  heard.events = [];
  heard.phases = [];
  await t.sql(`ALTER TABLE :"schema".promo_code_uses ADD CONSTRAINT no_mallory CHECK (customer_address <> 'mallory')`);
  await failureOf(repository.redeem(request(await newCode(), { customerAddress: 'mallory' })));
  await t.sql('ALTER TABLE :"schema".promo_code_uses DROP CONSTRAINT no_mallory');
  expect(heard.events).toMatchObject([{ size: 1, error: { code: expect.any(String), sqlState: '23514' } }]);
  expect(heard.phases).toEqual(FAILURE);
});

import { expect, it } from 'vitest';
import {
  PromoCodeRepository,
  type RedeemEvent,
  type RetryEvent,
  repairDrift,
  uninstallTriggers,
} from '../../src/index';
import { intercepted } from '../support/intercepted';
import { useRepository, waitingRedemption } from '../support/repository';
import { SUCCESS, useEvents } from './fixture';

const t = useRepository('retry_events');
const { newCode, request, repository, schema } = t;
const heard = useEvents<RetryEvent>('retry');
const redemptions = useEvents<RedeemEvent>('redeem');

/** A pool whose first statements of a kind fail with an error of the server. */
function failing(times: number, code: string, kind: RegExp) {
  let left = times;
  return intercepted(t.pool, async (text, values, send) => {
    if (!kind.test(text) || left === 0) return send(text, values);
    left -= 1;
    throw Object.assign(new Error('customer mallory'), { code, severity: 'ERROR' });
  });
}

it('each retry: why, how often it has failed, and the pause; the redemption counts its attempts', async () => {
  const pool = failing(3, '40001', /redeem_promo_code/);
  const batches = new PromoCodeRepository(pool, { schema });
  expect(await batches.redeem(request(await newCode()))).toMatchObject({ ok: true });
  const failure = { code: 'RETRYABLE_TRANSACTION', sqlState: '40001' };
  const common = { failure, inDoubt: false, durationMs: expect.any(Number) };
  expect(heard.events).toEqual([
    { attempt: 1, pauseMs: 0, ...common },
    { attempt: 2, pauseMs: expect.any(Number), ...common },
    { attempt: 3, pauseMs: expect.any(Number), ...common },
  ]);
  expect(heard.phases).toEqual([...SUCCESS, ...SUCCESS, ...SUCCESS]);
  // A timer may come a little early.
  for (const { pauseMs, durationMs } of heard.events) expect(durationMs).toBeGreaterThan(pauseMs - 2);
  expect(redemptions.events).toMatchObject([{ attempts: 4, outcomes: { redeemed: 1 } }]);
});

it('of a backend that was ended: whether it was in doubt', async () => {
  const code = await newCode();
  await repository.redeem(request(code));
  const holder = await t.client();
  await holder.query('BEGIN');
  await holder.query(t.expand('SELECT FROM :"schema".promo_codes WHERE id = $1 FOR NO KEY UPDATE'), [code.id]);
  const redeeming = repository.redeem(request(code));
  await t.sql('SELECT pg_terminate_backend($1)', [await waitingRedemption(t)]);
  await holder.query('COMMIT');
  expect(await redeeming).toMatchObject({ ok: true });
  expect(heard.events[0]).toMatchObject({ attempt: 1, failure: { code: 'CONNECTION_LOST' }, inDoubt: true });
});

it('of a repair and of an uninstallation', async () => {
  const code = await newCode();
  await t.sql(`ALTER TABLE :"schema".promo_codes DISABLE TRIGGER USER`);
  await t.sql('UPDATE :"schema".promo_codes SET times_used = 7 WHERE id = $1', [code.id]);
  await t.sql(`ALTER TABLE :"schema".promo_codes ENABLE TRIGGER USER`);
  expect(await repairDrift(failing(1, '40P01', /FOR NO KEY UPDATE/), { schema })).toHaveLength(1);
  expect(heard.events).toMatchObject([{ attempt: 1, failure: { code: expect.any(String), sqlState: '40P01' } }]);
  heard.events = [];
  await uninstallTriggers(failing(1, '55P03', /LOCK TABLE/), { schema });
  expect(heard.events).toMatchObject([{ attempt: 1, failure: { code: 'LOCK_TIMEOUT', sqlState: '55P03' } }]);
});

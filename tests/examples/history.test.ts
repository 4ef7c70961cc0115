import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createOutbox, feedWebhook, fillOutbox } from '../../examples/history/outbox';
import { installTriggers } from '../../src/index';
import { eventually } from '../support';
import { useRepository } from '../support/repository';

const t = useRepository('outbox');
const received: { id: string; kind: string }[] = [];
let isDown = false;
const receiver = createServer(async (request, response) => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part);
  if (!isDown) received.push(JSON.parse(Buffer.concat(parts).toString()));
  response.statusCode = isDown ? 503 : 204;
  response.end();
}).listen(0, '127.0.0.1');

beforeAll(async () => {
  if (!receiver.listening) await once(receiver, 'listening');
  await installTriggers(t.pool, { schema: t.schema, history: true });
  await createOutbox(t.pool, t.schema);
});
afterAll(() => receiver.close());

it('fills an outbox and feeds a webhook, across starts and while the receiver is down', async () => {
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`;
  const code = await t.newCode({ perCustomerLimit: null });
  const schema = `"${t.schema}"`;
  const start = () => {
    const stop = new AbortController();
    const done = Promise.all([
      fillOutbox(t.pool, schema, t.repository, stop.signal),
      feedWebhook(t.pool, schema, t.repository, url, stop.signal),
    ]);
    return async () => {
      stop.abort();
      await done;
    };
  };
  const outbox = async () =>
    (await t.sql<{ topic: string }>('SELECT topic FROM :"schema".outbox ORDER BY record_id')).rows.map(
      ({ topic }) => topic,
    );
  for (let time = 1; time <= 3; time += 1) {
    const end = start();
    const result = await t.repository.redeem(t.request(code));
    isDown = time === 2;
    if (result.ok) await t.repository.rollbackUse(result.use.id);
    await eventually(async () => expect(await outbox()).toHaveLength(2 * time));
    if (!isDown) await eventually(() => expect(new Set(received.map(({ id }) => id)).size).toBe(2 * time));
    await end();
  }
  expect(await outbox()).toEqual(Array(3).fill(['promo-code.redeemed', 'promo-code.rolled_back']).flat());
  expect(received.map(({ kind }) => kind).slice(0, 2)).toEqual(['redeemed', 'rolled_back']);
});

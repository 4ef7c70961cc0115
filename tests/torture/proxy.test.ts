import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { type FaultyProxy, startProxy } from '../../torture/proxy';
import { useSchema } from '../support';
import { changeHost } from '../support/urls';

const t = useSchema('torture proxy');
let proxy: FaultyProxy;

beforeAll(async () => {
  const { hostname, port } = new URL(inject('postgresUrl'));
  proxy = await startProxy(hostname, Number(port || 5432));
  await t.sql('CREATE TABLE :"schema".seen (what text)');
});
afterAll(() => proxy.close());

async function throughProxy(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: changeHost(t.url, '127.0.0.1', proxy.port) });
  client.on('error', () => {});
  await client.connect();
  return client;
}

const write = (client: pg.Client, what: string) =>
  client.query(t.expand(`INSERT INTO :"schema".seen VALUES ('${what}')`)).then(
    () => 'answered',
    () => 'failed',
  );

async function seen(what: string): Promise<boolean> {
  return (await t.sql('SELECT FROM :"schema".seen WHERE what = $1', [what])).rows.length > 0;
}

async function seenWithin(what: string, ms: number): Promise<boolean> {
  for (const limit = Date.now() + ms; Date.now() < limit; await sleep(20)) if (await seen(what)) return true;
  return false;
}

/** The connection of a client that is the only one: those of earlier clients have ended. */
async function alone() {
  await vi.waitFor(() => expect(proxy.connections()).toEqual([]), { timeout: 10_000 });
  const client = await throughProxy();
  const connections = proxy.connections();
  expect(connections).toHaveLength(1);
  return { client, connection: connections[0]! };
}

describe('a connection through the proxy', () => {
  it('works as long as nothing is done to it', async () => {
    const { client } = await alone();
    expect(await write(client, 'plain')).toBe('answered');
    await client.end();
    expect(await seen('plain')).toBe(true);
  });

  it('loses an answer whose request had its effect', async () => {
    const { client, connection } = await alone();
    connection.loseAnswer();
    expect(await write(client, 'lost answer')).toBe('failed');
    expect(await seenWithin('lost answer', 5_000)).toBe(true);
  });

  it('is cut within a request, which then has no effect, and within an answer', async () => {
    const first = await alone();
    first.connection.cutWithin('client');
    expect(await write(first.client, 'half')).toBe('failed');
    const second = await alone();
    second.connection.cutWithin('server');
    expect(await write(second.client, 'half an answer')).toBe('failed');
    expect(await seenWithin('half an answer', 5_000)).toBe(true);
    expect(await seen('half')).toBe(false);
  });

  it.each(['reset', 'close'] as const)('is not there any more after %s', async (how) => {
    const { client, connection } = await alone();
    const ended = new Promise((resolve) => client.once('end', resolve));
    connection[how]();
    expect(proxy.connections()).toEqual([]);
    await ended;
  });

  it('delivers a request late, after the client was cut off', async () => {
    const { client, connection } = await alone();
    connection.holdBack(2_000);
    const sent = Date.now();
    expect(await write(client, 'held back')).toBe('failed');
    expect(await seen('held back')).toBe(false);
    expect(await seenWithin('held back', 10_000)).toBe(true);
    expect(Date.now() - sent).toBeGreaterThan(1_900);
  });

  it('stalls for a time, and says nothing for ever', async () => {
    const { client, connection } = await alone();
    connection.stall(300);
    const sent = Date.now();
    expect(await write(client, 'stalled')).toBe('answered');
    expect(Date.now() - sent).toBeGreaterThan(280);
    connection.silence('answers');
    const answer = write(client, 'silent');
    expect(await seenWithin('silent', 5_000)).toBe(true);
    expect(await Promise.race([answer, sleep(300).then(() => 'nothing')])).toBe('nothing');
    expect(proxy.connections()).toEqual([]);
    client.end().catch(() => {});
  });
});

import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { checkDrift, installTriggers } from '../../src/index';
import { eventually, type TestSchema, useDatabase } from '../support';
import { isIncluded } from '../support/scope';
import { counters, createHost, expectCounters, insert, use } from './host';

const publisher = useDatabase('publisher');
const target = useDatabase('subscriber');

/** The subscribing database, where the tables are in a schema of the same name as in the publishing one. */
const subscriber: TestSchema = {
  ...target,
  schema: publisher.schema,
  expand: publisher.expand,
  sql: (text, values) => target.pool.query(publisher.expand(text), values),
};
const NAME = 'subscribed';

/** How the server reaches itself; from within a container not by the address that the tests use. */
async function connectionString(): Promise<string> {
  const { rows } = await publisher.sql(`SELECT current_setting('port') AS port, current_database() AS database`);
  const url = new URL(publisher.url);
  const parts = {
    host: '127.0.0.1',
    port: rows[0]!.port,
    dbname: rows[0]!.database,
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
  };
  const escaped = (value: string) => `'${value.replaceAll(/['\\]/g, '\\$&')}'`;
  const given = Object.entries(parts).filter(([, value]) => value !== '');
  return given.map(([key, value]) => `${key}=${escaped(value)}`).join(' ');
}

/** Replicates these tables. A subscription to the same server cannot create its slot itself. */
async function replicate(tables: string): Promise<void> {
  const { rows } = await publisher.sql<{ slot: string }>(`SELECT 'slot_' || left(md5(current_database()), 12) AS slot`);
  const { slot } = rows[0]!;
  await publisher.sql(`CREATE PUBLICATION published FOR TABLE ${tables}`);
  await publisher.sql(`SELECT pg_create_logical_replication_slot($1, 'pgoutput')`, [slot]);
  onTestFinished(async () => {
    await subscriber.sql(`DROP SUBSCRIPTION IF EXISTS ${NAME}`);
    await publisher.sql('DROP PUBLICATION published');
    await publisher.sql('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1', [
      slot,
    ]);
  });
  const connection = (await connectionString()).replaceAll("'", "''");
  await subscriber.sql(
    `CREATE SUBSCRIPTION ${NAME} CONNECTION '${connection}' PUBLICATION published
       WITH (create_slot = false, slot_name = ${slot}, copy_data = false)`,
  );
}

/** Waits until the subscriber has the same uses as the publisher. */
async function caughtUp(): Promise<void> {
  const uses = `SELECT coalesce(string_agg(concat_ws(' ', id, promo_code_id, bonus_amount), ', ' ORDER BY id), '') AS uses
                  FROM :"schema".promo_code_uses`;
  await eventually(async () => expect((await subscriber.sql(uses)).rows).toEqual((await publisher.sql(uses)).rows), {
    timeoutMs: 20_000,
    intervalMs: 25,
  });
}

const write = async () => {
  await publisher.sql(insert(use(1, 1), use(2, 2), use(1, 4)));
  await publisher.sql(
    'UPDATE :"schema".promo_code_uses SET bonus_amount = 8, promo_code_id = 3 WHERE bonus_amount = 2',
  );
  await publisher.sql('DELETE FROM :"schema".promo_code_uses WHERE bonus_amount = 1');
  await caughtUp();
};

describe('logical replication', () => {
  beforeEach(async ({ skip }) => {
    const { rows } = await publisher.sql(`SELECT current_setting('wal_level') AS wal_level`);
    if (rows[0]!.wal_level !== 'logical') {
      process.stderr.write('SKIPPED: tests of logical replication, because the server has not wal_level = logical\n');
      skip();
    }
    await createHost(publisher);
  });

  afterEach(async () => {
    await expectCounters(publisher, { 1: [1, '4.00'], 3: [1, '8.00'] });
  });

  it.each(['statement', 'row'] as const)(
    'of both tables brings the counters along; %s triggers there do not count again',
    async (granularity) => {
      await createHost(subscriber, { granularity });
      await replicate(':"schema".promo_codes, :"schema".promo_code_uses');
      await write();
      await eventually(() => expectCounters(subscriber, { 1: [1, '4.00'], 3: [1, '8.00'] }));
    },
  );

  it('of the uses alone is counted by row triggers that are enabled for it', async () => {
    await createHost(subscriber, { granularity: 'row' });
    for (const name of [
      'promo_code_uses_insert_trigger',
      'promo_code_uses_delete_trigger',
      'count_promo_code_uses_on_update',
    ]) {
      await subscriber.sql(`ALTER TABLE :"schema".promo_code_uses ENABLE ALWAYS TRIGGER ${name}`);
    }
    await replicate(':"schema".promo_code_uses');
    await write();
    await expectCounters(subscriber, { 1: [1, '4.00'], 3: [1, '8.00'] });
    expect(await installTriggers(subscriber.pool, { schema: subscriber.schema, granularity: 'row' })).toMatchObject({
      changed: false,
    });
  });

  it.runIf(isIncluded('replication of the uses alone'))(
    'of the uses alone is missed by statement triggers, and found by the drift check',
    async () => {
      await createHost(subscriber, { granularity: 'statement' });
      await subscriber.sql(
        'ALTER TABLE :"schema".promo_code_uses ENABLE ALWAYS TRIGGER promo_code_uses_insert_trigger',
      );
      await replicate(':"schema".promo_code_uses');
      await write();
      expect(await counters(subscriber)).toEqual({});
      expect(await checkDrift(subscriber.pool, { schema: subscriber.schema })).toMatchObject([
        { promoCodeId: '1', timesUsed: 0, actualUses: 1 },
        { promoCodeId: '3', timesUsed: 0, actualUses: 1 },
      ]);
    },
  );
});

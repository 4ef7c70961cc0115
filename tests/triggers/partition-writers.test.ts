import { describe, expect, it } from 'vitest';
import { installTriggers } from '../../src/index';
import { cases, useSchema } from '../support';
import { copyFrom } from './copy';
import { createHost, expectNoDrift, USE_COLUMNS } from './host';

const t = useSchema('partition-writers');

const TABLES = (key: string, by: string) => `
  DROP TABLE :"schema".promo_code_uses;
  CREATE TABLE :"schema".promo_code_uses (
    id serial, promo_code_id integer NOT NULL REFERENCES :"schema".promo_codes (id) ON DELETE CASCADE ON UPDATE CASCADE,
    customer_address varchar(42), shop_id varchar(100), transaction_id varchar(100), base_reward numeric(18,2) NOT NULL,
    bonus_amount numeric(18,2), total_reward numeric(18,2), used_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (${key})
  ) PARTITION BY ${by};`;
const PART = (name: string, parent: string, bound: string) =>
  `CREATE TABLE :"schema".${name} PARTITION OF :"schema".${parent} ${bound};`;
const hashed = (part: number) => `FOR VALUES WITH (MODULUS 3, REMAINDER ${part})`;
const ranged = (from: number, to: number) => `FOR VALUES FROM (${from}) TO (${to})`;

/** Those that are there when triggers are installed, and one that comes later. */
const LAYOUTS = [
  {
    name: 'by hash',
    tables:
      TABLES('promo_code_id, id', 'HASH (promo_code_id)') +
      [0, 1].map((n) => PART(`part${n}`, 'promo_code_uses', hashed(n))).join(''),
    later: PART('part2', 'promo_code_uses', hashed(2)),
    parts: ['part0', 'part1', 'part2'],
  },
  {
    name: 'by range',
    tables:
      TABLES('id, base_reward', 'RANGE (base_reward)') +
      [0, 1].map((n) => PART(`part${n}`, 'promo_code_uses', ranged(n * 10, n * 10 + 10))).join(''),
    later: PART('part2', 'promo_code_uses', ranged(20, 30)),
    parts: ['part0', 'part1', 'part2'],
  },
  {
    name: 'on two levels',
    tables:
      TABLES('id, base_reward, promo_code_id', 'RANGE (base_reward)') +
      PART('part0', 'promo_code_uses', `${ranged(0, 20)} PARTITION BY HASH (promo_code_id)`) +
      [0, 1].map((n) => PART(`part0_${n}`, 'part0', hashed(n))).join('') +
      PART('part1', 'promo_code_uses', ranged(20, 25)),
    later:
      PART('part0_2', 'part0', hashed(2)) +
      PART('part2', 'promo_code_uses', `${ranged(25, 30)} PARTITION BY LIST (promo_code_id)`) +
      PART('part2_0', 'part2', 'DEFAULT'),
    parts: ['part0', 'part0_0', 'part0_2', 'part1', 'part2', 'part2_0'],
  },
];

const CLIENTS = 4;
const ROUNDS = 60;

describe.each(cases('ways to partition', LAYOUTS, ({ name }) => name === 'on two levels'))(
  'several clients that write uses $name',
  ({ tables, later, parts }) => {
    it('by any table, in any way, while a partition and then its triggers come, leave true counters', {
      timeout: 120_000,
    }, async () => {
      await createHost(t, { alter: tables });
      await t.sql(later);
      let seed = 7;
      const random = (below: number) => {
        seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
        return Math.floor((seed / 2 ** 32) * below);
      };
      const code = () => 1 + random(5);
      const row = () => `(${code()}, ${random(900) / 100}, 'ann', 'shop', ${random(30)}, 1)`;
      const all = ':"schema".promo_code_uses';
      const some = () => `:"schema".${parts[random(parts.length)]}`;
      const few = () => `promo_code_id = ${code()} AND id % 3 = ${random(3)}`;
      const insertInto = (table: string, from: string) => `INSERT INTO ${table} ${USE_COLUMNS} ${from}`;
      /** Straight into a partition goes what belongs there. */
      const copied = (table: string) =>
        insertInto(table, `SELECT ${USE_COLUMNS.slice(1, -1)} FROM ${table} ORDER BY id LIMIT 3`);
      const writes = [
        () => insertInto(all, `VALUES ${row()}, ${row()}, ${row()}`),
        () => insertInto(all, `VALUES ${row()}`),
        () => copied(some()),
        () => `UPDATE ${all} SET bonus_amount = ${random(900) / 100} WHERE ${few()}`,
        () => `UPDATE ${some()} SET bonus_amount = ${random(900) / 100} WHERE ${few()}`,
        () => `UPDATE ${all} SET base_reward = ${random(30)} WHERE ${few()}`,
        () => `UPDATE ${all} SET promo_code_id = ${code()} WHERE ${few()}`,
        () => `DELETE FROM ${all} WHERE ${few()}`,
        () => `DELETE FROM ${some()} WHERE ${few()}`,
        () =>
          `WITH gone AS (DELETE FROM ${some()} WHERE ${few()}), more AS (${copied(some())}) ${insertInto(all, `VALUES ${row()}, ${row()}`)}`,
        () =>
          `WITH changed AS (UPDATE ${all} SET base_reward = ${random(30)} WHERE ${few()} RETURNING 1) ${copied(some())}`,
        () => `INSERT INTO ${all} (id, promo_code_id, bonus_amount, base_reward) SELECT id, promo_code_id, 1, base_reward FROM ${some()} WHERE ${few()}
               ON CONFLICT DO NOTHING`,
        () => `DELETE FROM :"schema".promo_codes WHERE id = 5`,
        () => `INSERT INTO :"schema".promo_codes (id, code, shop_id) VALUES (5, 'C5', 'shop') ON CONFLICT DO NOTHING`,
      ];
      let written = 0;
      const clients = await Promise.all(Array.from({ length: CLIENTS }, () => t.client()));
      const write = async (rounds: number) => {
        await Promise.all(
          clients.map(async (client) => {
            await client.query(`SET deadlock_timeout = '20ms'`);
            for (let round = 0; round < rounds; round += 1) {
              const statements = Array.from({ length: 1 + random(3) }, () =>
                t.expand(writes[random(writes.length)]!()),
              );
              await client
                .query(['BEGIN', ...statements, random(5) === 0 ? 'ROLLBACK' : 'COMMIT'].join('; '))
                .then(() => {
                  written += 1;
                })
                .catch(async (error: { code?: string }) => {
                  await client.query('ROLLBACK');
                  // A deadlock, a code that is gone, an id that is there; and a row that another has moved on.
                  expect(['40P01', '23503', '23505', '40001', '21000']).toContain(error.code);
                });
            }
            await copyFrom(client, t.expand(`COPY ${all} (${USE_COLUMNS.slice(1, -1)}) FROM STDIN`), [
              [`${code()}`.replace('5', '4'), '2', 'ann', 'shop', `${random(30)}`, '1'].join('\t'),
              ['1', '2', 'ann', 'shop', `${random(30)}`, '1'].join('\t'),
            ]).catch((error: { code?: string }) => {
              if (error.code !== '40P01') throw error;
            });
          }),
        );
        await expectNoDrift(t);
      };
      await write(ROUNDS);
      const installing = installTriggers(t.pool, { schema: t.schema, lockTimeoutMs: 60_000 });
      await write(ROUNDS / 2);
      expect(await installing).toMatchObject({ changed: true, repaired: [] });
      await write(ROUNDS / 2);
      expect(written).toBeGreaterThan(ROUNDS);
    });
  },
);

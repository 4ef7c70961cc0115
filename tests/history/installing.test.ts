import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  inspectTriggers,
  installSchema,
  installTriggers,
  PromoCodeRepository,
  renderSql,
  uninstallTriggers,
} from '../../src/index';
import { useSchema, waitUntilBlocked } from '../support';
import { insertUses, SEED_TABLES } from '../support/host-tables';
import { useHistory } from './fixture';

const CODE = `INSERT INTO :"schema".promo_codes (code, shop_id, bonus_value) VALUES ('A', 'shop', 5)`;

describe('an installation without history', () => {
  const t = useSchema('without');
  const repository = new PromoCodeRepository(t.pool, { schema: t.schema });
  const count = async () => (await repository.history()).items.length;
  const inOrder = async (options = {}) => {
    expect((await installTriggers(t.pool, { schema: t.schema, ...options })).changed).toBe(false);
    return (await inspectTriggers(t.pool, { schema: t.schema })).ok;
  };
  const functions = async () =>
    (
      await t.sql(
        `SELECT proname FROM pg_proc WHERE pronamespace = to_regnamespace(quote_ident(:'library')) AND proname LIKE '%promo_code_history%'`,
      )
    ).rowCount;

  it('gets one, stops it, keeps it, goes on with it, and loses it with the library', async () => {
    await t.sql(SEED_TABLES);
    await t.sql(CODE);
    await installTriggers(t.pool, { schema: t.schema });
    expect(await functions()).toBe(0);
    await t.sql(insertUses(1));
    await installTriggers(t.pool, { schema: t.schema, history: true });
    expect(await inOrder()).toBe(true);
    expect(await count()).toBe(0);
    await t.sql(insertUses(1));
    expect(await count()).toBe(1);
    await installTriggers(t.pool, { schema: t.schema, history: false });
    expect(await inOrder()).toBe(true);
    expect(await functions()).toBe(3);
    await t.sql(insertUses(1));
    expect(await count()).toBe(1);
    await installTriggers(t.pool, { schema: t.schema, history: true, granularity: 'row' });
    await t.sql(insertUses(1));
    await t.sql('TRUNCATE :"schema".promo_code_uses');
    expect((await repository.history()).items.map(({ kind }) => kind)).toEqual([
      ...Array(2).fill('redeemed'),
      ...Array(4).fill('truncated'),
    ]);
    const { removed } = await uninstallTriggers(t.pool, { schema: t.schema });
    expect(removed).toEqual(
      expect.arrayContaining(['promo_code_history', 'record_promo_code_history_on_insert', t.library]),
    );
    expect((await t.sql('SELECT FROM pg_namespace WHERE nspname = $1', [t.library])).rowCount).toBe(0);
  });

  it('by scripts', async () => {
    const client = await t.client();
    const run = async (name: 'triggers' | 'uninstall', options = {}) => {
      await client.query('BEGIN');
      await client.query(renderSql(name, { schema: t.schema, ...options }));
      await client.query('COMMIT');
    };
    const uses = { uses: { columns: {} } };
    await run('triggers', { history: true });
    await run('triggers', { history: true });
    expect(await inOrder({ tables: uses })).toBe(true);
    await t.sql(insertUses(1));
    await run('triggers');
    await t.sql(insertUses(1));
    expect((await new PromoCodeRepository(t.pool, { schema: t.schema }).history()).items).toHaveLength(1);
    expect(renderSql('triggers', { schema: t.schema })).not.toContain('record_promo_code_history_on_insert()');
    await run('uninstall');
    expect((await t.sql('SELECT FROM pg_namespace WHERE nspname = $1', [t.library])).rowCount).toBe(0);
  });
});

describe('hostile names', () => {
  const t = useSchema('A "host"; -- $body$ :x');
  it('have a history too', async () => {
    await installSchema(t.pool, { schema: t.schema, history: true });
    await t.sql(
      `INSERT INTO :"schema".promo_codes (code, shop_id, bonus_value, end_date) VALUES ('A', 'shop', 5, now() + interval '1 day')`,
    );
    await t.sql(insertUses(1, 1));
    await t.sql('UPDATE :"schema".promo_code_uses SET bonus_amount = 1');
    await t.sql('TRUNCATE :"schema".promo_code_uses');
    const repository = new PromoCodeRepository(t.pool, { schema: t.schema });
    expect((await repository.history({ promoCodeId: 1 })).items.map(({ kind }) => kind)).toEqual(
      ['redeemed', 'amended', 'truncated'].flatMap((kind) => [kind, kind]),
    );
    expect((await inspectTriggers(t.pool, { schema: t.schema })).ok).toBe(true);
    expect(await repository.pruneHistory({ before: new Date(0) })).toEqual({ dropped: [] });
  });
});

it('a host without ids of uses cannot have a history', async () => {
  const options = { schema: other.schema, history: true, tables: { uses: { columns: { id: null } } } };
  await expect(installTriggers(other.pool, options)).rejects.toThrow(
    /has no column described as id, by which the history knows a use/,
  );
});

describe('months', () => {
  it('are prepared, and what came without its month moves into it; old ones are dropped', async () => {
    const code = await other.newCode();
    const id = await other.redeem(code);
    const name = (ago: number) => {
      const now = new Date();
      return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - ago)).toISOString().slice(0, 7);
    };
    const partitionOf = async () =>
      (
        await other.sql<{ name: string }>(
          `SELECT tableoid::regclass::text AS name FROM :"library".promo_code_history WHERE use_id = ${id}`,
        )
      ).rows[0]?.name;
    const table = (ago: number) => `promo_code_history_${name(ago).replace('-', '_')}`;
    expect(await partitionOf()).toContain(table(0));
    await other.sql(
      `ALTER TABLE :"library".promo_code_history DETACH PARTITION :"library".${table(0)}; DROP TABLE :"library".${table(0)}, :"library".${table(-1)}`,
    );
    const next = await other.redeem(code);
    const where = await other.sql<{ name: string }>(
      `SELECT tableoid::regclass::text AS name FROM :"library".promo_code_history WHERE use_id = ${next}`,
    );
    expect(where.rows[0]!.name).toContain('promo_code_history_default');
    expect(await inspectTriggers(other.pool, { schema: other.schema })).toMatchObject({ ok: false });
    await installTriggers(other.pool, { schema: other.schema });
    expect(await inspectTriggers(other.pool, { schema: other.schema })).toMatchObject({ ok: true });
    const moved = await other.sql<{ name: string }>(
      `SELECT tableoid::regclass::text AS name FROM :"library".promo_code_history WHERE use_id = ${next}`,
    );
    expect(moved.rows[0]!.name).toContain(table(0));
    // As if it had been running for long.
    await other.sql(
      `INSERT INTO :"library".promo_code_history (kind, use_id, at) VALUES ('redeemed', 1, now() - interval '70 days')`,
    );
    const { repository } = other;
    await expect(repository.pruneHistory({ before: 'yesterday' })).rejects.toMatchObject({
      issues: [{ path: 'before' }],
    });
    expect(await repository.pruneHistory({ before: new Date(0) })).toEqual({ dropped: [] });
    const { dropped } = await repository.pruneHistory({ before: new Date() });
    expect(dropped).toHaveLength(1);
    expect(dropped[0]! < name(1)).toBe(true);
    expect(await other.kinds({ useId: next })).toEqual(['redeemed']);
    expect((await installTriggers(other.pool, { schema: other.schema })).changed).toBe(false);
    const [item] = (await repository.history({ useId: next })).items;
    for await (const record of repository.followHistory({ after: BigInt(item!.id) - 1n })) {
      expect(record.useId).toBe(next);
      break;
    }
  });

  it('are dropped without a deadlock with a reader, also where a month to come is missing', async () => {
    await other.sql(
      `INSERT INTO :"library".promo_code_history (kind, use_id, at) VALUES ('redeemed', 1, now() - interval '70 days')`,
    );
    const { rows } = await other.sql<{ name: string }>(`SELECT max(c.relname::text) AS name FROM pg_class AS c
       JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = :'library'
       WHERE c.relname ~ '^promo_code_history_[0-9]{4}_[0-9]{2}$'`);
    await other.sql(`DROP TABLE :"library".${rows[0]!.name}`);
    const [reader, pruner] = [await other.client(), await other.client()];
    await reader.query('BEGIN');
    // As far as a query is that has named the table, and not its partitions yet.
    await reader.query(other.expand('LOCK TABLE ONLY :"library".promo_code_history IN ACCESS SHARE MODE'));
    const pruned = other.repository.pruneHistory({ before: new Date(), client: pruner });
    await waitUntilBlocked(other.pool, pruner);
    await reader.query(other.expand('SELECT count(*) FROM :"library".promo_code_history'));
    await reader.query('COMMIT');
    expect((await pruned).dropped).toHaveLength(1);
  });
});
const other = useHistory();

it('docs/history.md: the statements that say why and who', async () => {
  const page = readFileSync('docs/history.md', 'utf8');
  const [, statements = ''] = /^```sql\n([\s\S]*?)^```$/m.exec(page) ?? [];
  const [code, second] = [await other.newCode(), await other.newCode()];
  await other.redeem(code);
  const client = await other.client();
  await client.query(other.expand('SET search_path = :"schema"'));
  await client.query(
    statements.replace('promo_code_id = 2', `promo_code_id = ${second.id}`).replace('= 1;', `= ${code.id};`),
  );
  const [moved] = await other.all({ promoCodeId: second.id });
  expect(moved).toMatchObject({ kind: 'moved', reason: 'merged two accounts', actor: 'dba:bob' });
  for (const { kind } of await other.all()) expect(page).toContain(`| \`${kind}\` |`);
});

it('pages and filters', async () => {
  const [code, second] = [
    await other.newCode({ perCustomerLimit: null }),
    await other.newCode({ perCustomerLimit: null }),
  ];
  for (let n = 0; n < 5; n += 1) await other.redeem(n % 2 ? code : second, { customerAddress: 'Ann' });
  const { repository } = other;
  const seen: string[] = [];
  let after: string | null = null;
  do {
    const { items, nextCursor } = await repository.history({
      customerAddress: 'ANN ',
      promoCodeId: second.id,
      limit: 2,
      after,
    });
    seen.push(...items.map(({ id }) => id));
    expect(items.length).toBeLessThanOrEqual(2);
    after = nextCursor;
  } while (after !== null);
  expect(seen).toHaveLength(3);
  expect([...seen].sort((a, b) => Number(a) - Number(b))).toEqual(seen);
  await expect(repository.history({ limit: 0, after: '-1', since: 1 } as never)).rejects.toMatchObject({
    issues: ['after', 'limit', 'since'].map((path) => expect.objectContaining({ path })),
  });
  await other.sql('ANALYZE :"library".promo_code_history');
  const { rows } = await other
    .sql<{ 'QUERY PLAN': string }>(
      `SET enable_seqscan = off; EXPLAIN SELECT * FROM :"library".promo_code_history AS h WHERE h.customer_address = 'ann' AND h.id > 5 ORDER BY h.id LIMIT 3`,
    )
    .then((answers) => (answers as unknown as { rows: { 'QUERY PLAN': string }[] }[])[1]!);
  expect(rows.map((row) => row['QUERY PLAN']).join('\n')).toMatch(/Merge Append[\s\S]*customer_address_id_idx/);
});

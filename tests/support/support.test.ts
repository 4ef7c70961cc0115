import pg from 'pg';
import { describe, expect, it } from 'vitest';
import {
  backendPid,
  barrier,
  clientToolOrSkip,
  eventually,
  runTool,
  useDatabase,
  useRole,
  useSchema,
  waitUntilBlocked,
} from '.';
import { expandNames } from './names';
import { changeUrl } from './urls';

const hostile = `É "st" 'x' \\ $& $1 %I`;

describe('a schema of its own', () => {
  const t = useSchema('own schema');

  it('is there under its name, whatever the style of the name', async () => {
    await t.sql('create table :"schema".notes (body text)');
    await t.sql('insert into :"schema".notes values ($1)', ['kept']);
    const { rows } = await t.sql<{ body: string; known: boolean }>(
      `select body, to_regnamespace(quote_ident(:'schema')) is not null as known from :"schema".notes`,
    );
    expect(rows).toEqual([{ body: 'kept', known: true }]);
    const { rows: named } = await t.sql('select 1 from pg_namespace where nspname = $1', [t.schema]);
    expect(named).toHaveLength(1);
  });

  it('has the style that TEST_SCHEMA_STYLE asks for', () => {
    const isHostile = process.env.TEST_SCHEMA_STYLE === 'hostile';
    for (const sign of [' ', '"', "'", '\\', '$', '%', 'T', 'é']) expect(t.schema.includes(sign)).toBe(isHostile);
    expect(Buffer.byteLength(t.schema)).toBeLessThanOrEqual(63);
  });

  it('gives connections that name this run and this schema', async () => {
    const client = await t.client();
    const { rows } = await client.query<{ name: string }>(`select current_setting('application_name') as name`);
    expect(rows[0]?.name).toMatch(/^run[0-9a-f]{8} /);
    expect(backendPid(client)).toBeGreaterThan(0);
  });

  it('knows the major version of the server', async () => {
    const { rows } = await t.sql<{ number: number }>(`select current_setting('server_version_num')::int as number`);
    expect(Math.floor((rows[0]?.number ?? 0) / 10_000)).toBe(t.version);
  });
});

describe('names', () => {
  it('are put into SQL as they are, also those that String.replace would expand', () => {
    const { escapeIdentifier, escapeLiteral } = pg;
    expect(expandNames(`:"a" :'a' :"b" x::"char"`, { a: hostile })).toBe(
      `${escapeIdentifier(hostile)} ${escapeLiteral(hostile)} :"b" x::"char"`,
    );
  });

  it('reach the server through a connection string', () => {
    const url = 'postgresql://someone:se+cret@localhost:5432/db';
    const changed = changeUrl(url, { user: hostile, database: hostile, applicationName: 'a b+c' });
    const client = new pg.Client({ connectionString: changed });
    expect(client).toMatchObject({ user: hostile, database: hostile, password: 'se+cret', host: 'localhost' });
    expect(changed).toContain('application_name=a%20b%2Bc');
  });
});

describe('a database of its own', () => {
  const t = useDatabase('own database');

  it('is another one than the common one, with the schema in it', async () => {
    await t.sql('alter database :"database" set timezone to $$Asia/Tokyo$$');
    const client = await t.client();
    const { rows } = await client.query(
      t.expand(`select current_database() as database, current_setting('timezone') as zone,
                       (select count(*)::int from pg_namespace where nspname = :'schema') as schemas`),
    );
    expect(rows).toEqual([{ database: t.database, zone: 'Asia/Tokyo', schemas: 1 }]);
  });
});

describe('a role of its own', () => {
  const t = useSchema('role');
  const reader = useRole({ label: 'reader' });

  it('logs in and has only the rights that it was granted', async () => {
    await t.sql('create table :"schema".open (); create table :"schema".shut ()');
    await t.sql(`grant usage on schema :"schema" to ${reader.quoted}`);
    await t.sql(`grant select on :"schema".open to ${reader.quoted}`);
    const client = await t.client(reader.login);
    const { rows } = await client.query('select current_user as role');
    expect(rows).toEqual([{ role: reader.role }]);
    await expect(client.query(t.expand('select from :"schema".open'))).resolves.toBeTruthy();
    await expect(client.query(t.expand('select from :"schema".shut'))).rejects.toMatchObject({ code: '42501' });
  });
});

describe('races', () => {
  const t = useSchema('races');

  it('are provoked: a waiting backend is seen waiting, and for whom', async () => {
    await t.sql('create table :"schema".rows (id int primary key); insert into :"schema".rows values (1)');
    const [first, second] = await Promise.all([t.client(), t.client()]);
    await first.query('begin');
    await first.query(t.expand('update :"schema".rows set id = 1'));
    const blocked = second.query(t.expand('update :"schema".rows set id = 1'));
    expect(await waitUntilBlocked(t.pool, second)).toEqual({
      pid: backendPid(second),
      lock: 'transactionid',
      blockers: [backendPid(first)],
    });
    await first.query('commit');
    await blocked;
  });

  it('say what happened instead when nothing blocks', async () => {
    const idle = await t.client();
    await expect(waitUntilBlocked(t.pool, idle, { timeoutMs: 20 })).rejects.toThrow(/it is idle/);
  });

  it('meet at a barrier, round after round', async () => {
    const meeting = barrier(2);
    const order: string[] = [];
    const walk = async (name: string): Promise<void> => {
      order.push(`${name}1`);
      await meeting.arrive();
      order.push(`${name}2`);
      await meeting.arrive();
    };
    await Promise.all([walk('a'), walk('b')]);
    expect(order.slice(0, 2).sort()).toEqual(['a1', 'b1']);
    expect(order.slice(2).sort()).toEqual(['a2', 'b2']);
  });

  it('wait for what becomes true, and rethrow what stays wrong', async () => {
    let calls = 0;
    const third = (): number => {
      calls += 1;
      if (calls < 3) throw new Error('not yet');
      return calls;
    };
    await expect(eventually(third)).resolves.toBe(3);
    const never = (): never => {
      throw new Error('never');
    };
    await expect(eventually(never, { timeoutMs: 30 })).rejects.toThrow('never');
  });
});

const psql = clientToolOrSkip('psql');
describe.skipIf(!psql)('psql', () => {
  const t = useDatabase('psql');

  it('reaches the same database by the same connection string', async () => {
    const script = 'select current_database();';
    const result = await runTool(psql!, ['-XAt', '-d', t.url], { input: script });
    expect(result).toEqual({ code: 0, stdout: `${t.database}\n`, stderr: '' });
  });
});

const pgDump = clientToolOrSkip('pg_dump');
describe.skipIf(!pgDump)('pg_dump', () => {
  const t = useDatabase('dump');

  it('dumps a database of its own', async () => {
    await t.sql('create table :"schema".dumped (id int)');
    const result = await runTool(pgDump!, ['--schema-only', '-d', t.url]);
    expect(result).toMatchObject({ code: 0, stderr: '' });
    expect(result.stdout).toContain('.dumped (');
  });
});

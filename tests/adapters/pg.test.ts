import pg from 'pg';
import { expect, it } from 'vitest';
import type { HostTransaction } from './adapted';
import { adapterContract } from './contract';

/** What statements of the library ask for and answer: what libraries make trouble of is not among it. */
const answered = new Map<string, string>();
const asked = new Set<string>();
const givenUndefined = new Set<string>();

/** Answers that nobody reads. */
const UNREAD = /^SELECT set_config\(|^\s*SELECT (pg_catalog\.)?set_config|FOR NO KEY UPDATE/;
const { TEXT, BOOL, INT2, INT4, INT8 } = pg.types.builtins;

adapterContract('node-postgres', async (url) => {
  const pool = new pg.Pool({ connectionString: url, max: 4 });
  pool.on('error', () => {});
  return {
    async transaction(work, isolation) {
      const client = await pool.connect();
      const query = async (statement: string | { text: string; values?: unknown[] }, given?: unknown[]) => {
        const { text, values = [] } = typeof statement === 'string' ? { text: statement, values: given } : statement;
        asked.add(text);
        if (values.includes(undefined)) givenUndefined.add(text);
        const result = await client.query(text, values);
        if (!UNREAD.test(text))
          for (const { name, dataTypeID } of result.fields ?? []) answered.set(`${name} ${dataTypeID}`, text);
        return result;
      };
      const recorded = { query };
      const transaction: HostTransaction = {
        adapt: () => recorded,
        run: (text) => client.query(text),
      };
      try {
        await client.query(`BEGIN ISOLATION LEVEL ${isolation ?? 'read committed'}`);
        const result = await work(transaction);
        await client.query('COMMIT');
        return result;
      } catch (error) {
        await client.query('ROLLBACK');
        throw error;
      } finally {
        client.release();
      }
    },
    close: () => pool.end(),
  };
});

it('columns are answered under one word in lower case, which no library renames, and as types that all read alike', () => {
  expect(answered.size).toBeGreaterThan(20);
  const types = [TEXT, BOOL, INT2, INT4, INT8];
  const strange = [...answered].filter(([column]) => {
    const [name = '', type] = column.split(' ');
    return !/^[a-z]+$/.test(name) || !types.includes(Number(type));
  });
  expect(strange).toEqual([]);
});

it('parameters are never undefined, and JSON goes in as text', () => {
  expect([...givenUndefined]).toEqual([]);
  expect([...asked].filter((text) => /\$\d+::jsonb?\b/.test(text))).toEqual([]);
});

it('no operator looks like a placeholder', () => {
  const bare = (text: string) =>
    text.replace(/\$[\w]*\$[\s\S]*?\$[\w]*\$|'(?:[^']|'')*'|"[^"]*"|--[^\n]*|\/\*[\s\S]*?\*\//g, '');
  expect([...asked].filter((text) => bare(text).includes('?'))).toEqual([]);
});

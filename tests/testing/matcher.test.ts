import { beforeAll, expect, it } from 'vitest';
import { DriftError } from '../../src/index';
import { toHaveNoDrift } from '../../src/testing/index';
import { useRepository } from '../support/repository';

expect.extend({ toHaveNoDrift });

const t = useRepository('matcher');
const { pool, schema } = t;
let code: string;
beforeAll(async () => {
  code = (await t.newCode()).code;
});

const drift = (by: number) =>
  t.sql(`ALTER TABLE :"schema".promo_codes DISABLE TRIGGER USER;
         UPDATE :"schema".promo_codes SET times_used = times_used + ${by};
         ALTER TABLE :"schema".promo_codes ENABLE TRIGGER USER`);
const failureOf = (assertion: Promise<unknown>) =>
  assertion.then(
    () => 'it held',
    (error: Error) => error.message,
  );

it('holds without drift, and says so where the opposite was expected', async () => {
  await expect(pool).toHaveNoDrift({ schema });
  expect(await failureOf(expect(pool).not.toHaveNoDrift({ schema }))).toContain(
    `In the schema ${schema} there is no drift`,
  );
});

it('shows the codes that differ as a table', async () => {
  await drift(3);
  try {
    await expect(pool).not.toHaveNoDrift({ schema });
    const message = await failureOf(expect(pool).toHaveNoDrift({ schema }));
    expect(message).toMatch(new RegExp(`1 code differs from the uses:[\\s\\S]*${code}[\\s\\S]* 3 [\\s\\S]* 0 `));
    await expect(pool).toHaveNoDrift({ schema, shopId: 'another' });
    const client = await pool.connect();
    await expect(client).not.toHaveNoDrift({ schema });
    client.release();
  } finally {
    await drift(-3);
  }
});

it('names a trigger that is not in order', async () => {
  await t.sql('ALTER TABLE :"schema".promo_code_uses DISABLE TRIGGER promo_code_uses_insert_trigger');
  expect(await failureOf(expect(pool).toHaveNoDrift({ schema }))).toMatch(/promo_code_uses_insert_trigger.*: disabled/);
  await t.sql('ALTER TABLE :"schema".promo_code_uses ENABLE TRIGGER promo_code_uses_insert_trigger');
});

it.each([
  ['no database', () => expect('a text').not.toHaveNoDrift(), 'VALIDATION'],
  ['an unknown option', () => expect(pool).not.toHaveNoDrift({ schemas: schema } as never), 'VALIDATION'],
  ['no tables', () => expect(pool).not.toHaveNoDrift({ schema: `${schema.slice(0, 60)}no` }), 'NOT_INSTALLED'],
])('%s is no drift either: with and without not it is an error', async (_, act, expected) => {
  await expect(act()).rejects.toMatchObject({ code: expected });
});

it('is a function that answers as expect.extend wants it', async () => {
  const { pass, message } = await toHaveNoDrift(pool, { schema });
  expect({ pass, message: message() }).toEqual({ pass: true, message: expect.stringContaining('no drift') });
  expect(new DriftError('x', [])).toBeInstanceOf(Error);
});

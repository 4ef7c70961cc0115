import { afterEach, expect, it } from 'vitest';
import { checkDrift, type PromoCode, PromoCodeRepository, ValidationError } from '../../src/index';
import { intercepted } from '../support/intercepted';
import { useRepository, waitingRedemption } from '../support/repository';

const t = useRepository('errors of others');
const { newCode, request, schema } = t;
afterEach(async () => {
  await t.sql('DROP TRIGGER IF EXISTS picky ON :"schema".promo_code_uses');
  expect(await checkDrift(t.pool, { schema })).toEqual([]);
});

/** A trigger of the host that looks at each row. */
async function install(body: string): Promise<void> {
  await t.sql(`CREATE OR REPLACE FUNCTION :"schema".picky() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN ${body} RETURN NEW; END $$;
               CREATE TRIGGER picky BEFORE INSERT ON :"schema".promo_code_uses
                  FOR EACH ROW EXECUTE FUNCTION :"schema".picky()`);
}

/** Calls that go as one batch, behind one of the same code; and how many statements that took. */
async function together(code: PromoCode, customers: string[]) {
  let statements = 0;
  const pool = intercepted(t.pool, (text, values, send) => {
    if (text.includes('.redeem_promo_code')) statements += 1;
    return send(text, values);
  });
  const repository = new PromoCodeRepository(pool, { schema });
  await repository.redeem(request(await newCode(), { customerAddress: 'early' }));
  const holder = await t.client();
  await holder.query('BEGIN');
  await holder.query(t.expand('SELECT FROM :"schema".promo_codes WHERE id = $1 FOR NO KEY UPDATE'), [code.id]);
  const first = repository.redeem(request(code, { customerAddress: 'first' }));
  await waitingRedemption(t);
  const others = customers.map((customerAddress) =>
    repository.redeem(request(code, { customerAddress })).catch((error: unknown) => error),
  );
  await holder.query('COMMIT');
  await first.catch(() => undefined);
  const outcomes = (await Promise.all(others)) as { ok?: boolean; code?: string; message?: string }[];
  return { outcomes, statements };
}

const raising = (sqlState: string) =>
  `IF NEW.customer_address = 'boom@x' THEN
     RAISE 'the card of % is stolen', NEW.customer_address USING ERRCODE = '${sqlState}';
   END IF;`;

it.each([
  ['raises XX000', raising('XX000'), 'DATABASE_ERROR'],
  ['raises 57014', raising('57014'), 'TIMEOUT'],
  ['raises 53100', raising('53100'), 'DATABASE_ERROR'],
  ['raises 53400', raising('53400'), 'DATABASE_ERROR'],
  ['raises 57P01', raising('57P01'), 'DATABASE_ERROR'],
  ['raises 08006', raising('08006'), 'DATABASE_ERROR'],
  ['raises 53300', raising('53300'), 'DATABASE_ERROR'],
  ['raises 25006', raising('25006'), 'READ_ONLY'],
  ['raises 42501', raising('42501'), 'INSUFFICIENT_PRIVILEGE'],
  ['raises P0001', raising('P0001'), 'DATABASE_ERROR'],
  ['raises 42P01', raising('42P01'), 'NOT_INSTALLED'],
  ['reads no table', `IF NEW.customer_address = 'boom@x' THEN PERFORM FROM no_such_table; END IF;`, 'NOT_INSTALLED'],
  ['calls nothing', `IF NEW.customer_address = 'boom@x' THEN PERFORM no_such_function(); END IF;`, 'DATABASE_ERROR'],
  ['divides by zero', `IF NEW.customer_address = 'boom@x' THEN PERFORM 1 / 0; END IF;`, 'DATABASE_ERROR'],
])('a trigger of the host that %s for one customer fails nobody else', async (_, body, errorCode) => {
  await install(body);
  const code = await newCode();
  const customers = Array.from({ length: 20 }, (_each, place) => (place === 13 ? 'boom@x' : `c${place}`));
  const { outcomes, statements } = await together(code, customers);
  expect(outcomes.map(({ ok, code: failure }) => (ok ? 'ok' : failure))).toEqual(
    customers.map((name) => (name === 'boom@x' ? errorCode : 'ok')),
  );
  expect(statements).toBeLessThanOrEqual(2 + 11);
  expect(await t.counts(code)).toMatchObject({ timesUsed: 20, uses: 20 });
});

it('an error that meets everybody costs a few statements', async () => {
  await install(`IF NEW.customer_address ~ '^secret' THEN PERFORM FROM no_such_table; END IF;`);
  const code = await newCode();
  const customers = Array.from({ length: 100 }, (_, place) => `secret-${place}`);
  const { outcomes, statements } = await together(code, customers);
  for (const outcome of outcomes) expect(outcome).toMatchObject({ code: 'NOT_INSTALLED' });
  expect(statements).toBeLessThanOrEqual(2 + 10);
});

it('redeemMany says of an error which request it was, where the server shows the row', async () => {
  await t.sql(`ALTER TABLE :"schema".promo_code_uses ADD CONSTRAINT nobody_evil CHECK (customer_address <> 'mallory')`);
  const code = await newCode();
  const requests = ['ann', 'bob', 'mallory', 'cho'].map((customerAddress) => request(code, { customerAddress }));
  const error = await t.repository.redeemMany(requests).catch((failure: unknown) => failure);
  await t.sql('ALTER TABLE :"schema".promo_code_uses DROP CONSTRAINT nobody_evil');
  expect(error).toBeInstanceOf(ValidationError);
  expect(error).toMatchObject({ message: expect.stringMatching(/^requests\[2\]\..*nobody_evil/) });
  expect(await t.counts(code)).toMatchObject({ timesUsed: 0, uses: 0 });
});

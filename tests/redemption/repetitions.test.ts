import net from 'node:net';
import pg from 'pg';
import { beforeAll, describe, expect, it } from 'vitest';
import { checkDrift, installSchema, PromoCodeRepository, PromoCodesError } from '../../src/index';
import { useSchema } from '../support';
import { intercepted } from '../support/intercepted';
import { useRepository } from '../support/repository';

type Statement = readonly [text: string, values: unknown[] | undefined];

const isRedemption = (text: string) => text.includes('.redeem_promo_code');
const reset = () => Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' });

/** A pool whose answer to the first redemption is lost: the server has committed, and `meanwhile` comes before the repetition. */
function losing(pool: pg.Pool, { error = reset() as Error, meanwhile = async (): Promise<unknown> => undefined } = {}) {
  const sent: Statement[] = [];
  const database = intercepted(pool, async (text, values, send) => {
    const answer = await send(text, values);
    if (!isRedemption(text)) return answer;
    sent.push([text, values]);
    if (sent.length > 1) return answer;
    await meanwhile();
    throw error;
  });
  return { ...database, sent };
}

describe.each(['own', 'seed'] as const)('an answer that is lost, on the tables of %s', (tables) => {
  const t = useRepository(`repetitions ${tables}`, { tables });
  const { newCode, request, counts, schema } = t;

  it.each([
    ['EHOSTUNREACH', 'read'],
    ['ENETUNREACH', 'read'],
    ['ECONNREFUSED', 'read'],
    ['EHOSTDOWN', 'read'],
    ['ENOTCONN', 'shutdown'],
    ['ENOTCONN', ''],
    ['ECANCELED', 'write'],
    ['ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC', ''],
    ['ERR_STREAM_PREMATURE_CLOSE', ''],
  ])('with %s %s: the call answers, with one use', async (code, syscall) => {
    const error = Object.assign(new Error(`${syscall} ${code}`), { code, ...(syscall && { syscall }) });
    const pool = losing(t.pool, { error });
    const promoCode = await newCode({ perCustomerLimit: null });
    const result = await new PromoCodeRepository(pool, { schema }).redeem(request(promoCode));
    expect(result).toMatchObject({ ok: true, replayed: false });
    // The repetition needs no function: a plain look finds the use.
    expect(pool.sent).toHaveLength(1);
    expect(await counts(promoCode)).toMatchObject({ timesUsed: 1, uses: 1 });
  });

  it('for good, with the same: the outcome is unknown, and no raw error comes out', async () => {
    const code = await newCode();
    let isBroken = false;
    const pool = intercepted(t.pool, async (text, values, send) => {
      const answer = await send(text, values);
      if (isBroken) throw Object.assign(new Error('gone'), { code: 'EHOSTUNREACH', syscall: 'read' });
      return answer;
    });
    const repository = new PromoCodeRepository(pool, { schema, retry: { attempts: 3, maxDelayMs: 1 } });
    await repository.redeem(request(code));
    isBroken = true;
    await expect(repository.redeem(request(code))).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    expect(await counts(code)).toMatchObject({ timesUsed: 2, uses: 2 });
  });

  it.each([null, 1])('while a trigger of the host changes the customer (limit of a customer: %s)', async (limit) => {
    await t.sql(`CREATE OR REPLACE FUNCTION :"schema".mask() RETURNS trigger LANGUAGE plpgsql AS
                   $$ BEGIN NEW.customer_address := 'masked ' || NEW.id; RETURN NEW; END $$;
                 CREATE TRIGGER mask BEFORE INSERT ON :"schema".promo_code_uses
                    FOR EACH ROW EXECUTE FUNCTION :"schema".mask()`);
    const code = await newCode({ perCustomerLimit: limit });
    const result = await new PromoCodeRepository(losing(t.pool), { schema }).redeem(request(code));
    await t.sql('DROP TRIGGER mask ON :"schema".promo_code_uses');
    expect(result).toMatchObject({
      ok: true,
      replayed: false,
      use: { customerAddress: expect.stringMatching(/^masked/) },
    });
    expect(await counts(code)).toMatchObject({ timesUsed: 1, uses: 1 });
  });

  it('of a use that was amended or confirmed in between', async () => {
    const [amended, confirmed] = [await newCode({ perCustomerLimit: null }), await newCode({ perCustomerLimit: null })];
    const useOf = async ({ id }: { id: string }) => (await t.repository.usesByCode(id)).items[0]!.id;
    const first = losing(t.pool, {
      meanwhile: async () => t.repository.amendUse(await useOf(amended), { baseReward: 11, transactionId: 'late' }),
    });
    expect(await new PromoCodeRepository(first, { schema }).redeem(request(amended))).toMatchObject({
      ok: true,
      replayed: false,
      use: { baseReward: '11.00', transactionId: 'late' },
    });
    const second = losing(t.pool, {
      meanwhile: async () => t.repository.confirm(await useOf(confirmed), { transactionId: 'paid' }),
    });
    const held = { ...request(confirmed), ttlSeconds: 60 };
    expect(await new PromoCodeRepository(second, { schema }).reserve(held)).toMatchObject({
      ok: true,
      replayed: false,
      use: { transactionId: 'paid' },
    });
    for (const code of [amended, confirmed]) expect(await counts(code)).toMatchObject({ timesUsed: 1, uses: 1 });
  });

  it('of one of a batch that was amended in between, with a key and without', async () => {
    const code = await newCode({ perCustomerLimit: null });
    const pool = losing(t.pool, {
      meanwhile: async () => {
        const { items } = await t.repository.usesByCode(code.id);
        await Promise.all(items.map(({ id }) => t.repository.amendUse(id, { baseReward: 11 })));
      },
    });
    const results = await new PromoCodeRepository(pool, { schema }).redeemMany([
      request(code),
      request(code, { idempotencyKey: `amended ${tables}` }),
      request(code),
    ]);
    for (const result of results)
      expect(result).toMatchObject({ ok: true, replayed: false, use: { baseReward: '11.00' } });
    expect(await counts(code)).toMatchObject({ timesUsed: 3, uses: 3 });
  });

  it('of an amount that a domain rounds', async () => {
    await t.sql(`CREATE DOMAIN :"schema".amount AS numeric(18,2);
                 ALTER TABLE :"schema".promo_code_uses ALTER base_reward TYPE :"schema".amount`);
    const code = await newCode({ perCustomerLimit: null });
    const asked = request(code, { baseReward: '10.005' });
    const result = await new PromoCodeRepository(losing(t.pool), { schema }).redeem(asked);
    expect(result).toMatchObject({ ok: true, replayed: false, use: { baseReward: '10.01' } });
    expect(await counts(code)).toMatchObject({ timesUsed: 1, uses: 1 });
  });

  it('leaves the counters true', async () => {
    expect(await checkDrift(t.pool, { schema })).toEqual([]);
  });
});

/** As PostgreSQL makes it when the key of the table is that of its partitions as well. */
const partitionedUses = (key: string, by: string, parts: string) => `
  CREATE TABLE :"schema".promo_code_uses (
    id               bigint GENERATED BY DEFAULT AS IDENTITY,
    promo_code_id    bigint NOT NULL,
    customer_address text NOT NULL,
    shop_id          text NOT NULL,
    transaction_id   text,
    base_reward      numeric(18,2) NOT NULL,
    bonus_amount     numeric(18,2),
    total_reward     numeric(18,2) NOT NULL,
    used_at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (${key})
  ) PARTITION BY ${by};
  ${parts.replace(/\w+(?= OF)/g, (name) => `CREATE TABLE :"schema".${name} PARTITION`).replaceAll(' OF ', ' OF :"schema".promo_code_uses ')}
`;
const MONTHS = `past OF FOR VALUES FROM (MINVALUE) TO ('2020-01-01'); present OF FOR VALUES FROM ('2020-01-01') TO (MAXVALUE);`;
/** What sets the time of a use itself keeps it from being looked for in the last partitions only. */
const BACKDATED = `
  CREATE FUNCTION :"schema".backdate() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN NEW.used_at := now() - interval '1 year'; RETURN NEW; END $$;
  CREATE TRIGGER backdate BEFORE INSERT ON :"schema".promo_code_uses FOR EACH ROW EXECUTE FUNCTION :"schema".backdate()`;
const PARTITIONINGS = [
  ['none', ''],
  ['by time', partitionedUses('id, used_at', 'RANGE (used_at)', MONTHS)],
  ['by time, which the host sets', partitionedUses('id, used_at', 'RANGE (used_at)', MONTHS + BACKDATED)],
  ['by a list of shops', partitionedUses('id, shop_id', 'LIST (shop_id)', 'all_shops OF DEFAULT;')],
  [
    'by hash of the code',
    partitionedUses('promo_code_id, id', 'HASH (promo_code_id)', 'only OF FOR VALUES WITH (MODULUS 1, REMAINDER 0);'),
  ],
] as const;

describe.each(PARTITIONINGS)(
  'a first attempt that arrives after its repetition was answered, partitions: %s',
  (_, tables) => {
    const t = useSchema('late attempt');
    beforeAll(async () => {
      if (tables) await t.sql(tables);
      await installSchema(t.pool, { schema: t.schema });
    });

    it.each([1, 3])('makes no second use (%s in one statement)', async (size) => {
      const { schema } = t;
      const delayed: Statement[] = [];
      const pool = intercepted(t.pool, async (text, values, send) => {
        if (!isRedemption(text) || delayed.length > 0) return send(text, values);
        delayed.push([text, values]);
        throw reset();
      });
      const repository = new PromoCodeRepository(pool, { schema });
      const code = await repository.create({ code: `LATE${size}`, shopId: 's', bonusValue: 5, perCustomerLimit: null });
      const asked = { code: code.code, shopId: 's', customerAddress: 'ann', baseReward: 10 };
      const results = await (size === 1 ? repository.redeem(asked) : repository.redeemMany(Array(size).fill(asked)));
      for (const result of [results].flat()) expect(result).toMatchObject({ ok: true, replayed: false });
      const [late] = delayed;
      await expect(t.pool.query(late![0], late![1])).rejects.toMatchObject({ code: '23505' });
      expect((await repository.usesByCode(code.id)).items).toHaveLength(size);
      expect(await repository.findById(code.id)).toMatchObject({ timesUsed: size });
      expect(await checkDrift(t.pool, { schema })).toEqual([]);
    });
  },
);

describe('a server that is not reached', () => {
  const t = useRepository('unreached');
  const { newCode, request, counts, schema } = t;

  it('at any address of its name is tried again', async () => {
    const refused = await refusalOfAllAddresses();
    expect(refused).toMatchObject({ name: 'AggregateError', message: '', code: 'ECONNREFUSED' });
    let refusals = 0;
    const pool = intercepted(t.pool, async (text, values, send) => {
      if (!isRedemption(text) || refusals >= 2) return send(text, values);
      refusals += 1;
      throw refused;
    });
    const code = await newCode();
    expect(await new PromoCodeRepository(pool, { schema }).redeem(request(code))).toMatchObject({ ok: true });
    refusals = 0;
    const hopeless = new PromoCodeRepository(pool, { schema, retry: { attempts: 2, maxDelayMs: 1 } });
    await expect(hopeless.redeem(request(code))).rejects.toMatchObject({
      code: 'CONNECTION_FAILED',
      message: expect.stringContaining('ECONNREFUSED'),
    });
    expect(await counts(code)).toMatchObject({ timesUsed: 1, uses: 1 });
    const none = { query: () => Promise.reject(refused), connect: () => Promise.reject(refused) };
    await expect(checkDrift(none, { schema })).rejects.toMatchObject({ code: 'CONNECTION_FAILED' });
  });

  it('because the pool was ended is told by an error of the library', async () => {
    const pool = new pg.Pool({ connectionString: t.url });
    const [fresh, used] = [0, 1].map(() => new PromoCodeRepository(pool, { schema }));
    const code = await newCode();
    await used!.redeem(request(code));
    await pool.end();
    for (const repository of [fresh!, used!]) {
      await expect(repository.redeem(request(code))).rejects.toBeInstanceOf(PromoCodesError);
      await expect(repository.redeemMany([request(code)])).rejects.toBeInstanceOf(PromoCodesError);
      await expect(repository.list()).rejects.toBeInstanceOf(PromoCodesError);
    }
    expect(await counts(code)).toMatchObject({ timesUsed: 1, uses: 1 });
  });

  /** What Node.js says of a name with two addresses, at neither of which somebody listens. */
  function refusalOfAllAddresses(): Promise<Error> {
    const addresses = ['127.0.0.1', '127.0.0.2'].map((address) => ({ address, family: 4 }));
    return new Promise((resolve) => {
      const socket = net.connect({
        host: 'two.addresses.test',
        port: 1,
        autoSelectFamily: true,
        lookup: (_host, _options, done) => done(null, addresses),
      });
      socket.once('error', resolve);
    });
  }
});

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  checkDrift,
  installTriggers,
  PromoCodeRepository,
  type RedeemEvent,
  repairDrift,
  streamDrift,
} from '../../src/index';
import { useRepository } from '../support/repository';
import { failureOf, NAMES } from './fixture';

const t = useRepository('personal');
const { schema } = t;

/** All that was published, in full, at the moment of its publication. */
let published: string[] = [];
let last: unknown;
const listener = (event: unknown, name: string | symbol) => {
  last = event;
  published.push(`${String(name)} ${inspect(event, { depth: null, maxArrayLength: null, maxStringLength: null })}`);
};
beforeEach(() => {
  published = [];
  for (const name of NAMES) subscribe(name, listener);
});
afterEach(() => {
  for (const name of NAMES) unsubscribe(name, listener);
});

/** Each stands in one place only. */
const MARKS = ['MARKCODE', 'markcustomer', 'markkey', 'marktransaction', '77123.45', 'markbad', 'markip'];

/** Calls of every kind, with answers, refusals, and errors whose messages quote what was given. */
async function useMarks(repository: PromoCodeRepository, shopId = 'shop-7'): Promise<void> {
  await repository.ensure({ code: 'MARKCODE', shopId, bonusValue: '1', perCustomerLimit: null });
  const request = {
    code: 'markcode',
    shopId,
    customerAddress: 'markcustomer',
    baseReward: '77123.45',
    idempotencyKey: 'markkey',
    transactionId: 'marktransaction',
  };
  const { idempotencyKey: _, ...fresh } = request;
  const options = { rateLimitKey: 'markip' };
  const made = await repository.redeem(request, options);
  await repository.redeem(request, options);
  await failureOf(repository.redeem({ ...request, baseReward: '1' }, options));
  await repository.redeem({ ...fresh, code: 'MARKCODE-NOT-THERE' }, options);
  await failureOf(repository.redeem({ ...fresh, baseReward: 'markbad' }, options));
  await failureOf(repository.redeem({ ...fresh, columns: { markbad: 1 } }, options));
  await failureOf(repository.redeem({ ...fresh, customerAddress: 'markcustomer-mallory' }, options));
  await Promise.all([fresh, fresh, fresh].map((each) => repository.redeem(each, options)));
  await repository.redeemMany([fresh, request]);
  await repository.reserve({ ...fresh, ttlSeconds: 60 }, options);
  const { transactionId: __, ...preview } = fresh;
  await repository.validate(preview, options);
  await failureOf(repository.validate({ ...preview, baseReward: 'markbad' }, options));
  await failureOf(repository.rollbackUse('markbad'));
  await repository.rollbackUse(made.ok ? made.use.id : '');
}

it('is in no event, whatever happens', async () => {
  await t.sql(`ALTER TABLE :"schema".promo_code_uses ADD CONSTRAINT no_mallory CHECK (customer_address !~ 'mallory')`);
  await useMarks(new PromoCodeRepository(t.pool, { schema, rateLimit: true }));
  await t.sql('ALTER TABLE :"schema".promo_codes DISABLE TRIGGER USER');
  await t.sql('UPDATE :"schema".promo_codes SET times_used = 99');
  await t.sql('ALTER TABLE :"schema".promo_codes ENABLE TRIGGER USER');
  expect(await checkDrift(t.pool, { schema })).toMatchObject([{ code: 'MARKCODE' }]);
  for await (const { code } of streamDrift(t.pool, { schema })) expect(code).toBe('MARKCODE');
  await repairDrift(t.pool, { schema });
  await installTriggers(t.pool, { schema });

  expect(published.length).toBeGreaterThan(100);
  const all = published.join('\n');
  for (const mark of MARKS) expect(all.toLowerCase()).not.toContain(mark.toLowerCase());
  // The shop is there.
  expect(all).toContain('shop-7');
});

it('is in the events of calls when it is asked for, and in those of shared statements never', async () => {
  await useMarks(
    new PromoCodeRepository(t.pool, { schema, rateLimit: true, diagnostics: { personalData: true } }),
    'shop-8',
  );
  const all = published.join('\n');
  for (const mark of MARKS.filter((each) => each !== 'markip')) expect(all).toContain(mark);
  for (const line of published) {
    if (/^\S*pg-promo-codes:(batch|retry|install|drift)/.test(line)) {
      for (const mark of MARKS) expect(line.toLowerCase()).not.toContain(mark.toLowerCase());
    }
  }
});

it('is what the caller gave, what was answered, and what was thrown', async () => {
  const repository = new PromoCodeRepository(t.pool, { schema, diagnostics: { personalData: true } });
  const code = await t.newCode();
  const input = t.request(code);
  const result = await repository.redeem(input);
  expect((last as RedeemEvent).personal).toEqual({ input, result });
  expect((last as RedeemEvent).personal!.input).toBe(input);
  const error = await failureOf(repository.redeem({ ...input, baseReward: 'ten' }));
  expect((last as RedeemEvent).personal!.error).toBe(error);
});

it('the option is checked', () => {
  const make = (diagnostics: object) => () => new PromoCodeRepository(t.pool, { diagnostics });
  expect(make({ personalData: 'yes' })).toThrow('diagnostics.personalData: must be true or false');
  expect(make({ personaldata: true })).toThrow('personalData?');
});

import { beforeAll, describe, expect, it } from 'vitest';
import { type PromoCode, PromoCodeRepository, type RedeemInput } from '../../src/index';
import { intercepted } from '../support/intercepted';
import { useRepository } from '../support/repository';

const t = useRepository('enumeration');
const DAY = 86_400_000;
const [before, after] = [new Date(Date.now() - DAY), new Date(Date.now() + DAY)];
const FAILURES = 1_000_000;
const repository = new PromoCodeRepository(t.pool, { schema: t.schema, uniformRefusals: true });
const limited = new PromoCodeRepository(t.pool, {
  schema: t.schema,
  uniformRefusals: true,
  rateLimit: { failures: FAILURES },
});

/** Codes that cannot be used for a reason that only tells that they are there, and where each of them stands. */
const HIDDEN = [
  'inactive',
  'early',
  'late',
  'bound',
  'of-a-campaign',
  'used-up-and-late',
  'elsewhere',
  'none',
] as const;
let used: PromoCode;
beforeAll(async () => {
  const { campaigns } = repository;
  const { id: campaignId } = await campaigns.create({ shopId: 'shop', name: 'over', isActive: false });
  await t.newCode({ code: 'inactive', isActive: false });
  await t.newCode({ code: 'early', startDate: after, endDate: new Date(after.getTime() + DAY) });
  await t.newCode({ code: 'late', startDate: new Date(before.getTime() - DAY), endDate: before });
  await t.newCode({ code: 'bound', customerAddress: 'somebody' });
  await t.newCode({ code: 'of-a-campaign', campaignId });
  await t.newCode({ code: 'elsewhere', shopId: 'another' });
  const late = await t.newCode({ code: 'used-up-and-late', totalUsageLimit: 1 });
  used = await t.newCode({ code: 'used-up', totalUsageLimit: 1 });
  for (const code of [late, used]) expect(await repository.redeem(t.request(code))).toMatchObject({ ok: true });
  await repository.update(late.id, { startDate: new Date(before.getTime() - DAY), endDate: before });
});

const guess = (code: string): RedeemInput => ({ code, shopId: 'shop', customerAddress: 'guesser', baseReward: 10 });

/** Every way to ask for a code. */
const WAYS: [string, (asked: RedeemInput) => Promise<unknown>][] = [
  ['redeem', (asked) => repository.redeem(asked)],
  ['redeem with a key', (asked) => repository.redeem({ ...asked, idempotencyKey: `key of ${asked.code}` })],
  ['redeem with a bonus', (asked) => repository.redeem({ ...asked, bonusAmount: 1 })],
  ['redeemMany', (asked) => repository.redeemMany([asked])],
  ['reserve', (asked) => repository.reserve({ ...asked, ttlSeconds: 60 })],
  ['validate', ({ baseReward: _, ...asked }) => repository.validate(asked)],
  ['validate with an amount', (asked) => repository.validate(asked)],
  ['with the limiter', (asked) => limited.redeem(asked, { rateLimitKey: 'ip' })],
  [
    'in a transaction',
    async (asked) => {
      const client = await t.client();
      try {
        await client.query('BEGIN');
        return await repository.redeem(asked, { client });
      } finally {
        await client.end();
      }
    },
  ],
];

describe('what a guesser is answered tells no code that is there from one that is not', () => {
  it.each(WAYS)('by %s', async (_, ask) => {
    const answers = new Map<string, string[]>();
    for (const code of HIDDEN) {
      const answer = JSON.stringify(await ask(guess(code)));
      answers.set(answer, [...(answers.get(answer) ?? []), code]);
    }
    expect([...answers.values()]).toEqual([[...HIDDEN]]);
    expect([...answers.keys()][0]).toContain('not_found');
  });

  it('nor what is wrong with the rest of the request', async () => {
    const wrong = [
      { baseReward: '1e400' },
      { customerAddress: ' ' },
      { transactionId: 'x'.repeat(501) },
      { columns: { none: 1 } },
      { bonusAmount: -1 },
    ];
    for (const fields of wrong) {
      const messages = new Set<string>();
      for (const code of [...HIDDEN, 'used-up']) {
        const error = await repository.redeem({ ...guess(code), ...fields } as never).catch((thrown) => thrown);
        messages.add(`${error.code} ${error.message}`);
      }
      expect([...messages]).toHaveLength(1);
    }
  });

  it('and each of them is one failure for the limiter', async () => {
    const points = async (key: string) => {
      const { rows } = await t.sql<{ points: number }>(
        'SELECT points FROM :"library".promo_code_rate_limits WHERE key LIKE $1',
        [`%${key}`],
      );
      return rows.map((row) => row.points);
    };
    for (const code of HIDDEN) {
      await limited.redeem(guess(code), { rateLimitKey: `one ${code}` });
      expect(await points(`one ${code}`), code).toEqual([1]);
      await limited.validate(guess(code), { rateLimitKey: `two ${code}` });
      expect(await points(`two ${code}`), code).toEqual([1]);
    }
    // By design: honest customers meet this.
    await limited.redeem(guess('used-up'), { rateLimitKey: 'one used up' });
    expect(await points('one used up')).not.toEqual([1]);
  });

  it('by as many statements', async () => {
    let sent: string[] = [];
    const pool = intercepted(t.pool, (text, values, send) => {
      sent.push(text);
      return send(text, values);
    });
    const counting = new PromoCodeRepository(pool, { schema: t.schema, uniformRefusals: true });
    // What is known of the host, and ids, are fetched ahead.
    for (let time = 0; time < 3; time += 1) await counting.redeem(guess('none'));
    const counts: [string, number][] = [];
    for (const code of HIDDEN) {
      sent = [];
      await counting.redeem(guess(code));
      counts.push([code, sent.length]);
    }
    expect(counts).toEqual(HIDDEN.map((code) => [code, counts[0]![1]]));
  });

  it('a code that is used up is named, as the page says', async () => {
    expect(await repository.redeem(guess('used-up'))).toMatchObject({
      reason: 'usage_limit_reached',
      promoCodeId: used.id,
    });
  });
});

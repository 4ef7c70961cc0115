import { readFileSync } from 'node:fs';
import { beforeAll, expect, it } from 'vitest';
import { installSchema, PromoCodeRepository } from '../../src/index';
import { useDatabase } from '../support';
import { pageText, tableOf } from './page';

const t = useDatabase('requirements');
const repository = new PromoCodeRepository(t.pool);
beforeAll(async () => {
  await installSchema(t.pool);
  await repository.create({ code: 'A', shopId: 's', bonusValue: 1, perCustomerLimit: null });
});

const ask = { code: 'A', shopId: 's', customerAddress: 'ann', baseReward: 1 };
const redeem = (fields: object) => repository.redeem({ ...ask, ...fields });
const create = (fields: object) =>
  repository.create({ code: `C${Math.random()}`, shopId: 's', bonusValue: 1, ...fields });
const newCampaign = (fields: object = {}) => repository.campaigns.create({ shopId: 's', name: 'x', ...fields });
const made = (options: object) => async () => new PromoCodeRepository(t.pool, options as never);
const ascii = (length: number) => 'x'.repeat(length);
/** Two bytes each. */
const umlauts = (length: number) => 'ä'.repeat(length);
const limited = new PromoCodeRepository(t.pool, { rateLimit: true });

/** For each row of the page: what is taken, and what is refused, at the edge. */
const EDGES: Record<string, { taken: (() => Promise<unknown>)[]; refused: (() => Promise<unknown>)[] }> = {
  '`code`, `shopId`': {
    taken: [
      () => create({ code: ascii(500) }),
      () => create({ code: umlauts(256) }),
      () => create({ shopId: umlauts(256) }),
    ],
    refused: ['', ' ', ascii(501), umlauts(257)].flatMap((text) => [
      () => create({ code: text }),
      () => create({ shopId: text }),
    ]),
  },
  '`idempotencyKey`': {
    taken: [ascii(1), ascii(500), umlauts(256)].map((idempotencyKey) => () => redeem({ idempotencyKey })),
    refused: ['', ascii(501), umlauts(257)].map((idempotencyKey) => () => redeem({ idempotencyKey })),
  },
  '`customerAddress`, `transactionId`': {
    taken: [() => redeem({ customerAddress: umlauts(500) }), () => redeem({ transactionId: umlauts(500) })],
    refused: ['', ascii(501)].flatMap((text) => [
      () => redeem({ customerAddress: text }),
      () => redeem({ transactionId: text }),
    ]),
  },
  '`name`, `description`': {
    taken: [() => create({ name: '', description: ascii(10_000) })],
    refused: [() => create({ name: ascii(10_001) }), () => create({ description: ascii(10_001) })],
  },
  '`rateLimitKey`': {
    taken: [() => limited.redeem(ask, { rateLimitKey: umlauts(500) })],
    refused: ['', umlauts(501)].map((rateLimitKey) => () => limited.redeem(ask, { rateLimitKey })),
  },
  '`totalUsageLimit`, `perCustomerLimit`': {
    taken: [1, 2_147_483_647, null].map((limit) => () => create({ totalUsageLimit: limit, perCustomerLimit: limit })),
    refused: [0, 1.5, 2_147_483_648].flatMap((limit) => [
      () => create({ totalUsageLimit: limit }),
      () => create({ perCustomerLimit: limit }),
    ]),
  },
  amounts: {
    taken: [() => create({ bonusValue: '9999999999999999.99' })],
    refused: [() => create({ bonusValue: '10000000000000000' }), () => create({ bonusValue: '0.001' })],
  },
  'bonus in per cent': {
    taken: [() => create({ bonusType: 'percentage', bonusValue: 100, maxBonus: 1 })],
    refused: [
      () => create({ bonusType: 'percentage', bonusValue: '100.01', maxBonus: 1 }),
      () => create({ bonusType: 'percentage', bonusValue: 0, maxBonus: 1 }),
      () => create({ bonusType: 'percentage', bonusValue: 10 }),
    ],
  },
  '`ttlSeconds` of a hold': {
    taken: [1, 31_622_400].map((ttlSeconds) => () => repository.reserve({ ...ask, ttlSeconds })),
    refused: [0, 31_622_401].map((ttlSeconds) => () => repository.reserve({ ...ask, ttlSeconds })),
  },
  '`redeemMany`': {
    taken: [() => repository.redeemMany([])],
    refused: [() => repository.redeemMany(Array.from({ length: 10_001 }, () => ask))],
  },
  '`generate`: `count`': {
    taken: [() => repository.generate({ shopId: 's', bonusValue: 1, count: 1, pattern: '*****' })],
    refused: [
      () => repository.generate({ shopId: 's', bonusValue: 1, count: 0 }),
      () => repository.generate({ shopId: 's', bonusValue: 1, count: 1_000_001 }),
      () => repository.generate({ shopId: 's', bonusValue: 1, count: 4, pattern: '*****' }),
    ],
  },
  '`campaigns`: `name`, `maxTotalBonus`': {
    taken: [() => newCampaign({ name: umlauts(500), maxTotalBonus: `${'9'.repeat(900)}.99` })],
    refused: [{ name: '' }, { name: ascii(501) }, { maxTotalBonus: '0.001' }].map(
      (fields) => () => newCampaign(fields),
    ),
  },
  '`addCodes`, `removeCodes`': {
    taken: [
      async () => repository.campaigns.addCodes((await newCampaign()).id, []),
      async () => repository.campaigns.removeCodes((await newCampaign()).id, Array(100_000).fill(1)),
    ],
    refused: (['addCodes', 'removeCodes'] as const).map(
      (method) => async () => repository.campaigns[method]((await newCampaign()).id, Array(100_001).fill(1)),
    ),
  },
  'pages: `limit`': {
    taken: [1, 10_000].map((limit) => () => repository.list({ limit })),
    refused: [0, 10_001].map((limit) => () => repository.list({ limit })),
  },
  '`releaseExpired`: `limit`': {
    taken: [1, 10_000].map((limit) => () => repository.releaseExpired({ limit })),
    refused: [0, 10_001].map((limit) => () => repository.releaseExpired({ limit })),
  },
  '`pruneIdempotencyKeys`: `limit`, `olderThanDays`': {
    taken: [() => repository.pruneIdempotencyKeys({ olderThanDays: 36_500, limit: 1_000_000 })],
    refused: [
      () => repository.pruneIdempotencyKeys({ olderThanDays: 36_501 }),
      () => repository.pruneIdempotencyKeys({ olderThanDays: -1 }),
      () => repository.pruneIdempotencyKeys({ olderThanDays: 1, limit: 1_000_001 }),
    ],
  },
  '`usageStats`: `days`': {
    taken: [1, 3_660].map((days) => () => repository.usageStats('1', { days })),
    refused: [0, 3_661].map((days) => () => repository.usageStats('1', { days })),
  },
  '`deadlineMs`, `attemptTimeoutMs`, `lockTimeoutMs`': {
    taken: [
      made({ lockTimeoutMs: 1, attemptTimeoutMs: 1, deadlineMs: 1 }),
      made({ lockTimeoutMs: 600_000, attemptTimeoutMs: 600_000, deadlineMs: 600_000 }),
    ],
    refused: [
      made({ deadlineMs: 0 }),
      made({ lockTimeoutMs: 600_001 }),
      made({ lockTimeoutMs: 2, attemptTimeoutMs: 1 }),
      made({ attemptTimeoutMs: 2, deadlineMs: 1 }),
    ],
  },
  '`batching`: `maxBatch`, `maxQueue`, `lanes`': {
    taken: [
      made({ batching: { maxBatch: 1, maxQueue: 1, lanes: 1 } }),
      made({ batching: { maxBatch: 10_000, maxQueue: 1_000_000, lanes: 64 } }),
    ],
    refused: [{ maxBatch: 10_001 }, { maxQueue: 1_000_001 }, { lanes: 65 }, { lanes: 0 }].map((batching) =>
      made({ batching }),
    ),
  },
  '`rateLimit`: `failures`, `windowSeconds`': {
    taken: [made({ rateLimit: { failures: 1_000_000, windowSeconds: 31_536_000 } })],
    refused: [{ failures: 1_000_001 }, { windowSeconds: 31_536_001 }, { failures: 0 }].map((rateLimit) =>
      made({ rateLimit }),
    ),
  },
};

it('each size of the page is the edge', async () => {
  const rows = tableOf('requirements', ['value', 'from, to']).map(([value]) => value!);
  expect(rows.slice(0, -1)).toEqual(Object.keys(EDGES));
  for (const [value, { taken, refused }] of Object.entries(EDGES)) {
    for (const call of taken) await call().catch((error) => expect.unreachable(`${value} is refused: ${error}`));
    for (const [index, call] of refused.entries()) {
      const outcome = await call().then(
        () => 'taken',
        (error) => error.code,
      );
      expect(outcome, `${value}, ${index}`).toBe('VALIDATION');
    }
  }
});

it('each default of the page is one', async () => {
  await repository.generate({ shopId: 'defaults', bonusValue: 1, count: 51 });
  expect((await repository.list({ shopId: 'defaults' })).items).toHaveLength(50);
  expect((await repository.usageStats('1')).perDay).toHaveLength(30);
});

it('versions and dependencies are those of package.json', () => {
  const { engines, dependencies, peerDependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
  const page = pageText('requirements');
  expect(page).toContain(`| Node.js | ${engines.node.replace('>=', '')} and newer`);
  expect(page).toContain(`\`pg\` ${peerDependencies.pg.replace('>=', '').replace('.0', '')} and newer`);
  const [, listed = ''] = /^\| dependencies \| (.*?);/m.exec(page) ?? [];
  expect([...listed.matchAll(/`(.*?)`/g)].map(([, name]) => name).sort()).toEqual(Object.keys(dependencies).sort());
});

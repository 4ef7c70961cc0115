import type pg from 'pg';
import {
  checkDrift,
  installTriggers,
  PromoCodeRepository,
  type PromoCodeUse,
  type RedeemInput,
  type RedeemResult,
  repairDrift,
} from '../../src/index.js';
import type { Answer, AnsweredUse, CallArgs, CallResult, Request } from '../log.js';
import { libraryOptions } from '../settings.js';
import type { Pools, Subject } from './subject.js';

const DAY_MS = 86_400_000;

/** The library itself, with all that its contract offers. */
export function librarySubject(pools: Pools, schema: string): Subject {
  const repository = new PromoCodeRepository(pools.main, { schema, ...libraryOptions });
  const within = (client: pg.PoolClient | undefined) => (client ? { client } : undefined);
  const newCode = ({ code, shop, bonus, mark }: CallArgs) => ({
    code: code!,
    shopId: shop!,
    name: mark!,
    bonusValue: bonus!,
    perCustomerLimit: null,
    endDate: new Date(Date.now() + DAY_MS),
  });
  // Not in every version of the library.
  const { ensure } = repository as { ensure?: typeof repository.create };

  return {
    async redeem({ requests }, client) {
      return { answers: [toAnswer(await repository.redeem(toInput(requests![0]!), within(client)))] };
    },
    async redeemMany({ requests }, client) {
      return { answers: (await repository.redeemMany(requests!.map(toInput), within(client))).map(toAnswer) };
    },
    async reserve({ requests }, client) {
      const request = requests![0]!;
      const input = { ...toInput(request), ttlSeconds: request.ttlSeconds! };
      return { answers: [toAnswer(await repository.reserve(input, within(client)))] };
    },
    async confirm({ useId, mark }, client) {
      return { use: toUse(await repository.confirm(useId!, { transactionId: mark! }, within(client))) };
    },
    async rollbackUse({ useId }, client) {
      return { rolledBack: (await repository.rollbackUse(useId!, within(client))).rolledBack };
    },
    async amendUse({ useId, mark, base, bonus }, client) {
      const changes = { transactionId: mark!, baseReward: base!, bonusAmount: bonus! };
      return { use: toUse(await repository.amendUse(useId!, changes, within(client))) };
    },
    releaseExpired: async (_args, client) => ({
      count: (await repository.releaseExpired({ limit: 100 }, within(client))).released,
    }),
    create: async (args, client) => ({ codeId: (await repository.create(newCode(args), within(client))).id }),
    ...(ensure && {
      ensure: async (args: CallArgs, client?: pg.PoolClient) => ({
        codeId: (await ensure.call(repository, newCode(args), within(client))).id,
      }),
    }),
    async update({ codeId, mark, bonus }, client) {
      return { codeId: (await repository.update(codeId!, { name: mark!, bonusValue: bonus! }, within(client))).id };
    },
    activate: async ({ codeId }, client) => ({ codeId: (await repository.activate(codeId!, within(client))).id }),
    deactivate: async ({ codeId }, client) => ({ codeId: (await repository.deactivate(codeId!, within(client))).id }),
    delete: async ({ codeId }, client) => ({ codeId: (await repository.delete(codeId!, within(client))).id }),
    async validate({ requests }, client) {
      const { code, shop, customer, base } = requests![0]!;
      const request = { code, shopId: shop, customerAddress: customer, baseReward: base };
      return { count: (await repository.validate(request, within(client))).valid ? 1 : 0 };
    },
    findById: async ({ codeId }, client) => ({ count: (await repository.findById(codeId!, within(client))) ? 1 : 0 }),
    list: async ({ shop }, client) => ({
      count: (await repository.list({ shopId: shop!, limit: 20 }, within(client))).items.length,
    }),
    async usesByCode({ codeId }, client) {
      const { items } = await repository.usesByCode(codeId!, { limit: 10 }, within(client));
      return { count: items.length, answers: items.map((use) => ({ ok: true, use: toUse(use) })) };
    },
    usesByCustomer: async ({ customer }, client) => ({
      count: (await repository.usesByCustomer(customer!, { limit: 10 }, within(client))).items.length,
    }),
    usageStats: async ({ codeId }, client) => ({
      count: Number((await repository.usageStats(codeId!, { days: 2 }, within(client))).totalUses),
    }),
    checkDrift: async (): Promise<CallResult> => ({ count: (await checkDrift(pools.patient, { schema })).length }),
    repairDrift: async (): Promise<CallResult> => ({ count: (await repairDrift(pools.patient, { schema })).length }),
    async installTriggers({ granularity }) {
      const { repaired } = await installTriggers(pools.patient, { schema, granularity, lockTimeoutMs: 1_500 });
      return { count: repaired.length };
    },
  };
}

function toInput({ origin, code, shop, customer, base, key }: Request): RedeemInput {
  return {
    code,
    shopId: shop,
    customerAddress: customer,
    baseReward: base,
    transactionId: origin,
    ...(key !== undefined && { idempotencyKey: key }),
  };
}

function toAnswer(result: RedeemResult): Answer {
  if (!result.ok) return { ok: false, reason: result.reason };
  const { use, replayed, expiresAt } = result;
  return { ok: true, use: toUse(use), replayed, ...(expiresAt && { expiresAt: expiresAt.getTime() }) };
}

function toUse(use: PromoCodeUse): AnsweredUse {
  const { id, promoCodeId, customerAddress, transactionId, baseReward, bonusAmount, totalReward } = use;
  return {
    id,
    codeId: promoCodeId,
    customer: customerAddress,
    transaction: transactionId,
    base: baseReward,
    bonus: bonusAmount,
    total: totalReward,
  };
}

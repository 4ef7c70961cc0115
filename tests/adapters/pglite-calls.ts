import { type CallOptions, type PromoCode, PromoCodeRepository } from '../../src/index';
import { Campaigns } from '../../src/repository/campaigns';
import { toHaveNoDrift } from '../../src/testing/index';
import { type FunctionCall, INSTALL_SCHEMA, ON_TABLES, UNINSTALL } from '../support/functions';

/** A repository, a code in its tables, and in which transaction. */
interface Setting {
  repository: PromoCodeRepository;
  code: PromoCode;
  options: CallOptions;
}

let serial = 0;
const next = () => {
  serial += 1;
  return serial;
};
const request = ({ code, shopId }: PromoCode) => ({ code, shopId, customerAddress: `c${next()}`, baseReward: '10.00' });
const hold = async ({ repository, code, options }: Setting) => {
  const result = await repository.reserve({ ...request(code), ttlSeconds: 60 }, options);
  if (!result.ok) throw new Error(result.reason);
  return result.use.id;
};
const newCode = () => ({ code: `NEW${next()}`, shopId: 'shop', bonusValue: 5 });
const newCampaign = ({ repository, code, options }: Setting) =>
  repository.campaigns.create({ shopId: code.shopId, name: `Campaign ${next()}` }, options);

/** Every method of the repository, by name. What a call needs before it is done by others of them. */
const repositoryCalls: Record<string, (setting: Setting) => Promise<unknown>> = {
  create: ({ repository, options }) => repository.create(newCode(), options),
  ensure: ({ repository, options }) => repository.ensure(newCode(), options),
  generate: ({ repository, options }) =>
    repository.generate({ shopId: `g${next()}`, count: 2, bonusValue: 1 }, options),
  import: ({ repository, options }) => repository.import([newCode()], options),
  findById: ({ repository, code, options }) => repository.findById(code.id, options),
  findByCode: ({ repository, code, options }) => repository.findByCode(code.code, code.shopId, options),
  list: ({ repository, options }) => repository.list({ state: 'redeemable', limit: 1 }, options),
  update: ({ repository, code, options }) => repository.update(code.id, { name: `${next()}` }, options),
  activate: ({ repository, code, options }) => repository.activate(code.id, options),
  deactivate: async ({ repository, options }) =>
    repository.deactivate((await repository.create(newCode(), options)).id, options),
  delete: async ({ repository, options }) =>
    repository.delete((await repository.create(newCode(), options)).id, options),
  validate: ({ repository, code, options }) => repository.validate(request(code), options),
  redeem: ({ repository, code, options }) => repository.redeem(request(code), options),
  redeemMany: ({ repository, code, options }) => repository.redeemMany([request(code), request(code)], options),
  reserve: hold,
  confirm: async (setting) => setting.repository.confirm(await hold(setting), setting.options),
  rollbackUse: async (setting) =>
    setting.repository.rollbackUse(await hold(setting), { reason: 'tried' }, setting.options),
  amendUse: async (setting) =>
    setting.repository.amendUse(await hold(setting), { bonusAmount: '1.00' }, setting.options),
  releaseExpired: ({ repository, options }) => repository.releaseExpired({}, options),
  pruneIdempotencyKeys: ({ repository, options }) => repository.pruneIdempotencyKeys({ olderThanDays: 1 }, options),
  usesByCustomer: ({ repository, options }) => repository.usesByCustomer('c1', {}, options),
  usesByCode: ({ repository, code, options }) => repository.usesByCode(code.id, {}, options),
  usageStats: ({ repository, code, options }) => repository.usageStats(code.id, {}, options),
  shopStats: ({ repository, code, options }) => repository.shopStats({ shopId: code.shopId }, options),
  history: ({ repository, code, options }) => repository.history({ promoCodeId: code.id }, options),
  // It takes no client: inside of a transaction there is nothing to follow.
  followHistory: async ({ repository, options }) =>
    options.client ?? repository.followHistory({ patienceMs: 1 })[Symbol.asyncIterator]().next(),
  eraseCustomer: ({ repository, options }) =>
    repository.eraseCustomer(`c${next()}`, { replacement: `erased-${next()}` }, options),
  pruneHistory: ({ repository, options }) => repository.pruneHistory({ before: new Date(0) }, options),
  'campaigns.create': newCampaign,
  'campaigns.update': async (setting) =>
    setting.repository.campaigns.update((await newCampaign(setting)).id, { isActive: false }, setting.options),
  'campaigns.findById': async (setting) =>
    setting.repository.campaigns.findById((await newCampaign(setting)).id, setting.options),
  'campaigns.list': ({ repository, options }) => repository.campaigns.list({ state: 'redeemable', limit: 1 }, options),
  'campaigns.addCodes': async (setting) =>
    setting.repository.campaigns.addCodes(
      (await newCampaign(setting)).id,
      [setting.code.id],
      { move: true },
      setting.options,
    ),
  'campaigns.removeCodes': async (setting) =>
    setting.repository.campaigns.removeCodes((await newCampaign(setting)).id, [setting.code.id], setting.options),
  'campaigns.delete': async (setting) =>
    setting.repository.campaigns.delete((await newCampaign(setting)).id, setting.options),
};

/** Of these nothing is asked of the database. */
const WITHOUT_DATABASE = ['constructor', 'close', 'queueLength'];

/** The calls of the repository; a method that is not among them is named. */
export function callsOfRepository(): [string, (setting: Setting) => Promise<unknown>][] {
  const names = new Set<string>();
  for (let owner = PromoCodeRepository.prototype; owner !== Object.prototype; owner = Object.getPrototypeOf(owner)) {
    for (const name of Object.getOwnPropertyNames(owner)) if (!WITHOUT_DATABASE.includes(name)) names.add(name);
  }
  for (const name of Object.getOwnPropertyNames(Campaigns.prototype)) {
    if (name !== 'constructor') names.add(`campaigns.${name}`);
  }
  const missing = [...names].filter((name) => !(name in repositoryCalls));
  if (missing.length > 0) throw new Error(`nothing is known of PGlite and ${missing.join(', ')}: add them here`);
  return Object.entries(repositoryCalls);
}

/** The functions, on a pool or in a transaction. */
export const functionCalls: FunctionCall[] = [
  INSTALL_SCHEMA,
  ...ON_TABLES,
  ['toHaveNoDrift', (db, schema) => toHaveNoDrift(db, { schema })],
  UNINSTALL,
];

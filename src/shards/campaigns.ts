import type { Campaign } from '../campaigns/campaign.js';
import type { AddedCodes, RemovedCodes } from '../campaigns/campaign-codes.js';
import type { Page } from '../repository/cursor.js';
import type { Id } from '../repository/fields.js';
import type { AddCodesInput, CampaignInput, CampaignListInput, CampaignPatch } from '../repository/input-types.js';
import {
  type CallOptions,
  type CodeOptions,
  GUARDED,
  type ReadCodeOptions,
  type ReadOptions,
  splitOptions,
} from '../repository/options.js';
import type { PromoCodeRepository } from '../repository/promo-code-repository.js';
import type { OfShop } from './options.js';

/** `campaigns` of the repository over several databases: each call goes to that of the shop. A campaign is in one database. */
export class ShardedCampaigns {
  readonly #of: (input: { shopId?: unknown } | undefined) => PromoCodeRepository;

  /** @internal */
  constructor(of: (input: { shopId?: unknown } | undefined) => PromoCodeRepository) {
    this.#of = of;
  }

  /**
   * As `campaigns.create` of the repository.
   * @example
   * const campaign = await shards.campaigns.create({ shopId: 'shop-1', name: 'Summer 2026', totalUsageLimit: 5000 });
   */
  async create(input: OfShop<CampaignInput>, options?: CallOptions): Promise<Campaign> {
    return this.#of(input).campaigns.create(input, options);
  }

  /**
   * As `campaigns.update` of the repository.
   * @example
   * await shards.campaigns.update(campaign.id, { endDate: null }, { shopId: campaign.shopId });
   */
  async update(id: Id, patch: CampaignPatch, options: OfShop<CodeOptions>): Promise<Campaign> {
    return this.#of(options).campaigns.update(id, patch, options);
  }

  /**
   * As `campaigns.findById` of the repository.
   * @example
   * const campaign = await shards.campaigns.findById(code.campaignId, { shopId: code.shopId });
   */
  async findById(id: Id, options: OfShop<ReadCodeOptions>): Promise<Campaign | null> {
    return this.#of(options).campaigns.findById(id, options);
  }

  /**
   * As `campaigns.list` of the repository, for one shop.
   * @example
   * const { items } = await shards.campaigns.list({ shopId: 'shop-1', state: 'redeemable' });
   */
  async list(filter: OfShop<CampaignListInput> & ReadOptions, last?: ReadOptions): Promise<Page<Campaign>> {
    return this.#of(filter).campaigns.list(filter, last);
  }

  /**
   * As `campaigns.addCodes` of the repository.
   * @example
   * await shards.campaigns.addCodes(campaign.id, [code.id], { shopId: campaign.shopId });
   */
  addCodes(id: Id, codeIds: readonly Id[], settings: AddCodesInput & OfShop<CodeOptions>): Promise<AddedCodes>;
  addCodes(
    id: Id,
    codeIds: readonly Id[],
    settings: AddCodesInput | undefined,
    options: OfShop<CodeOptions>,
  ): Promise<AddedCodes>;
  async addCodes(
    id: Id,
    codeIds: readonly Id[],
    settings?: AddCodesInput & CodeOptions,
    last?: CodeOptions,
  ): Promise<AddedCodes> {
    const { settings: given, options } = splitOptions(settings, last, GUARDED);
    return this.#of(options).campaigns.addCodes(id, codeIds, given, options);
  }

  /**
   * As `campaigns.removeCodes` of the repository.
   * @example
   * await shards.campaigns.removeCodes(campaign.id, [code.id], { shopId: campaign.shopId });
   */
  async removeCodes(id: Id, codeIds: readonly Id[], options: OfShop<CodeOptions>): Promise<RemovedCodes> {
    return this.#of(options).campaigns.removeCodes(id, codeIds, options);
  }

  /**
   * As `campaigns.delete` of the repository.
   * @example
   * await shards.campaigns.delete(campaign.id, { shopId: campaign.shopId });
   */
  async delete(id: Id, options: OfShop<CodeOptions>): Promise<Campaign> {
    return this.#of(options).campaigns.delete(id, options);
  }
}

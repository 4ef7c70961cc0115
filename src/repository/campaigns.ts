import type { Campaign } from '../campaigns/campaign.js';
import { type AddedCodes, addCodes, type RemovedCodes, removeCodes } from '../campaigns/campaign-codes.js';
import { listCampaigns } from '../campaigns/list-campaigns.js';
import { createCampaign, deleteCampaign, findCampaign, updateCampaign } from '../campaigns/write-campaign.js';
import { parseTogether } from '../options.js';
import { parseCode } from './code-rules.js';
import type { Page } from './cursor.js';
import type { Id } from './fields.js';
import type { AddCodesInput, CampaignInput, CampaignListInput, CampaignPatch } from './input-types.js';
import {
  type CallOptions,
  type CodeOptions,
  GUARDED,
  READING,
  type ReadCodeOptions,
  type ReadOptions,
  splitOptions,
} from './options.js';
import { workOf } from './work.js';

/**
 * Codes under shared limits, as `promoCodes.campaigns`. A code is in one campaign at the most, and what limits it are the
 * limits of both; the counters of a campaign are kept by triggers, as those of a code are, whoever writes uses.
 *
 * Every method takes a last argument `{ client }`, and one that takes an id the guard `{ shopId }`, as those of the repository.
 */
export class Campaigns {
  /**
   * Creates a campaign, which has no code yet. In the host's transaction it is gone after a rollback.
   * @example
   * const campaign = await promoCodes.campaigns.create({
   *   shopId: 'shop-1', name: 'Summer 2026', totalUsageLimit: 5000, perCustomerLimit: 2, maxTotalBonus: '10000.00',
   *   endDate: '2026-08-31T23:59:59+02:00',
   * });
   * @throws ValidationError also for dates in reverse, and for a budget that is finer than a bonus; before anything is written.
   */
  create(input: CampaignInput, options?: CallOptions): Promise<Campaign> {
    const callee = 'campaigns.create()';
    return workOf(this).run(
      callee,
      options,
      (schemas) => parseCode(schemas.createCampaign, input, callee),
      (call, { maxTotalBonus = null, ...campaign }) => createCampaign(call, { ...campaign, maxTotalBonus }),
    );
  }

  /**
   * Changes a campaign; what the patch leaves out stays. A limit may be lowered below what is used: further uses are refused
   * then. In the host's transaction it is undone by a rollback.
   * @example
   * await promoCodes.campaigns.update(campaign.id, { totalUsageLimit: 6000, endDate: null }, { shopId: 'shop-1' });
   * @throws NotFoundError also for a campaign of another shop than the `shopId` among the options.
   */
  update(id: Id, patch: CampaignPatch, options?: CodeOptions): Promise<Campaign> {
    const callee = 'campaigns.update()';
    return workOf(this).runOn(
      'campaignById',
      callee,
      id,
      options,
      (schemas) => parseCode(schemas.patchCampaign, patch, callee),
      updateCampaign,
    );
  }

  /**
   * The campaign with this id, or `null`; with `shopId` among the options also for a campaign of another shop.
   * @example
   * const campaign = await promoCodes.campaigns.findById(code.campaignId, { shopId: session.shopId });
   */
  findById(id: Id, options?: ReadCodeOptions): Promise<Campaign | null> {
    const callee = 'campaigns.findById()';
    return workOf(this).runOn('campaignById', callee, id, options, () => undefined, findCampaign, 'read');
  }

  /**
   * Campaigns, the newest first, a page at a time; campaigns that come or go meanwhile shift nothing. The codes of one are
   * listed by `list({ campaignId })` of the repository.
   * @example
   * const { items, nextCursor } = await promoCodes.campaigns.list({ shopId: 'shop-1', state: 'redeemable' });
   */
  list(filter?: CampaignListInput & ReadOptions, last?: ReadOptions): Promise<Page<Campaign>> {
    const { settings, options } = splitOptions(filter, last, READING);
    return workOf(this).run(
      'campaigns.list()',
      options,
      (schemas, parse) => parse(schemas.listCampaigns, settings, 'filter'),
      listCampaigns,
      'read',
    );
  }

  /**
   * Puts codes into a campaign, up to 100,000; the counters of the campaign follow, by the uses that the codes have. All of
   * them or none: a code of another shop, one that is not there, and one of another campaign without `move` is refused.
   *
   * The rows of the codes are locked from here to the end of the transaction, which redemptions of these codes wait for. In
   * the host's transaction it is undone by a rollback.
   * @example
   * const { added, moved } = await promoCodes.campaigns.addCodes(campaign.id, codes.map(({ id }) => id), { move: true });
   * @throws ValidationError names each code that is refused by its place, `codeIds[3]`; before anything is written.
   * @throws NotFoundError also for a campaign of another shop than the `shopId` among the options.
   */
  addCodes(
    id: Id,
    codeIds: readonly Id[],
    settings?: AddCodesInput & CodeOptions,
    last?: CodeOptions,
  ): Promise<AddedCodes> {
    const { settings: given, options } = splitOptions(settings, last, GUARDED);
    return workOf(this).runOn(
      'campaignById',
      'campaigns.addCodes()',
      id,
      options,
      (schemas, parse) =>
        parseTogether({
          codes: () => parse(schemas.codeIds, codeIds, 'codeIds'),
          settings: () => parse(schemas.addCodes, given, 'settings'),
        }),
      (call, campaign, { codes, settings: how }) => addCodes(call, campaign, codes, how),
    );
  }

  /**
   * Takes codes out of a campaign, up to 100,000; their uses count there no more. Those that are not in it are passed over. In
   * the host's transaction it is undone by a rollback.
   * @example
   * const { removed } = await promoCodes.campaigns.removeCodes(campaign.id, [code.id]);
   * @throws NotFoundError also for a campaign of another shop than the `shopId` among the options.
   */
  removeCodes(id: Id, codeIds: readonly Id[], options?: CodeOptions): Promise<RemovedCodes> {
    return workOf(this).runOn(
      'campaignById',
      'campaigns.removeCodes()',
      id,
      options,
      (schemas, parse) => parse(schemas.codeIds, codeIds, 'codeIds'),
      removeCodes,
    );
  }

  /**
   * Deletes a campaign; its codes stay, with their uses and limits, and are in no campaign. In the host's transaction it is
   * there again after a rollback.
   * @example
   * const deleted = await promoCodes.campaigns.delete(campaign.id);
   * @returns the campaign as it was.
   * @throws NotFoundError also for a campaign of another shop than the `shopId` among the options.
   */
  delete(id: Id, options?: CodeOptions): Promise<Campaign> {
    return workOf(this).runOn('campaignById', 'campaigns.delete()', id, options, () => undefined, deleteCampaign);
  }
}

import countCodesSql from '../../../sql/cli/count-campaign-codes.sql';
import type { Campaign, CampaignInput, CampaignListInput, CampaignPatch, PromoCode } from '../../index.js';
import { CommandError, EXIT } from '../command-error.js';
import { confirm, requireAnswer } from '../confirm.js';
import { findOneCode, readHostTables, runFile } from '../host-tables.js';
import { NONE } from '../parse.js';
import type { Session } from '../session.js';
import { campaignList, campaignTable, codeTable } from '../stats/stats-text.js';
import { counted, visible } from '../table.js';
import { note, print } from '../terminal.js';

/** Codes of a campaign that are shown with it. */
const MOST_USED = 10;

interface OfShop {
  shop?: string;
}

type Limits = Pick<
  CampaignPatch,
  'totalUsageLimit' | 'perCustomerLimit' | 'maxTotalBonus' | 'budgetOverrun' | 'startDate' | 'endDate'
>;
/** As flags: `none` is no limit and no date. */
type LimitFlags = { [Field in keyof Limits]: Limits[Field] | typeof NONE };

function limitsOf(flags: LimitFlags): Limits {
  return Object.fromEntries(Object.entries(flags).map(([field, value]) => [field, value === NONE ? null : value]));
}

export async function listCampaigns(
  session: Session,
  { shop, ...filter }: OfShop & Omit<CampaignListInput, 'shopId'>,
): Promise<number> {
  const { campaigns } = await repositoryOf(session);
  const { items, nextCursor } = await campaigns.list({ ...filter, shopId: shop });
  if (session.flags.json) print(session.terminal, JSON.stringify(items));
  else print(session.terminal, items.length === 0 ? 'There is no such campaign.' : campaignTable(items));
  if (nextCursor !== null) note(session.terminal, `There is more: --cursor ${nextCursor}`);
  return EXIT.ok;
}

export async function showCampaign(session: Session, id: string, { shop }: OfShop): Promise<number> {
  const promoCodes = await repositoryOf(session);
  const campaign = await requireCampaign(promoCodes, id, shop);
  if (session.flags.json) {
    print(session.terminal, JSON.stringify(campaign));
    return EXIT.ok;
  }
  const pool = await session.pool();
  const [counted] = await runFile(pool, await readHostTables(session, pool), countCodesSql, [campaign.id]);
  const { items } = await promoCodes.list({ campaignId: campaign.id, orderBy: 'timesUsed', limit: MOST_USED });
  const most = items.length < MOST_USED ? 'Its codes' : 'Its codes that were used most';
  print(
    session.terminal,
    [
      campaignList(campaign, Number(counted?.codes)),
      ...(items.length === 0 ? [] : ['', `${most}:`, codeTable(items)]),
    ].join('\n'),
  );
  return EXIT.ok;
}

export async function createCampaign(
  session: Session,
  name: string,
  { shop, inactive, ...limits }: OfShop & LimitFlags & { inactive?: boolean },
): Promise<number> {
  const { campaigns } = await repositoryOf(session);
  const input: CampaignInput = { ...limitsOf(limits), name, shopId: shop, isActive: !inactive };
  say(session, await campaigns.create(input), 'Created');
  return EXIT.ok;
}

export async function updateCampaign(
  session: Session,
  id: string,
  {
    shop,
    name,
    active,
    inactive,
    ...limits
  }: OfShop & LimitFlags & { name?: string; active?: boolean; inactive?: boolean },
): Promise<number> {
  const { campaigns } = await repositoryOf(session);
  const isActive = active ? true : inactive ? false : undefined;
  say(session, await campaigns.update(id, { ...limitsOf(limits), name, isActive }, { shopId: shop }), 'Changed');
  return EXIT.ok;
}

export async function addCodes(
  session: Session,
  id: string,
  names: string[],
  { shop, move }: OfShop & { move?: boolean },
): Promise<number> {
  const promoCodes = await repositoryOf(session);
  const campaign = await requireCampaign(promoCodes, id, shop);
  const codes = await findCodesOf(session, campaign, names);
  const taken = codes.find(({ campaignId }) => campaignId !== null && campaignId !== campaign.id);
  if (taken && !move) {
    const { code, campaignId } = taken;
    throw new CommandError(
      EXIT.notInOrder,
      `${visible(code)} is in the campaign ${campaignId}: --move takes it from there.`,
    );
  }
  const report = await promoCodes.campaigns.addCodes(
    campaign.id,
    codes.map((code) => code.id),
    { move, shopId: campaign.shopId || undefined },
  );
  const { added, moved } = report;
  const text = `Added ${counted(added, 'code')} to ${nameOf(campaign)}${moved === 0 ? '' : `, moved ${counted(moved, 'code')}`}.`;
  print(session.terminal, session.flags.json ? JSON.stringify(report) : text);
  return EXIT.ok;
}

export async function removeCodes(session: Session, id: string, names: string[], { shop }: OfShop): Promise<number> {
  const promoCodes = await repositoryOf(session);
  const campaign = await requireCampaign(promoCodes, id, shop);
  const codes = await findCodesOf(session, campaign, names);
  const report = await promoCodes.campaigns.removeCodes(
    campaign.id,
    codes.map((code) => code.id),
  );
  const text = `Removed ${counted(report.removed, 'code')} from ${nameOf(campaign)}.`;
  print(session.terminal, session.flags.json ? JSON.stringify(report) : text);
  return EXIT.ok;
}

export async function deleteCampaign(
  session: Session,
  id: string,
  { shop, yes }: OfShop & { yes?: boolean },
): Promise<number> {
  const { terminal } = session;
  requireAnswer(terminal, yes, `campaign delete ${visible(id)}`);
  const promoCodes = await repositoryOf(session);
  const campaign = await requireCampaign(promoCodes, id, shop);
  if (!(await confirm(terminal, yes, `Delete ${nameOf(campaign)}? Its codes stay, without its limits.`))) {
    note(terminal, 'Nothing was changed.');
    return EXIT.notInOrder;
  }
  const deleted = await promoCodes.campaigns.delete(campaign.id);
  print(terminal, session.flags.json ? JSON.stringify(deleted) : `Deleted ${nameOf(deleted)}.`);
  return EXIT.ok;
}

async function repositoryOf(session: Session) {
  const pool = await session.pool();
  const { PromoCodeRepository } = await import('../../index.js');
  return new PromoCodeRepository(pool, session.installation);
}

async function requireCampaign(
  { campaigns }: Awaited<ReturnType<typeof repositoryOf>>,
  id: string,
  shop: string | undefined,
): Promise<Campaign> {
  const campaign = await campaigns.findById(id, { shopId: shop });
  if (campaign) return campaign;
  const where = shop === undefined ? '' : ` in the shop ${visible(shop)}`;
  throw new CommandError(EXIT.notInOrder, `There is no campaign ${visible(id)}${where}.`);
}

/** The codes of these names in the shop of the campaign. */
async function findCodesOf(session: Session, { shopId }: Campaign, names: readonly string[]): Promise<PromoCode[]> {
  const pool = await session.pool();
  const host = await readHostTables(session, pool);
  const codes: PromoCode[] = [];
  for (const name of names) codes.push(await findOneCode(pool, host, name, shopId));
  return codes;
}

function nameOf({ id, name }: Campaign): string {
  return `the campaign ${visible(name)} (id ${id})`;
}

function say({ terminal, flags }: Session, campaign: Campaign, done: string): void {
  print(terminal, flags.json ? JSON.stringify(campaign) : `${done} ${nameOf(campaign)}.`);
}

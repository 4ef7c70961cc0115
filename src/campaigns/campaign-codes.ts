import { ValidationError, type ValidationIssue } from '../errors.js';
import type { Queryable } from '../postgres/database.js';
import { describeReceived } from '../received.js';
import type { Call } from '../redemption/calls.js';
import type { Guarded } from '../repository/codes.js';
import { isOfShop, unknownCampaign } from './write-campaign.js';

/** What `addCodes` did. Codes that were in the campaign already are in neither. */
export interface AddedCodes {
  /** How many codes were in no campaign, and are in this one now. */
  added: number;
  /** How many codes were in another campaign, and are in this one now. */
  moved: number;
}

/** What `removeCodes` did. */
export interface RemovedCodes {
  /** How many codes were in the campaign, and are in none now. */
  removed: number;
}

/** Membership of a code, which may have been one of another campaign. */
const PUT = `ON CONFLICT (promo_code_id) DO UPDATE SET campaign_id = EXCLUDED.campaign_id, added_at = EXCLUDED.added_at
       WHERE k.campaign_id <> EXCLUDED.campaign_id`;

/**
 * The codes are locked in the order of their ids before anything is looked at, as by everybody who moves them through here. So
 * what is found is so until the end, and where one code cannot be added nothing was written.
 */
export function addCodes(
  call: Call,
  campaign: Guarded,
  codeIds: readonly string[],
  { move = false }: { move?: boolean | undefined },
): Promise<AddedCodes> {
  return call.write(async (db) => {
    const shopId = await lockCodesOfShop(db, call, campaign, codeIds);
    if (move) await keepFormerCampaigns(db, call, codeIds);
    const issues = await wrongCodes(db, call, { ...campaign, shopId }, codeIds, move);
    if (issues.length > 0) throw new ValidationError(issues);
    const { rows } = await db.query(
      call.sql(`WITH former AS MATERIALIZED (
          SELECT g.id, k.campaign_id
            FROM (SELECT DISTINCT a.id FROM pg_catalog.unnest($1:::code_id_type[]) AS a(id)) AS g
            LEFT JOIN :"library".promo_code_campaign_codes AS k ON k.promo_code_id = g.id
           WHERE k.campaign_id IS DISTINCT FROM $2::bigint
        ), put AS (
          INSERT INTO :"library".promo_code_campaign_codes AS k (promo_code_id, campaign_id, added_at)
          SELECT f.id, $2::bigint, now() FROM former AS f ORDER BY f.id
              ${PUT}
        )
        SELECT (count(*) FILTER (WHERE f.campaign_id IS NULL))::text AS added,
               (count(*) FILTER (WHERE f.campaign_id IS NOT NULL))::text AS moved FROM former AS f`),
      [codeIds, campaign.id],
    );
    return { added: Number(rows[0]?.added), moved: Number(rows[0]?.moved) };
  });
}

/**
 * Locks all codes that are named and of the shop of the campaign, whichever campaign they are in: that may change until the last
 * one is locked. The campaign comes after them, as for who redeems; it stays until the end of the transaction then.
 * @returns the shop
 */
async function lockCodesOfShop(
  db: Queryable,
  call: Call,
  campaign: Guarded,
  codeIds: readonly string[],
): Promise<string> {
  const values: unknown[] = [campaign.id];
  const look = call.sql(`SELECT m.shop_id::text AS shop FROM :"library".promo_code_campaigns AS m
    WHERE m.id = $1::bigint${isOfShop(call, campaign.shopId, values)}`);
  const shopOf = async (statement: string): Promise<string> => {
    const { rows } = await db.query(statement, values);
    if (rows[0] === undefined) throw unknownCampaign(campaign);
    return rows[0].shop;
  };
  const shopId = await shopOf(look);
  const lock = `SELECT count(*)::text AS locked FROM (
      SELECT FROM :"codes" AS c
       WHERE c.:"code_id" = ANY ($1:::code_id_type[]) AND coalesce(c.:"code_shop_id"::text, '') = $2::text
       ORDER BY c.:"code_id" FOR NO KEY UPDATE) AS locked`;
  await db.query(call.sql(lock), [codeIds, shopId]);
  return shopOf(`${look} FOR KEY SHARE`);
}

/**
 * The campaigns that codes are in stay until the end of the transaction. Before their memberships are written, because who
 * deletes a campaign holds it and then wants these. The caller holds the locks of the codes.
 */
async function keepFormerCampaigns(db: Queryable, call: Call, codeIds: readonly string[]): Promise<void> {
  const statement = `SELECT count(*)::text AS kept FROM (
      SELECT FROM :"library".promo_code_campaigns AS m
       WHERE m.id = ANY (ARRAY(SELECT k.campaign_id FROM :"library".promo_code_campaign_codes AS k
                                WHERE k.promo_code_id = ANY ($1:::code_id_type[])))
       ORDER BY m.id FOR KEY SHARE) AS kept`;
  await db.query(call.sql(statement), [codeIds]);
}

/** More say nothing that the first do not. */
const MOST_WRONG = 100;

/** The codes that cannot be added: those that are not there, or of another shop, which look the same, and those of another campaign. */
async function wrongCodes(
  db: Queryable,
  call: Call,
  { id, shopId }: Guarded,
  codeIds: readonly string[],
  move: boolean,
): Promise<ValidationIssue[]> {
  const { rows } = await db.query(
    call.sql(`SELECT (g.place - 1)::text AS place, (CASE WHEN g.is_known THEN k.campaign_id END)::text AS other
       FROM (SELECT a.id, a.place, EXISTS (
                      SELECT FROM :"codes" AS c
                       WHERE c.:"code_id" = a.id AND coalesce(c.:"code_shop_id"::text, '') = $3::text) AS is_known
               FROM pg_catalog.unnest($1:::code_id_type[]) WITH ORDINALITY AS a(id, place)) AS g
       LEFT JOIN :"library".promo_code_campaign_codes AS k ON k.promo_code_id = g.id
      WHERE NOT g.is_known OR (k.campaign_id <> $2::bigint AND NOT $4::boolean)
      ORDER BY g.place LIMIT ${MOST_WRONG}`),
    [codeIds, id, shopId, move],
  );
  return rows.map(({ place, other }) => ({
    path: `codeIds[${place}]`,
    message:
      other === null
        ? `must be the id of a code${shopId ? ` of the shop ${shopId}` : ''}`
        : `must be a code of no other campaign, and it is in the campaign ${other}: { move: true } moves it from there`,
    received: describeReceived(codeIds[Number(place)]) ?? '',
  }));
}

export function removeCodes(call: Call, campaign: Guarded, codeIds: readonly string[]): Promise<RemovedCodes> {
  return call.write(async (db) => {
    await lockCodesOfShop(db, call, campaign, codeIds);
    const { rows } = await db.query(
      call.sql(`WITH removed AS (
          DELETE FROM :"library".promo_code_campaign_codes AS k
           WHERE k.promo_code_id = ANY ($1:::code_id_type[]) AND k.campaign_id = $2::bigint RETURNING 1
        ) SELECT count(*)::text AS removed FROM removed`),
      [codeIds, campaign.id],
    );
    return { removed: Number(rows[0]?.removed) };
  });
}

/** Puts a code of a shop that may be in a campaign into it, or, without one, out of its own. The caller holds the lock of the code. */
export async function moveIntoCampaign(
  db: Queryable,
  call: Call,
  codeId: string,
  campaignId: string | null,
): Promise<void> {
  await keepFormerCampaigns(db, call, [codeId]);
  if (campaignId !== null) return putIntoCampaign(db, call, [codeId], campaignId);
  const statement = `DELETE FROM :"library".promo_code_campaign_codes AS k WHERE k.promo_code_id = $1:::code_id_type`;
  await db.query(call.sql(statement), [codeId]);
}

/** Puts codes of a shop that may be in a campaign into it: new ones, or one whose lock and whose campaign the caller holds. */
export async function putIntoCampaign(
  db: Queryable,
  call: Call,
  codeIds: readonly string[],
  campaignId: string,
): Promise<void> {
  const statement = `INSERT INTO :"library".promo_code_campaign_codes AS k (promo_code_id, campaign_id, added_at)
    SELECT g.id, $2::bigint, now() FROM pg_catalog.unnest($1:::code_id_type[]) AS g(id) ORDER BY g.id ${PUT}`;
  await db.query(call.sql(statement), [codeIds, campaignId]);
}

/**
 * A campaign that codes of the shop can be in, until the end of the transaction.
 * @throws ValidationError for one that is not there, and for one of another shop
 */
export async function requireCampaignOf(db: Queryable, call: Call, campaignId: string, shopId: string): Promise<void> {
  const statement = `SELECT m.id::text AS id FROM :"library".promo_code_campaigns AS m
    WHERE m.id = $1::bigint AND m.shop_id = $2::text FOR KEY SHARE`;
  const { rows } = await db.query(call.sql(statement), [campaignId, shopId]);
  if (rows.length === 0) throw new ValidationError([wrongCampaign(campaignId, shopId)]);
}

export function wrongCampaign(campaignId: string, shopId: string): ValidationIssue {
  return {
    path: 'campaignId',
    message: `must be the id of a campaign${shopId ? ` of the shop ${shopId}` : ''}`,
    received: describeReceived(campaignId) ?? '',
  };
}

/** @returns the places of those that name a campaign which is not there, or of another shop */
export async function withWrongCampaign(
  call: Call,
  codes: readonly { shopId: string; campaignId?: string | null | undefined }[],
): Promise<number[]> {
  const asked = codes.flatMap(({ shopId, campaignId }, place) =>
    campaignId === null || campaignId === undefined ? [] : [{ place, shopId, campaignId }],
  );
  if (asked.length === 0) return [];
  const { rows } = await call.read((db) =>
    db.query(
      call.sql(`SELECT a.place::text AS place
         FROM ROWS FROM (pg_catalog.unnest($1::bigint[]), pg_catalog.unnest($2::text[])) WITH ORDINALITY AS a(campaign, shop, place)
        WHERE NOT EXISTS (SELECT FROM :"library".promo_code_campaigns AS m WHERE m.id = a.campaign AND m.shop_id = a.shop)`),
      [asked.map(({ campaignId }) => campaignId), asked.map(({ shopId }) => shopId)],
    ),
  );
  return rows.map(({ place }) => asked[Number(place) - 1]!.place);
}

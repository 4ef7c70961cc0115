import { NotFoundError, ValidationError } from '../errors.js';
import { describeReceived } from '../received.js';
import type { Call } from '../redemption/calls.js';
import { type Guarded, inShop } from '../repository/codes.js';
import { toTimestamp } from '../repository/date-fields.js';
import type { JsonValue } from '../repository/promo-code.js';
import { type Campaign, campaignColumns, toCampaign } from './campaign.js';

/** The fields of a campaign that its host sets, checked. */
export interface CampaignFields {
  name: string;
  isActive: boolean;
  startDate: Date | null;
  endDate: Date | null;
  totalUsageLimit: number | null;
  perCustomerLimit: number | null;
  maxTotalBonus: string | null;
  budgetOverrun: 'refuse' | 'cap';
  metadata: JsonValue;
}

/** What is changed of it. */
export type CampaignChanges = { [Field in keyof CampaignFields]?: CampaignFields[Field] | undefined };

/** How a field goes into a statement. */
interface Column {
  name: string;
  /** What is sent, as the type that stands behind the parameter. */
  type: string;
  parameter?(value: unknown): unknown;
}

/** What is no moment, as the end of a code without an end, is NULL. */
function moment(value: unknown): unknown {
  const text = toTimestamp(value as Date | null);
  return text === 'infinity' ? null : text;
}

const COLUMNS: Record<keyof CampaignFields, Column> = {
  name: { name: 'name', type: 'text' },
  isActive: { name: 'is_active', type: 'boolean' },
  startDate: { name: 'start_date', type: 'timestamptz', parameter: moment },
  endDate: { name: 'end_date', type: 'timestamptz', parameter: moment },
  totalUsageLimit: { name: 'total_usage_limit', type: 'bigint' },
  perCustomerLimit: { name: 'per_customer_limit', type: 'bigint' },
  maxTotalBonus: { name: 'max_total_bonus', type: 'numeric' },
  budgetOverrun: { name: 'budget_overrun', type: 'text' },
  // As a text first: postgres.js writes what goes into a parameter of type jsonb as JSON, also where it is JSON already.
  metadata: {
    name: 'metadata',
    type: 'text::jsonb',
    parameter: (value) => (value === null ? null : JSON.stringify(value)),
  },
};

interface Assignment {
  column: string;
  /** The parameter with its type. */
  value: string;
}

function assignmentsOf(fields: CampaignChanges, values: unknown[]): Assignment[] {
  const given = Object.entries(fields) as [keyof CampaignFields, unknown][];
  return given.flatMap(([field, value]) => {
    if (value === undefined) return [];
    const { name, type, parameter } = COLUMNS[field];
    return [{ column: name, value: `$${values.push(parameter ? parameter(value) : value)}::${type}` }];
  });
}

export async function createCampaign(
  call: Call,
  { shopId, ...fields }: CampaignFields & { shopId: string },
): Promise<Campaign> {
  const values: unknown[] = [shopId];
  const given = assignmentsOf(fields, values);
  const statement = `INSERT INTO :"library".promo_code_campaigns AS m
      (shop_id, created_at, updated_at, ${given.map(({ column }) => column).join(', ')})
    VALUES ($1::text, now(), now(), ${given.map(({ value }) => value).join(', ')})
    RETURNING ${campaignColumns(call.host)}`;
  const { rows } = await call.write((db) => db.query(call.sql(statement), values));
  return toCampaign(rows[0]);
}

/** A condition on the shop of the campaign `m`, where one is given. What the database cannot write is the name of no shop. */
export function isOfShop({ host }: Call, shopId: string | undefined, values: unknown[]): string {
  if (shopId === undefined) return '';
  return host.canWrite(shopId) ? ` AND m.shop_id = $${values.push(shopId)}::text` : ' AND false';
}

/** One statement: the dates are compared as they stand when the row is locked, so nothing is written where they would be reversed. */
export async function updateCampaign(call: Call, campaign: Guarded, changes: CampaignChanges): Promise<Campaign> {
  const values: unknown[] = [campaign.id];
  const sets = assignmentsOf(changes, values);
  if (sets.length === 0) return requireCampaign(await findCampaign(call, campaign), campaign);
  const after = (column: string) => sets.find((set) => set.column === column)?.value ?? `m.${column}`;
  const statement = `UPDATE :"library".promo_code_campaigns AS m
      SET updated_at = now(), ${sets.map(({ column, value }) => `${column} = ${value}`).join(', ')}
    WHERE m.id = $1::bigint${isOfShop(call, campaign.shopId, values)}
      AND coalesce(${after('start_date')} <= ${after('end_date')}, true)
    RETURNING ${campaignColumns(call.host)}`;
  const updated = await call.write(async (db) => {
    const { rows } = await db.query(call.sql(statement), values);
    return rows[0] === undefined ? null : toCampaign(rows[0]);
  });
  if (updated) return updated;
  requireCampaign(await findCampaign(call, campaign), campaign);
  throw reversedDates(changes);
}

/** What is said where only one of the two dates is given, and the other one stands. */
function reversedDates({ startDate, endDate }: CampaignChanges): ValidationError {
  const [path, message, given] =
    endDate === undefined
      ? ['startDate', 'must not be after endDate', startDate]
      : ['endDate', 'must not be before startDate', endDate];
  return new ValidationError([{ path, message, received: describeReceived(given) ?? '' }]);
}

export async function deleteCampaign(call: Call, campaign: Guarded): Promise<Campaign> {
  const values: unknown[] = [campaign.id];
  const statement = `DELETE FROM :"library".promo_code_campaigns AS m
    WHERE m.id = $1::bigint${isOfShop(call, campaign.shopId, values)} RETURNING ${campaignColumns(call.host)}`;
  const { rows } = await call.write((db) => db.query(call.sql(statement), values));
  return requireCampaign(rows[0] === undefined ? null : toCampaign(rows[0]), campaign);
}

export async function findCampaign(call: Call, { id, shopId }: Guarded): Promise<Campaign | null> {
  const values: unknown[] = [id];
  const statement = `SELECT ${campaignColumns(call.host)} FROM :"library".promo_code_campaigns AS m
    WHERE m.id = $1::bigint${isOfShop(call, shopId, values)}`;
  const { rows } = await call.read((db) => db.query(call.sql(statement), values));
  return rows[0] === undefined ? null : toCampaign(rows[0]);
}

function requireCampaign(found: Campaign | null, campaign: Guarded): Campaign {
  if (!found) throw unknownCampaign(campaign);
  return found;
}

/** The same for a campaign that is not there and for one of another shop. */
export function unknownCampaign({ id, shopId }: Guarded): NotFoundError {
  return new NotFoundError(`There is no campaign with the id ${id}${inShop(shopId)}.`);
}

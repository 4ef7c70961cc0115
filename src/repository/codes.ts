import { moveIntoCampaign, putIntoCampaign, requireCampaignOf } from '../campaigns/campaign-codes.js';
import { DuplicateCodeError, NotFoundError, PromoCodesError, ValidationError } from '../errors.js';
import { type CodeColumn, snakeCase } from '../host/description.js';
import { placeholderOf } from '../host/layout.js';
import { withRules } from '../host/rules.js';
import type { Queryable } from '../postgres/database.js';
import { wrongColumns } from '../redemption/answers.js';
import { toCodeName } from '../redemption/code-name.js';
import { identityKind } from '../redemption/column-types.js';
import type { Host } from '../redemption/host.js';
import { asColumn, momentOf } from '../redemption/moments.js';
import { codeIssues } from './code-rules.js';
import { newestFirst, newestLast, stateInSql } from './code-state.js';
import type { Call } from './context.js';
import { toTimestamp } from './date-fields.js';
import { columnsOfCode } from './host-columns.js';
import { type CodeRow, codeColumns, type JsonValue, type PromoCode, toPromoCode } from './promo-code.js';

/** A checked code, as it is going to be inserted. What the host has no column for is left out. */
export interface NewCode {
  code: string;
  /** Empty where the host has no shops. */
  shopId: string;
  name?: string | null | undefined;
  description?: string | null | undefined;
  bonusType?: 'fixed' | 'percentage' | undefined;
  bonusValue?: string | undefined;
  maxBonus?: string | null | undefined;
  startDate?: Date | undefined;
  endDate?: Date | null | undefined;
  totalUsageLimit?: number | null | undefined;
  perCustomerLimit?: number | null | undefined;
  maxTotalBonus?: string | null | undefined;
  budgetOverrun?: 'refuse' | 'cap' | undefined;
  minBaseReward?: string | null | undefined;
  customerAddress?: string | null | undefined;
  metadata?: JsonValue | undefined;
  isActive?: boolean | undefined;
  campaignId?: string | null | undefined;
  /** Columns of the host, as they go into JSON. */
  columns?: Record<string, unknown> | undefined;
}

/** The columns that an input fills, of those that the host has. */
export function toRow(host: Host, input: NewCode): Record<string, unknown> {
  return {
    ...input.columns,
    ...Object.fromEntries(
      (Object.entries(fieldsOf(host, input)) as [CodeColumn, unknown][]).flatMap(([role, value]) => {
        const column = host.layout.codes.columns[role];
        return column === null ? [] : [[column, value]];
      }),
    ),
  };
}

function fieldsOf({ layout: { codes } }: Host, input: NewCode): { [Role in CodeColumn]?: unknown } {
  return {
    code: toCodeName(input.code),
    shopId: input.shopId,
    name: input.name,
    description: input.description,
    bonusType: codes.bonusTypes[input.bonusType ?? 'fixed'][0],
    bonusValue: input.bonusValue,
    maxBonus: input.maxBonus,
    startDate: input.startDate ? toTimestamp(input.startDate) : null,
    endDate: toTimestamp(input.endDate ?? null),
    totalUsageLimit: input.totalUsageLimit,
    perCustomerLimit: input.perCustomerLimit,
    maxTotalBonus: input.maxTotalBonus,
    budgetOverrun: input.budgetOverrun,
    minBaseReward: input.minBaseReward,
    customerAddress: input.customerAddress,
    metadata: input.metadata,
    isActive: input.isActive,
  };
}

/**
 * Inserts codes of one shop and of one campaign or none, leaves out those that exist already, and gives those that were
 * inserted.
 */
export async function insertCodes(call: Call, shopId: string, inputs: readonly NewCode[]): Promise<PromoCode[]> {
  const rows = inputs.map((input) => columnsOfCode(call.host, toRow(call.host, input)));
  const codes = call.sql(
    `SELECT ${codeColumns(call.host)} FROM :"codes" AS c WHERE c.:"code_id" = ANY ($1:::code_id_type[]) ORDER BY ${newestLast(call.host)}`,
  );
  const [first] = inputs;
  const created = await insertRows(
    call,
    { shopId, rows: JSON.stringify(rows), hasColumns: first?.columns !== undefined, campaign: campaignOf(first) },
    async (db, ids) =>
      // In the same transaction: what comes after a COMMIT could fail although the codes are there.
      ids.length === 0 ? [] : (await db.query(codes, [ids])).rows,
  );
  return created.map((row: CodeRow) => toPromoCode(call.host, row));
}

/** The campaign that a new code is going to be in, and the shop that it has to be of. */
export interface ChosenCampaign {
  id: string;
  shopId: string;
}

export function campaignOf(code: NewCode | undefined): ChosenCampaign | undefined {
  return code?.campaignId ? { id: code.campaignId, shopId: code.shopId } : undefined;
}

/** What goes into one statement. */
interface NewRows {
  /** The shop of all of them; `null`: each is of the one that stands in it. */
  shopId: string | null;
  /** A JSON array of rows as `columnsOfCode` makes them, all with the same columns. */
  rows: string;
  hasColumns: boolean;
  campaign: ChosenCampaign | undefined;
}

/**
 * Inserts codes, and leaves out those that exist already.
 * @param then is given the ids of those that were inserted, in the same transaction
 */
export async function insertRows<Result>(
  call: Call,
  { shopId, rows, hasColumns, campaign }: NewRows,
  then: (db: Queryable, ids: string[]) => Result | Promise<Result>,
): Promise<Result> {
  const statement = call.sql('SELECT code_id AS id FROM :"library".create_promo_codes($1::text, $2::text::jsonb)');
  const insert = call.write(async (db) => {
    if (campaign) await requireCampaignOf(db, call, campaign.id, campaign.shopId);
    const inserted = await db.query(statement, [shopId, rows]);
    const ids = inserted.rows.map(({ id }) => String(id));
    if (campaign && ids.length > 0) await putIntoCampaign(db, call, ids, campaign.id);
    return then(db, ids);
  });
  return insert.catch((error: unknown) => {
    throw hasColumns ? ofColumns(error) : error;
  });
}

/** What a column of the host does not read as a value of its type. */
function ofColumns(error: unknown): unknown {
  if (!(error instanceof PromoCodesError) || !/^22/.test(error.sqlState ?? '')) return error;
  return wrongColumns(error.cause ?? error);
}

export async function createCode(call: Call, input: NewCode): Promise<PromoCode> {
  await refusePastEnd(call, input);
  const [created] = await insertCodes(call, input.shopId, [input]);
  if (created) return created;
  const holder = input.shopId === '' ? 'There is' : `The shop ${input.shopId} has`;
  throw new DuplicateCodeError(`${holder} a promo code ${toCodeName(input.code)} already (compared without case).`);
}

/** Who finds none and creates none has met somebody who created it or deleted it meanwhile. */
const ENSURE_ATTEMPTS = 20;

/** A code that is there already is given as it is. Repeating it is harmless, also after a connection broke. */
export async function ensureCode(call: Call, input: NewCode): Promise<PromoCode> {
  for (let attempt = 0; attempt < ENSURE_ATTEMPTS; attempt += 1) {
    const found = await findCodeByName(call, input.code, input.shopId);
    if (found) return found;
    await refusePastEnd(call, input);
    const [created] = await insertCodes(call, input.shopId, [input]);
    if (created) return created;
  }
  throw new PromoCodesError(
    'TOO_MANY_CHANGES',
    `The promo code ${toCodeName(input.code)} was created and deleted by others ${ENSURE_ATTEMPTS} times while it was being ensured.`,
  );
}

/** @throws ValidationError see `endsInPast` */
export async function refusePastEnd(call: Call, input: Omit<NewCode, 'code'>): Promise<void> {
  if ((await endsInPast(call, [input])).length > 0) throw new ValidationError([PAST_END]);
}

export const PAST_END = { path: 'endDate', message: 'must not be in the past, where startDate is not given' };

/**
 * A code without a start begins now, by the server's clock; its end must not be before that, as the column writes it.
 * @returns the places of those whose end is
 */
export async function endsInPast(call: Call, inputs: readonly Omit<NewCode, 'code'>[]): Promise<number[]> {
  if (!call.host.has('codes', 'endDate')) return [];
  const ends = inputs.flatMap(({ startDate, endDate }, place) => (endDate && !startDate ? [{ place, endDate }] : []));
  if (ends.length === 0) return [];
  const type = call.host.baseTypeOf('codes', 'endDate');
  const inColumn = (moment: string) => `${asColumn(call.host, 'codes', 'endDate', moment)}::${type}`;
  const { rows } = await call.read((db) =>
    db.query(
      call.sql(`SELECT e.place::text AS place
         FROM pg_catalog.unnest($1::timestamptz[]) WITH ORDINALITY AS e(moment, place)
        WHERE ${inColumn('e.moment')} < ${inColumn('now()')}`),
      [ends.map(({ endDate }) => toTimestamp(endDate))],
    ),
  );
  return rows.map(({ place }) => ends[Number(place) - 1]!.place);
}

/** The name of a code that is looked for, under the collation of the column. */
const ASKED_CODE = withRules(':asked_code($1::text)');

/** `undefined`: of any shop. */
type Shop = string | undefined;

/** The id of a code or of a use, and the shop that it must be of. */
export interface Guarded {
  id: string;
  shopId: Shop;
}

/** A condition on the shop of `c`, where one is given, as the parameter after those that there are. */
export function ofShop(call: { host: Host }, shopId: Shop, values: unknown[]): string {
  if (shopId === undefined) return '';
  // What the database cannot even write is the name of no shop.
  return call.host.canWrite(shopId) ? ` AND c.:"code_shop_id"::text = $${values.push(shopId)}::text` : ' AND false';
}

export async function findCode(call: Call, id: string, shopId: Shop): Promise<PromoCode | null> {
  const values: unknown[] = [id];
  const statement = `SELECT ${codeColumns(call.host)} FROM :"codes" AS c
    WHERE c.:"code_id" = $1:::code_id_type${ofShop(call, shopId, values)}`;
  return one(call, await call.read((db) => db.query(call.sql(statement), values)));
}

/**
 * Of several that match the one that can be redeemed now, then the one that is written so, then the newest. In a shop a code
 * is also found as a host may have stored it, as a redemption finds it.
 */
export async function findCodeByName(call: Call, code: string, shopId: Shop): Promise<PromoCode | null> {
  if (!call.host.canWrite(code)) return null;
  const values: unknown[] = [code];
  // All codes of a host without shops are of one shop.
  const isOfShop = ofShop(call, call.host.has('codes', 'shopId') ? shopId : '', values);
  const found = `(SELECT c.:"code_id" FROM :"codes" AS c
      WHERE upper(c.:"code"::text) = ${ASKED_CODE}${isOfShop}
      ORDER BY ${stateInSql(call)} = 'redeemable' DESC, c.:"code"::text = btrim($1::text) DESC,
               ${newestFirst(call.host)} LIMIT 1)`;
  const asStored = isOfShop.includes('$2') ? ', :"library".find_promo_code_as_stored($2, $1)' : '';
  const statement = `SELECT ${codeColumns(call.host)} FROM :"codes" AS c WHERE c.:"code_id" = coalesce(${found}${asStored})`;
  return one(call, await call.read((db) => db.query(call.sql(statement), values)));
}

type PatchedField =
  | ('name' | 'description' | 'bonusType' | 'bonusValue' | 'maxBonus' | 'startDate' | 'endDate' | 'totalUsageLimit')
  | ('perCustomerLimit' | 'maxTotalBonus' | 'budgetOverrun' | 'minBaseReward' | 'customerAddress' | 'metadata')
  | 'isActive';

export type CodePatch = {
  [Field in PatchedField | 'campaignId']?: PromoCode[Field] | undefined | (Field extends 'endDate' ? null : never);
};

/** What rules between fields look at, as a text that no setting of a session changes. */
const RULES = `pg_catalog.jsonb_build_array(c.:"bonus_type"::text, c.:"bonus_value"::text, c.:"max_bonus"::text,
  extract(epoch FROM c.:"start_date")::text, extract(epoch FROM c.:"end_date")::text)::text`;
const LOCK =
  'SELECT c.:"code_id"::text AS id FROM :"codes" AS c WHERE c.:"code_id" = $1:::code_id_type FOR NO KEY UPDATE';
const UPDATE_ATTEMPTS = 20;

/**
 * Changes a code when the result is right as a whole. It is checked against what was read, and written only where that is
 * still so: no lock is held in between, and redemptions, which change the counters, do not disturb it.
 */
export async function updateCode(
  call: Call,
  id: string,
  shopId: Shop,
  { campaignId, ...patch }: CodePatch,
): Promise<PromoCode> {
  const fields = Object.entries(patch).filter(([, value]) => value !== undefined) as [PatchedField, unknown][];
  const uncapped = call.host.has('codes', 'maxBonus') ? {} : { maxBonus: undefined };
  for (let attempt = 0; attempt < UPDATE_ATTEMPTS; attempt += 1) {
    const key: unknown[] = [id];
    const look = `SELECT ${codeColumns(call.host)}, ${RULES} AS rules FROM :"codes" AS c
      WHERE c.:"code_id" = $1:::code_id_type${ofShop(call, shopId, key)}`;
    const { rows: found } = await call.read((db) => db.query(call.sql(look), key));
    const before = requireCode(one(call, { rows: found }), id, shopId);
    if (fields.length === 0 && campaignId === undefined) return before;
    const issues = codeIssues({ ...before, ...uncapped, ...Object.fromEntries(fields) });
    if (issues.length > 0) throw new ValidationError(issues);
    const values: unknown[] = [id, found[0]?.rules, ...fields.map(([field, value]) => parameterOf(call, field, value))];
    const sets = fields.map(
      ([field], index) => `:"${placeholderOf('codes', field)}" = ${newValue(call, field, `$${index + 3}`)}`,
    );
    const isSame = `c.:"code_id" = $1:::code_id_type AND ${RULES} = $2${ofShop(call, shopId, values)}`;
    const columns = codeColumns(call.host);
    const statement =
      fields.length === 0
        ? `SELECT ${columns} FROM :"codes" AS c WHERE ${isSame} FOR NO KEY UPDATE`
        : `UPDATE :"codes" AS c SET ${[...sets, ...updatedNow(call)].join(', ')} WHERE ${isSame} RETURNING ${columns}`;
    const updated = await call.write(
      async (db) => {
        if (campaignId) {
          // Locked before its campaign, as by who redeems, and looked at before anything is written.
          await db.query(call.sql(LOCK), [id]);
          await requireCampaignOf(db, call, campaignId, before.shopId);
        }
        const code = one(call, await db.query(call.sql(statement), values));
        if (!code || campaignId === undefined) return code;
        await moveIntoCampaign(db, call, id, campaignId);
        return { ...code, campaignId };
      },
      { id },
    );
    if (updated) return updated;
  }
  throw new PromoCodesError(
    'TOO_MANY_CHANGES',
    `The promo code ${id} was changed by others ${UPDATE_ATTEMPTS} times while it was being updated.`,
  );
}

function parameterOf({ host }: Call, field: PatchedField, value: unknown): unknown {
  switch (field) {
    case 'startDate':
    case 'endDate':
      return toTimestamp(value as Date | null);
    case 'bonusType':
      return wordFor(host, value as string);
    case 'metadata':
      return value === null ? null : JSON.stringify(value);
    default:
      return value;
  }
}

/** As customers are compared. A text goes into a column of any type for texts, but into no other. */
function newCustomer(host: Host, parameter: string): string {
  const type = host.baseTypeOf('codes', 'customerAddress');
  const cast = identityKind(type) === 'text' ? '' : `::${type}`;
  return `(${withRules(`:asked_customer(${parameter}::text)`)})${cast}`;
}

/**
 * A `Date` has milliseconds, a column may have microseconds: a date that was read from this code stands for the moment that
 * it was read from.
 */
function newValue({ host }: Call, field: PatchedField, parameter: string): string {
  if (field === 'customerAddress') return newCustomer(host, parameter);
  // As a text first: postgres.js writes what goes into a parameter of type jsonb as JSON, also where it is JSON already.
  if (field === 'metadata') return `${parameter}::text::jsonb`;
  if (field !== 'startDate' && field !== 'endDate') return parameter;
  const given = `${parameter}::timestamptz`;
  const typeOf = (role: 'startDate' | 'endDate') => host.baseTypeOf('codes', role);
  const other = field === 'startDate' ? 'endDate' : 'startDate';
  const roles: ('startDate' | 'endDate')[] = [field, other];
  const known = roles.flatMap((role) => {
    if (!host.has('codes', role)) return [];
    const moment = momentOf(host, 'codes', role);
    // An hour that a time zone has twice is read and written as one of the two: the column itself is copied where it can be.
    const value = typeOf(role) === typeOf(field) ? `c.:"${snakeCase(role)}"` : asColumn(host, 'codes', field, moment);
    return [`WHEN date_trunc('milliseconds'::text, ${moment}) = ${given} THEN ${value}`];
  });
  return `CASE ${known.join(' ')} ELSE ${asColumn(host, 'codes', field, given)} END`;
}

/** The row lock of this update is the one that redeeming takes: when it has returned, no redemption sees the code as before. */
export async function setActive(call: Call, id: string, shopId: Shop, isActive: boolean): Promise<PromoCode> {
  if (!call.host.has('codes', 'isActive')) {
    const message = `must have a column in ${call.host.layout.codes.name} to be changed`;
    throw new ValidationError([{ path: 'isActive', message }]);
  }
  const values: unknown[] = [id, isActive];
  const statement = `UPDATE :"codes" AS c
      SET ${[':"is_active" = $2::boolean', ...updatedNow(call)].join(', ')}
    WHERE c.:"code_id" = $1:::code_id_type${ofShop(call, shopId, values)} RETURNING ${codeColumns(call.host)}`;
  return requireCode(one(call, await call.write((db) => db.query(call.sql(statement), values), { id })), id, shopId);
}

export async function deleteCode(call: Call, id: string, shopId: Shop): Promise<PromoCode> {
  const values: unknown[] = [id];
  const statement = `DELETE FROM :"codes" AS c
    WHERE c.:"code_id" = $1:::code_id_type${ofShop(call, shopId, values)} RETURNING ${codeColumns(call.host)}`;
  return requireCode(one(call, await call.write((db) => db.query(call.sql(statement), values), { id })), id, shopId);
}

/** The write that tells others that the code was changed, where the host has a column for it. */
function updatedNow(call: Call): string[] {
  return call.host.has('codes', 'updatedAt')
    ? [`:"updated_at" = ${asColumn(call.host, 'codes', 'updatedAt', 'now()')}`]
    : [];
}

/** The host's own word for a type of bonus. */
function wordFor({ layout: { codes } }: Host, type: string): string {
  return type === 'fixed' || type === 'percentage' ? codes.bonusTypes[type][0]! : type;
}

function one(call: Call, { rows }: { rows: unknown[] }): PromoCode | null {
  return rows[0] === undefined ? null : toPromoCode(call.host, rows[0] as CodeRow);
}

function requireCode(found: PromoCode | null, id: string, shopId: Shop): PromoCode {
  if (!found) throw unknownCode(id, shopId);
  return found;
}

/** The same for a code that is not there and for one of another shop. */
export function unknownCode(id: string, shopId: Shop): NotFoundError {
  return new NotFoundError(`There is no promo code with the id ${id}${inShop(shopId)}.`);
}

/** What a message says of the shop that was asked for. */
export function inShop(shopId: Shop): string {
  return shopId ? ` in the shop ${shopId}` : '';
}

import * as v from 'valibot';
import { oneOf, optionsOf, trueOrFalse } from '../options.js';
import type { Host } from '../redemption/host.js';
import { bonusSumField } from './amount-field.js';
import { CODE_STATES } from './code-state.js';
import { campaignCursor } from './cursor.js';
import { dateField, endField } from './date-fields.js';
import { campaignIdField, idField, LONGEST_NAME, limitField, ofColumn, textField } from './fields.js';
import { metadataField } from './metadata-field.js';

/** More are added in parts: their rows are locked until the end of the call. */
const MOST_CODES = 100_000;
const CODES_RULE = 'must be an array of ids of codes';

/** The fields of a campaign, which stands in a table of the library. */
function campaignFields(host: Host | undefined) {
  return {
    name: textField(undefined, 'codes', '', { max: LONGEST_NAME, trim: true }),
    isActive: trueOrFalse,
    startDate: v.nullable(dateField),
    endDate: endField,
    totalUsageLimit: limitField,
    perCustomerLimit: limitField,
    // A host whose uses have no bonus would never pass a budget.
    maxTotalBonus: ofColumn(host, 'uses', 'bonusAmount', v.optional(v.nullable(bonusSumField(host)))),
    budgetOverrun: oneOf(['refuse', 'cap']),
    metadata: metadataField,
  };
}

/** The ids of codes, each of which is named by its place: `codeIds[3]`. */
function codeIdsField(host: Host | undefined) {
  const id = idField(host, 'codes');
  return v.pipe(
    v.custom<readonly unknown[]>((value) => Array.isArray(value), CODES_RULE),
    v.check((ids) => ids.length <= MOST_CODES, `must hold at most ${MOST_CODES} ids`),
    v.rawTransform(({ dataset, addIssue, NEVER }): string[] => {
      const read: string[] = [];
      for (const [place, value] of dataset.value.entries()) {
        const result = v.safeParse(id, value);
        if (result.success) read.push(result.output);
        else {
          const key = `codeIds[${place}]`;
          const path = [{ type: 'object', origin: 'value', input: {}, key, value }] as const;
          addIssue({ message: result.issues[0].message, path: [...path] });
        }
      }
      return read.length === dataset.value.length ? read : NEVER;
    }),
  );
}

/**
 * What the methods for campaigns are handed in.
 * @param shop of a new campaign
 * @param filter what lists take: a shop, and how many there are on a page
 */
export function campaignSchemas<Shop extends v.GenericSchema, Filter extends v.ObjectEntries>(
  host: Host | undefined,
  shop: Shop,
  filter: Filter,
) {
  const fields = campaignFields(host);
  return {
    campaignById: optionsOf({ id: campaignIdField }),
    createCampaign: optionsOf({
      shopId: shop,
      name: fields.name,
      isActive: v.optional(fields.isActive, true),
      startDate: v.optional(fields.startDate, null),
      endDate: v.optional(fields.endDate, null),
      totalUsageLimit: v.optional(fields.totalUsageLimit, null),
      perCustomerLimit: v.optional(fields.perCustomerLimit, null),
      maxTotalBonus: fields.maxTotalBonus,
      budgetOverrun: v.optional(fields.budgetOverrun, 'refuse'),
      metadata: v.optional(fields.metadata, null),
    }),
    patchCampaign: v.partial(optionsOf({ ...fields })),
    listCampaigns: optionsOf({
      ...filter,
      state: v.optional(oneOf(CODE_STATES)),
      search: v.optional(textField(undefined, 'codes', '', { max: LONGEST_NAME, trim: true })),
      cursor: campaignCursor,
    }),
    codeIds: codeIdsField(host),
    addCodes: optionsOf({ move: v.optional(trueOrFalse, false) }),
  };
}

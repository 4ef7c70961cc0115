import type { Attempted } from './redeem.js';

const ARGUMENTS = {
  one: 'text, text, text, numeric, numeric, text, text, :use_id_type, bigint[], integer',
  batch:
    'text[], text[], integer[], text[], numeric[], numeric[], text[], text[], :use_id_type[], integer[], boolean[], boolean, boolean, bigint[], integer, jsonb[]',
};

/** With placeholders. The answer is one column of text, however much is in it: the least that there is to describe and read. */
export const redeemStatements = {
  one: callOf('redeem_promo_code', ARGUMENTS.one),
  batch: callOf('redeem_promo_codes', ARGUMENTS.batch),
  takeIds: 'SELECT pg_catalog.array_to_json(:"library".reserve_promo_code_use_ids($1::integer))::text AS ids',
};

function callOf(name: string, types: string): string {
  // As texts first: postgres.js writes what goes into a parameter of type jsonb as JSON, also where it is JSON already.
  const values = types
    .split(', ')
    .map((type, index) => `$${index + 1}::${type === 'jsonb[]' ? `text[]::${type}` : type}`);
  return `SELECT :"library".${name}(${values.join(', ')}) AS answer`;
}

/** Whether the short path knows the request. */
export function isPlain({ request, inDoubt }: Attempted): boolean {
  return !inDoubt && request.ttlSeconds === undefined && request.columns === undefined;
}

export function valuesOfOne({ request, useId }: Attempted): unknown[] {
  const { code, shopId, customerAddress, baseReward, bonusAmount = null } = request;
  const { transactionId = null, idempotencyKey = null } = request;
  return [code, shopId, customerAddress, baseReward, bonusAmount, transactionId, idempotencyKey, useId];
}

/** The further columns of the requests; empty where none has any. */
export function columnsOfBatch(entries: readonly Attempted[]): unknown[] {
  if (entries.every(({ request }) => request.columns === undefined)) return [];
  return entries.map(({ request }) => (request.columns === undefined ? null : JSON.stringify(request.columns)));
}

/** Each code once, and an array for each field; those that no request has are empty. */
export function valuesOfBatch(entries: readonly Attempted[]): unknown[] {
  const { codes, shops, places: each } = placesOf(entries.map(({ request }) => request));
  const keys = new Set<string>();
  const repeatsKey = ({ request: { shopId, idempotencyKey } }: Attempted): boolean => {
    if (idempotencyKey === undefined) return false;
    const key = `${shopId}\0${idempotencyKey}`;
    const isKnown = keys.has(key);
    keys.add(key);
    return isKnown;
  };
  const optional = <Value>(
    read: (entry: Attempted) => Value | undefined,
    isThere: (value: unknown) => boolean = (value) => value !== undefined,
  ) => {
    const values = entries.map(read);
    return values.some(isThere) ? values : [];
  };
  return [
    codes,
    shops,
    plainArray(each),
    entries.map(({ request }) => request.customerAddress),
    plainArray(entries.map(({ request }) => request.baseReward)),
    optional(({ request }) => request.bonusAmount),
    optional(({ request }) => request.transactionId),
    optional(({ request }) => request.idempotencyKey),
    arrayOfIds(entries.map(({ useId }) => useId)),
    optional(({ request }) => request.ttlSeconds),
    optional(repeatsKey, Boolean),
  ];
}

/** Each code once, and for each request the place of its code among those. */
export function placesOf(requests: readonly { code: string; shopId: string }[]): {
  codes: string[];
  shops: string[];
  places: number[];
} {
  const known = new Map<string, number>();
  const codes: string[] = [];
  const shops: string[] = [];
  const places = requests.map(({ code, shopId }) => {
    const name = `${shopId}\0${code}`;
    let place = known.get(name);
    if (place === undefined) {
      place = codes.push(code);
      shops.push(shopId);
      known.set(name, place);
    }
    return place;
  });
  return { codes, shops, places };
}

/** An array of numbers as the server reads it; node-postgres would look at each of them for what has to be quoted. */
export const plainArray = (numbers: readonly unknown[]) => `{${numbers.join(',')}}`;

/** The same for ids, which are numbers as a rule. */
export function arrayOfIds(ids: readonly unknown[]): unknown {
  return /^-?\d+$/.test(String(ids[0])) ? plainArray(ids) : ids;
}

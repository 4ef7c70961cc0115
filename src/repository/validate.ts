import { validateChannel } from '../diagnostics/channels.js';
import type { ValidateEvent } from '../diagnostics/events.js';
import type { Trace } from '../diagnostics/operation.js';
import type { DecimalString } from '../drift/drift-record.js';
import type { Host } from '../redemption/host.js';
import { type RefusalReason, refusal } from '../redemption/results.js';
import { placesOf, plainArray } from '../redemption/statements.js';
import type { Call } from './context.js';
import { type CodeRow, codeColumns, type PromoCode, toPromoCode } from './promo-code.js';

/** What a redemption would be answered at this moment. It is a preview: only `redeem` makes it true. */
export type ValidateResult = Valid | Invalid;

/** The code could be redeemed at this moment. */
export interface Valid {
  /** Tells the two kinds of results apart. */
  valid: true;
  /** The code as it is at this moment. */
  promoCode: PromoCode;
  /** What it would add; for a percentage only where `baseReward` was given. */
  bonusAmount?: DecimalString;
}

/** The code could not be redeemed at this moment. */
export interface Invalid {
  /** Tells the two kinds of results apart. */
  valid: false;
  /** Stable, for programs. */
  reason: RefusalReason;
  /** For people, in English. */
  message: string;
}

export interface ValidateRequest {
  code: string;
  shopId: string;
  customerAddress: string;
  baseReward?: string | undefined;
  bonusAmount?: string | undefined;
  /** The call that it is of, where somebody listens. */
  trace?: Trace<ValidateEvent> | undefined;
}

/** A preview, and why it is a refusal where that must not be shown. */
export interface Preview {
  result: ValidateResult;
  reason?: RefusalReason;
}

/** Previews requests by one statement, in one snapshot, and gives what each would be answered, in their order. */
export async function previewCodes(
  call: Call,
  requests: readonly ValidateRequest[],
  uniform: boolean,
): Promise<Preview[]> {
  const { host } = call;
  const previews: Preview[] = requests.map(() => refused('not_found', uniform));
  const asked = [...requests.keys()].filter((at) => host.canWrite(requests[at]!.code, requests[at]!.shopId));
  if (asked.length === 0) return previews;
  const sent = asked.map((at) => requests[at]!);
  const [only] = sent.length === 1 ? sent : [];
  const values = only ? valuesOfOne(only) : valuesOfBatch(sent);
  const { rows } = await call.read((db) => {
    if (validateChannel.isHeard) noteSent(sent);
    return db.query(call.sql(statementsOf(host)[only ? 'one' : 'batch']), values);
  });
  for (const [place, reason, bonus, code] of only ? rows.map(toAnswer) : answersOf(rows[0] ?? {})) {
    const at = asked[place - 1]!;
    if (reason !== null) previews[at] = refused(reason, uniform);
    else if (code) {
      const bonusAmount = bonus === null ? {} : { bonusAmount: bonus };
      // An object of its own for each caller, who may change it.
      previews[at] = { result: { valid: true, promoCode: toPromoCode(host, code), ...bonusAmount } };
    }
  }
  return previews;
}

type Answer = [request: number, refusal: RefusalReason | null, bonus: string | null, code: CodeRow | undefined];

function toAnswer(row: CodeRow & { refusal: RefusalReason | null; bonus: string | null }): Answer {
  return [1, row.refusal, row.bonus, row];
}

/** A code of several requests stands there once. */
function answersOf({ answers, codes }: { answers?: string | null; codes?: string | null }): Answer[] {
  const byId: Record<string, CodeRow> = JSON.parse(codes ?? '{}');
  const rows: [number, RefusalReason | null, string | null, string][] = JSON.parse(answers ?? '[]');
  return rows.map(([place, reason, bonus, id]) => [place, reason, bonus, byId[id]]);
}

const statements = new WeakMap<Host, Record<'one' | 'batch', string>>();

/**
 * Of a batch two columns of JSON are read, since they are the least to describe and to parse; to one request a row is less to plan.
 * Only a code that may be shown is read, by its id: what there is besides takes no time.
 */
function statementsOf(host: Host): Record<'one' | 'batch', string> {
  const known = statements.get(host);
  if (known !== undefined) return known;
  const ofOne = "ARRAY[$1::text], ARRAY[$2::text], '{1}', ARRAY[$3::text], ARRAY[$4::numeric], ARRAY[$5::numeric]";
  const ofBatch = '$1::text[], $2::text[], $3::integer[], $4::text[], $5::numeric[], $6::numeric[]';
  const previewed = (values: string) => `:"library".preview_promo_codes(${values})`;
  const codeWith = (condition: string) =>
    `LATERAL (SELECT ${codeColumns(host)} FROM :"codes" AS c WHERE c.:"code_id" = ${condition} LIMIT 1) AS c`;
  const made = {
    one: `SELECT p.refusal AS refusal, p.bonus AS bonus, c.*
       FROM ${previewed(ofOne)} AS p
       LEFT JOIN ${codeWith('p.code_id AND p.refusal IS NULL')} ON true`,
    batch: `WITH p AS MATERIALIZED (SELECT * FROM ${previewed(ofBatch)})
       SELECT (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(p.request, p.refusal, p.bonus, p.code_id::text))
                 FROM p)::text AS answers,
              (SELECT pg_catalog.json_object_agg(c.id, pg_catalog.to_json(c))
                 FROM (SELECT DISTINCT p.code_id AS id FROM p WHERE p.refusal IS NULL) AS valid
                CROSS JOIN ${codeWith('valid.id')})::text AS codes`,
  };
  statements.set(host, made);
  return made;
}

function valuesOfOne({ code, shopId, customerAddress, baseReward, bonusAmount }: ValidateRequest): unknown[] {
  return [code, shopId, customerAddress, baseReward ?? null, bonusAmount ?? null];
}

function valuesOfBatch(requests: readonly ValidateRequest[]): unknown[] {
  const { codes, shops, places } = placesOf(requests);
  const amounts = (role: 'baseReward' | 'bonusAmount') =>
    plainArray(requests.map(({ [role]: amount }) => amount ?? 'NULL'));
  const customers = requests.map(({ customerAddress }) => customerAddress);
  return [codes, shops, plainArray(places), customers, amounts('baseReward'), amounts('bonusAmount')];
}

function noteSent(requests: readonly ValidateRequest[]): void {
  for (const { trace } of requests) {
    trace?.note(({ attempts, waitedMs }) => ({
      attempts: attempts + 1,
      waitedMs: attempts === 0 ? trace.elapsedMs : waitedMs,
      batchSize: requests.length,
    }));
  }
}

function refused(reason: RefusalReason, uniform: boolean): Preview & { reason: RefusalReason } {
  const shown = refusal(reason, undefined, uniform);
  return { result: { valid: false, reason: shown.reason, message: shown.message }, reason };
}

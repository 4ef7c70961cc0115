import type { DecimalString } from '../drift/drift-record.js';
import { type RefusalReason, refusal } from '../redemption/results.js';
import type { Call } from './context.js';
import { codeColumns, type PromoCode, toPromoCode } from './promo-code.js';

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
}

export async function previewCode(
  call: Call,
  request: ValidateRequest,
  uniform: boolean,
): Promise<{ result: ValidateResult; reason?: RefusalReason }> {
  const { code, shopId, customerAddress, baseReward = null, bonusAmount = null } = request;
  if (!call.host.canWrite(code, shopId)) return refused('not_found', uniform);
  const { rows } = await call.read((db) =>
    db.query(
      // One code is read, by its id, and only one that may be shown: what there is besides takes no time.
      call.sql(`SELECT p.refusal AS refusal, p.bonus AS bonus, c.*
         FROM :"library".preview_promo_code($1::text, $2::text, $3::text, $4::numeric, $5::numeric) AS p
         LEFT JOIN LATERAL (
                SELECT ${codeColumns(call.host)} FROM :"codes" AS c
                 WHERE c.:"code_id" = p.code_id AND p.refusal IS NULL LIMIT 1
              ) AS c ON true`),
      [code, shopId, customerAddress, baseReward, bonusAmount],
    ),
  );
  const [row] = rows;
  const reason: RefusalReason | null = row ? row.refusal : 'not_found';
  if (reason !== null) return refused(reason, uniform);
  const bonus: string | null = row.bonus;
  return {
    result: { valid: true, promoCode: toPromoCode(call.host, row), ...(bonus !== null && { bonusAmount: bonus }) },
  };
}

function refused(reason: RefusalReason, uniform: boolean): { result: Invalid; reason: RefusalReason } {
  const shown = refusal(reason, undefined, uniform);
  return { result: { valid: false, reason: shown.reason, message: shown.message }, reason };
}

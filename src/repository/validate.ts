import type { DecimalString } from '../drift/drift-record.js';
import { type RefusalReason, refusal } from '../redemption/results.js';
import type { Call } from './context.js';
import { CODE_COLUMNS, type PromoCode, toPromoCode } from './promo-code.js';

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
      `SELECT p.refusal AS refusal, p.bonus AS bonus, ${CODE_COLUMNS}
         FROM ${call.table('preview_promo_code')}($1, $2, $3, $4::numeric, $5::numeric) AS p
         JOIN ${call.table('promo_codes')} AS c ON c.id = p.code_id`,
      [code, shopId, customerAddress, baseReward, bonusAmount],
    ),
  );
  const [row] = rows;
  const reason: RefusalReason | null = row ? row.refusal : 'not_found';
  if (reason !== null) return refused(reason, uniform);
  const bonus: string | null = row.bonus;
  return { result: { valid: true, promoCode: toPromoCode(row), ...(bonus !== null && { bonusAmount: bonus }) } };
}

function refused(reason: RefusalReason, uniform: boolean): { result: Invalid; reason: RefusalReason } {
  const shown = refusal(reason, undefined, uniform);
  return { result: { valid: false, reason: shown.reason, message: shown.message }, reason };
}

// What works without `strict`, where the compiler does not narrow by truth: compiled by `npm run check:package`.
import type { RedeemResult, ValidateResult } from 'pg-promo-codes';

export function outcome(result: RedeemResult): string {
  if (result.ok === false) return `${result.reason}: ${result.message}`;
  return result.use.totalReward;
}

export function preview(result: ValidateResult): string {
  if (result.valid === false) return `${result.reason}: ${result.message}`;
  return result.promoCode.code;
}

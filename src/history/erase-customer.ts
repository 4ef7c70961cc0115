import { ValidationError } from '../errors.js';
import type { Call } from '../redemption/calls.js';

/** What `eraseCustomer` changed. */
export interface ErasureReport {
  /** Codes that are bound to the replacement now. */
  codes: number;
  /** Uses that are the replacement's now. */
  uses: number;
  /** Holds, and marks of uses that were taken back. */
  holds: number;
  /** Idempotency keys. */
  keys: number;
  /** Records of the history. */
  records: number;
}

/** @throws ValidationError where the replacement is a customer already */
export async function eraseCustomer(call: Call, customer: string, replacement: string): Promise<ErasureReport> {
  const statement = `SELECT e.codes::text AS codes, e.uses::text AS uses, e.holds::text AS holds, e.keys::text AS keys,
           e.records::text AS records
    FROM :"library".erase_promo_code_customer($1::text, $2::text) AS e`;
  const { rows } = await call.write((db) => db.query(call.sql(statement), [customer, replacement]));
  const { codes, uses, holds, keys, records } = rows[0]!;
  if (uses === '-1') {
    const message = 'must not be a customer that there is: the two would be one, and their limits as well';
    throw new ValidationError([{ path: 'replacement', message }]);
  }
  return {
    codes: Number(codes),
    uses: Number(uses),
    holds: Number(holds),
    keys: Number(keys),
    records: Number(records),
  };
}

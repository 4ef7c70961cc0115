/** What can be found to be wrong. */
export type Rule =
  /** A counter differs from the rows. */
  | 'drift'
  /** More uses than a limit allows, of a code or of one customer, at one moment. */
  | 'limit_exceeded'
  /** One request has several uses. */
  | 'duplicate_use'
  /** One idempotency key has several uses, or answers now one, now another. */
  | 'key_with_two_uses'
  /** One id was given to two uses. */
  | 'id_given_twice'
  /** A use, hold or code that nobody asked for. */
  | 'unasked'
  /** An effect was acknowledged and is not there. */
  | 'lost_acknowledgement'
  /** An error that says for certain that nothing happened, or a refusal, and its effect is there. */
  | 'definite_error_with_effect'
  /** `OUTCOME_UNKNOWN` although nothing can have happened. */
  | 'needless_doubt'
  /** Amounts, customer or code are not what was asked for and answered. */
  | 'wrong_values'
  /** A write came to effect after a later one that had been acknowledged. */
  | 'late_twin'
  /** A use that was made after its code had been deactivated. */
  | 'used_while_inactive'
  /** A hold that was neither confirmed nor released nor replaced, or two of these. */
  | 'hold_unaccounted'
  /** An answer that the rows contradict: "there is no such use", and there it is. */
  | 'false_answer'
  /** A call that never ended. */
  | 'unsettled'
  /** A call that ended after its deadline. */
  | 'late'
  /** A process that did not redeem soon enough after the last fault. */
  | 'slow_recovery'
  /** A process that ended by itself. */
  | 'process_died';

/** Something that is wrong, with all that is known about it. */
export interface Violation {
  rule: Rule;
  message: string;
  /** The calls that it is about. */
  calls: string[];
  /** The rows that it is about. */
  rows: unknown[];
  /** When it was seen, where that is known. */
  at?: number;
}

import type { Database } from '../postgres/database.js';

/** Registered, because a repository may be of another copy of the library than `pg-promo-codes/testing`. */
export const CLOCK_HANDLE = Symbol.for('pg-promo-codes.clock');

/** What `pg-promo-codes/testing` sets the clock of a repository by. */
export interface ClockHandle {
  db: Database;
  schema: string | undefined;
  librarySchema: string | undefined;
  /**
   * Sets the present for all calls that follow.
   * @param moment as PostgreSQL reads it; `undefined` for the server's own time
   * @param prepare makes the installation one whose clock can be set, where it is none
   */
  set(moment: string | undefined, prepare: () => Promise<unknown>): void;
  /** Settles when the clock stands, or could not be set. */
  ready(): Promise<void>;
}

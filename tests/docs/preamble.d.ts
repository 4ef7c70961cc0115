// What a piece of code on a page may use without declaring it, when it is compiled (tests/docs/types.test.ts). docs/contributing.md
// lists these names. Names of the library itself need no import in a piece either.
import type { Server } from 'node:http';
import type pg from 'pg';
import type { PromoCodeRepository, RedeemInput } from 'pg-promo-codes';
import type { KyselyTransaction } from 'pg-promo-codes/adapters';

declare global {
  /** The pool of the application. */
  const pool: pg.Pool;
  /** A client of it, with a transaction open. */
  const client: pg.PoolClient;
  const promoCodes: PromoCodeRepository;
  /** What somebody wants to redeem. */
  const request: RedeemInput;
  /** A transaction of Kysely. */
  const trx: KyselyTransaction;
  /** The HTTP server of the application. */
  const server: Server;
  /** Whatever the application does with a call that may succeed later. */
  function tryLater(): Promise<void>;
}

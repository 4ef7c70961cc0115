import type pg from 'pg';
import type { CallArgs, CallKind, CallResult } from '../log.js';

/** What is put to the test: for each kind of call that it offers, how to make it. With a client it is a part of the host's transaction. */
export type Subject = { readonly [Kind in CallKind]?: (args: CallArgs, client?: pg.PoolClient) => Promise<CallResult> };

/** The connections of a client process. */
export interface Pools {
  /** What the subject works on. */
  main: pg.Pool;
  /** For transactions of the host. */
  host: pg.Pool;
  /** For what has no deadline of its own (checks, installations): it gives up by itself. */
  patient: pg.Pool;
}

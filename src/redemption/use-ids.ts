import type { Queryable } from '../postgres/database.js';
import { quoteIdentifier } from '../postgres/identifiers.js';

/** Few enough that an id of four bytes is not used up by restarts. */
const SMALLEST_BLOCK = 100;
/** More would hold up the server for milliseconds. */
const LARGEST_BLOCK = 2_000;
/** What the function gives at once. */
const MOST_AT_ONCE = 10_000;
/** A block should last about as long. */
const BLOCK_MS = 1_000;

/**
 * Ids for uses, taken from the sequence in blocks ahead of time, so that calls do not wait for them. A call that knows its id
 * can ask for its own use after its connection broke; ids of an abandoned block are gaps, as a sequence has them anyway.
 */
export class UseIds {
  readonly #statement: string;
  #ids: string[] = [];
  #pending: Promise<void> | undefined;
  #block = SMALLEST_BLOCK;
  #reservedAt = Number.NEGATIVE_INFINITY;

  constructor(schema: string) {
    this.#statement = `SELECT array_to_string(${quoteIdentifier(schema)}.reserve_promo_code_use_ids($1), ',') AS ids`;
  }

  /**
   * @param run runs a statement, with what repetitions it needs
   * @param shared whether callers that arrive together may wait for one block; not inside a transaction of the host, whose
   * failure is its own
   */
  async take(count: number, run: Run, shared: boolean): Promise<string[]> {
    while (this.#ids.length < count) {
      if (shared) await this.#reserveShared(count, run);
      else await this.#reserve(count, run);
    }
    const taken = this.#ids.splice(0, count);
    // Who needs them will see the error, if it lasts.
    if (shared && this.#ids.length < this.#block / 2) this.#reserveShared(0, run).catch(() => undefined);
    return taken;
  }

  /** The sequence was set back: what is left of the block is of the same kind. */
  discard(): void {
    this.#ids = [];
  }

  #reserveShared(count: number, run: Run): Promise<void> {
    this.#pending ??= this.#reserve(count, run).finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  async #reserve(count: number, run: Run): Promise<void> {
    const now = performance.now();
    const sinceLast = now - this.#reservedAt;
    if (sinceLast < BLOCK_MS / 2) this.#block = Math.min(LARGEST_BLOCK, this.#block * 2);
    else if (sinceLast > BLOCK_MS * 10) this.#block = SMALLEST_BLOCK;
    this.#reservedAt = now;
    await run(async (connection) => {
      const size = Math.min(MOST_AT_ONCE, Math.max(this.#block, count));
      const { rows } = await connection.query(this.#statement, [size]);
      this.#ids.push(...String(rows[0]?.ids).split(','));
    });
  }
}

type Run = <R>(work: (connection: Queryable) => Promise<R>) => Promise<R>;

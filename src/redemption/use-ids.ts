import type { Queryable } from '../postgres/database.js';
import { quoteIdentifier } from '../postgres/identifiers.js';

/** Few enough that an id of four bytes is not used up by restarts, enough that the extra round trip does not count. */
const BLOCK = 100;
const LARGEST_BLOCK = 10_000;

/**
 * Ids for uses, taken from the sequence in blocks ahead of time. A call that knows its id can ask for its own use after its
 * connection broke; ids of an abandoned block are gaps, as a sequence has them anyway.
 */
export class UseIds {
  readonly #statement: string;
  #ids: string[] = [];
  #pending: Promise<void> | undefined;

  constructor(schema: string) {
    this.#statement = `SELECT array_to_string(${quoteIdentifier(schema)}.reserve_promo_code_use_ids($1), ',') AS ids`;
  }

  /**
   * @param run runs a statement, with what repetitions it needs
   * @param shared whether callers that arrive together may wait for one block; not inside a transaction of the host, whose
   * failure is its own
   */
  async take(
    count: number,
    run: <R>(work: (connection: Queryable) => Promise<R>) => Promise<R>,
    shared: boolean,
  ): Promise<string[]> {
    const reserve = () =>
      run(async (connection) => {
        const size = Math.min(LARGEST_BLOCK, Math.max(BLOCK, count));
        const { rows } = await connection.query(this.#statement, [size]);
        this.#ids.push(...String(rows[0]?.ids).split(','));
      });
    while (this.#ids.length < count) {
      if (!shared) {
        await reserve();
        continue;
      }
      this.#pending ??= reserve().finally(() => {
        this.#pending = undefined;
      });
      await this.#pending;
    }
    return this.#ids.splice(0, count);
  }

  /** The sequence was set back: what is left of the block is of the same kind. */
  discard(): void {
    this.#ids = [];
  }
}

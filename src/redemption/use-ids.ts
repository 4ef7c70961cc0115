import type { AsyncResource } from 'node:async_hooks';
import type { Removals } from '../postgres/removals.js';
import { now } from '../postgres/timers.js';
import type { Call } from './calls.js';
import { redeemStatements } from './statements.js';

/** Few enough that an id of four bytes is not used up by restarts. */
const SMALLEST_BLOCK = 100;
/** More would hold up the server for milliseconds. */
const LARGEST_BLOCK = 2_000;
/** What the function gives at once. */
const MOST_AT_ONCE = 10_000;
/** A block should last about as long. */
const BLOCK_MS = 1_000;
/** Partitions that ids are kept for; the oldest are forgotten, and their ids are gaps. */
const MOST_PARTITIONS = 1_000;

/** Who takes ids. */
export interface Taker {
  /** Ids that are taken in a transaction of the host are its own, as its failure is. */
  call: Call;
  /** Callers of one partition may wait for one block; they reach the same database, which others may not. */
  partition: string;
}

/**
 * Ids for uses, taken from the sequence in blocks ahead of time, so that calls do not wait for them. A call that knows its id
 * can ask for its own use after its connection broke; ids of an abandoned block are gaps, as a sequence has them anyway.
 *
 * An id counts from the commit of the transaction that took it. A server that crashed, or its standby, may give ids once
 * more whose taking it had not stored, so a connection that breaks makes every block worthless.
 */
export class UseIds {
  readonly #home: AsyncResource | undefined;
  readonly #removals: Removals;
  #removed: number;
  #blocks = new Map<string, Block>();
  #ofClients = new WeakMap<object, OwnBlock>();

  /**
   * @param home the asynchronous context in which blocks are fetched; without one, that of the caller
   * @param removals of the pool: a connection that breaks while nobody uses it says as much as one that breaks under a call
   */
  constructor(home: AsyncResource | undefined, removals: Removals) {
    this.#home = home;
    this.#removals = removals;
    this.#removed = removals.count;
  }

  async take(count: number, taker: Taker): Promise<string[]> {
    const { partition, call } = taker;
    const fetch = (size: number) => fetchIds(size, taker);
    const client = call.hostClient;
    if (client !== undefined) return this.#takeOwn(count, client, this.#blocks.get(partition), fetch);
    for (;;) {
      const taken = this.takeReserved(count, taker);
      if (taken) return taken;
      const block = this.#blockOf(partition);
      await this.#inHome(() => block.fill(count, fetch));
    }
  }

  /** Ids that are there without a wait; nothing where these are too few. */
  takeReserved(count: number, taker: Taker): string[] | undefined {
    if (this.#removed !== this.#removals.count) {
      this.#removed = this.#removals.count;
      this.discard();
    }
    const block = this.#blockOf(taker.partition);
    const taken = block.take(count);
    // Who needs them will see the error, if it lasts.
    if (taken && block.isLow) this.#refill(block, taker);
    return taken;
  }

  #refill(block: Block, taker: Taker): void {
    this.#inHome(() => block.fill(0, (size) => fetchIds(size, taker))).catch(() => undefined);
  }

  /** A connection broke, or the sequence was set back: what is left of all blocks, and on its way, may be given to others. */
  discard(): void {
    this.#blocks = new Map();
    this.#ofClients = new WeakMap();
  }

  async #takeOwn(
    count: number,
    client: object,
    shared: Block | undefined,
    fetch: (size: number) => Promise<string[]>,
  ): Promise<string[]> {
    const own = this.#ofClients.get(client) ?? { ids: [], size: 0 };
    this.#ofClients.set(client, own);
    if (own.ids.length < count) {
      const taken = shared?.take(count);
      if (taken) return taken;
      // A client that is there for one call gets one id; one that stays gets a block, as they come.
      own.size = Math.min(SMALLEST_BLOCK, own.size * 2 + 1);
      own.ids.push(...(await fetch(Math.max(count, own.size))));
    }
    return own.ids.splice(0, count);
  }

  #inHome(work: () => Promise<void>): Promise<void> {
    return this.#home ? this.#home.runInAsyncScope(work) : work();
  }

  #blockOf(partition: string): Block {
    const known = this.#blocks.get(partition);
    if (known) return known;
    if (this.#blocks.size >= MOST_PARTITIONS) this.#blocks.delete(this.#blocks.keys().next().value!);
    const block = new Block();
    this.#blocks.set(partition, block);
    return block;
  }
}

async function fetchIds(size: number, { call }: Taker): Promise<string[]> {
  const statement = call.sql(redeemStatements.takeIds);
  const { rows } = await call.read((connection) => connection.query(statement, [Math.min(MOST_AT_ONCE, size)]));
  return JSON.parse(String(rows[0]?.ids));
}

interface OwnBlock {
  ids: string[];
  size: number;
}

class Block {
  #ids: string[] = [];
  #size = SMALLEST_BLOCK;
  #filledAt = Number.NEGATIVE_INFINITY;
  #pending: Promise<void> | undefined;

  get isLow(): boolean {
    return this.#ids.length < this.#size / 2;
  }

  take(count: number): string[] | undefined {
    return this.#ids.length < count ? undefined : this.#ids.splice(0, count);
  }

  fill(count: number, fetch: (size: number) => Promise<string[]>): Promise<void> {
    this.#pending ??= this.#fill(count, fetch).finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  async #fill(count: number, fetch: (size: number) => Promise<string[]>): Promise<void> {
    const time = now();
    const sinceLast = time - this.#filledAt;
    if (sinceLast < BLOCK_MS / 2) this.#size = Math.min(LARGEST_BLOCK, this.#size * 2);
    else if (sinceLast > BLOCK_MS * 10) this.#size = SMALLEST_BLOCK;
    this.#filledAt = time;
    this.#ids.push(...(await fetch(Math.max(this.#size, count))));
  }
}

import { ValidationError } from '../errors.js';
import { readable } from '../options.js';
import { messageOf } from '../postgres/sqlstate.js';
import { describeReceived } from '../received.js';
import type { OwnShops } from '../repository/inputs.js';
import { OpenCalls } from '../repository/open-calls.js';
import type { RepositoryOptions } from '../repository/options.js';
import { PromoCodeRepository } from '../repository/promo-code-repository.js';
import { workOf } from '../repository/work.js';
import type { GivenShard } from './options.js';

/** One database, and the repository on it. */
export interface Shard extends GivenShard {
  repository: PromoCodeRepository;
}

/** Which database a shop is in. */
export class Routes {
  readonly #openCalls = new OpenCalls();
  readonly #shards = new Map<string, Shard>();
  readonly #shardOf: (shopId: string) => unknown;

  constructor(given: readonly GivenShard[], shardOf: (shopId: string) => unknown, options?: RepositoryOptions) {
    this.#shardOf = shardOf;
    for (const { name, pool, readPool } of given) {
      const repository = new PromoCodeRepository(pool, { ...options, readPool });
      workOf(repository).context.join({ name, shops: this.#ownShops(name) });
      this.#shards.set(name, { name, pool, readPool, repository });
    }
  }

  get all(): Shard[] {
    return [...this.#shards.values()];
  }

  /** @throws ValidationError for a name that is none */
  named(name: unknown): Shard {
    const shard = typeof name === 'string' ? this.#shards.get(name) : undefined;
    if (shard) return shard;
    throw new ValidationError([{ path: 'name', message: this.#rule, received: describeReceived(name) ?? 'undefined' }]);
  }

  /**
   * @param path where the shop stands in the arguments
   * @throws ValidationError where no shop is given, and where `shardOf` does not know it
   */
  of(shopId: unknown, path = 'shopId'): Shard {
    const shop = toText(shopId);
    if (shop === undefined) {
      const message = 'must be given, as a string, a whole number or a bigint: the shop says which database is meant';
      const received = describeReceived(shopId);
      throw new ValidationError([{ path, message, ...(received !== undefined && { received }) }]);
    }
    let name: unknown;
    try {
      name = this.#shardOf.call(undefined, shop);
    } catch (cause) {
      const message = `threw for the shop ${describeReceived(shop)}: ${messageOf(cause)}`;
      throw new ValidationError([{ path: 'shardOf', message }], { cause });
    }
    const shard = typeof name === 'string' ? this.#shards.get(name) : undefined;
    if (shard) return shard;
    const message = `${this.#rule}, for the shop ${describeReceived(shop)}${isPromise(name) ? ', and at once: no promise' : ''}`;
    // What nobody waits for must not end the process.
    if (isPromise(name)) name.then(undefined, () => undefined);
    throw new ValidationError([{ path: 'shardOf', message, received: describeReceived(name) ?? 'undefined' }]);
  }

  /** The same for an object that the shop stands in; what is no object has none. */
  ofInput(input: unknown, path = 'shopId'): Shard {
    const shopId =
      typeof input === 'object' && input !== null && readable(path, () => (input as { shopId?: unknown }).shopId);
    return this.of(shopId === false ? undefined : shopId, path);
  }

  /** Runs a call over several databases, which `close` waits for. */
  async whileOpen<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#openCalls.enter();
    try {
      return await work();
    } finally {
      this.#openCalls.leave();
    }
  }

  /** Lets no further call in, and waits for those that are under way. */
  async close(): Promise<void> {
    await this.#openCalls.close();
    await Promise.all(this.all.map(({ repository }) => repository.close()));
  }

  /** A repository that was got for one database takes nothing for another: it would be written where nobody looks for it. */
  #ownShops(name: string): OwnShops {
    return {
      refusal: (shopId) => {
        try {
          const other = this.of(shopId).name;
          return other === name ? undefined : `must be a shop of the shard ${name}, and shardOf says ${other}`;
        } catch (error) {
          return `must be a shop of the shard ${name}, and ${messageOf(error)}`;
        }
      },
    };
  }

  get #rule(): string {
    return `must be the name of a shard, one of ${[...this.#shards.keys()].map((name) => `'${name}'`).join(', ')}`;
  }
}

function toText(shopId: unknown): string | undefined {
  if (typeof shopId === 'string') return shopId.trim() === '' ? undefined : shopId;
  const isWhole = typeof shopId === 'bigint' || Number.isSafeInteger(shopId);
  return isWhole ? String(shopId) : undefined;
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

/** @throws ValidationError for a client: it is one of one database */
export function refuseClient(options: unknown, method: string): void {
  if (typeof options !== 'object' || options === null || !('client' in options) || options.client === undefined) return;
  const message = `must be left out: ${method} goes over several databases, and a transaction is of one`;
  throw new ValidationError([{ path: 'client', message }]);
}

import { ofShard, PromoCodesError, ShardsError, ValidationError } from '../errors.js';
import { translateError } from '../postgres/server-errors.js';
import type { Shard } from './routes.js';

/**
 * What became of a call that went over several databases: what each answered, or why it did not. One that fails stops no other,
 * and what the others did stays.
 *
 * @example
 * const { ok, results, errors } = await shards.checkDrift();
 * for (const [name, error] of Object.entries(errors)) log.error({ shard: name, error });
 */
export class OverShards<Name extends string, Result, Failure extends Error = PromoCodesError> {
  /** Whether every database that was asked has answered. */
  readonly ok: boolean;
  /** What each answered, by its name; one that failed is not there. */
  readonly results: { readonly [Each in Name]?: Result };
  /** Why each of the others failed. Where one of the library's errors comes from a server, its `shard` and its message name it. */
  readonly errors: { readonly [Each in Name]?: Failure };

  constructor(results: { [Each in Name]?: Result }, errors: { [Each in Name]?: Failure }) {
    this.ok = Object.keys(errors).length === 0;
    this.results = results;
    this.errors = errors;
  }

  /**
   * The answers of all that were asked.
   * @example
   * const { eu, us } = (await shards.install()).orThrow();
   * @throws ShardsError where one has failed; its `errors` are these
   */
  orThrow(): { readonly [Each in Name]: Result } {
    const errors = this.errors as Record<string, Error>;
    if (Object.keys(errors).length > 0) throw shardsError(errors, Object.keys(this.results).length);
    return this.results as { readonly [Each in Name]: Result };
  }
}

/** Names each database that failed, and why. */
export function shardsError(
  errors: Record<string, Error>,
  answered: number,
  results?: ConstructorParameters<typeof ShardsError>[2],
): ShardsError {
  const failed = Object.entries(errors);
  const reasons = failed.map(([name, { message }]) =>
    message.startsWith(`Shard ${name}: `) ? message : `Shard ${name}: ${message}`,
  );
  const of = `${failed.length} of ${failed.length + answered} databases failed`;
  return new ShardsError(`${of}; what the others did stays. ${reasons.join(' ')}`, errors, results);
}

/**
 * Works on several databases, so many at once. Input that every one of them refuses for the same reason is wrong by itself, and
 * thrown: then nothing was done.
 * @throws ValidationError
 */
export async function overShards<Name extends string, Result, Failure extends Error = PromoCodesError>(
  shards: readonly Shard[],
  concurrency: number,
  work: (shard: Shard) => Promise<Result>,
  toFailure: (error: unknown) => Failure = toPromoCodesError as unknown as (error: unknown) => Failure,
): Promise<OverShards<Name, Result, Failure>> {
  const outcomes = new Map<string, { result: Result } | { error: Failure }>();
  const left = [...shards];
  const next = async (): Promise<void> => {
    for (let shard = left.shift(); shard; shard = left.shift()) {
      try {
        outcomes.set(shard.name, { result: await work(shard) });
      } catch (error) {
        outcomes.set(shard.name, { error: ofShard(toFailure(error), shard.name) });
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, shards.length) }, next));
  const results: [string, Result][] = [];
  const errors: [string, Failure][] = [];
  // In the order in which they were handed in.
  for (const { name } of shards) {
    const outcome = outcomes.get(name)!;
    if ('error' in outcome) errors.push([name, outcome.error]);
    else results.push([name, outcome.result]);
  }
  const [first] = errors;
  const isWrongAnywhere = (error: Failure) => error instanceof ValidationError && error.message === first?.[1].message;
  if (first && results.length === 0 && errors.every(([, error]) => isWrongAnywhere(error))) throw first[1];
  const named = <Value>(entries: [string, Value][]) => Object.fromEntries(entries) as { [Each in Name]?: Value };
  return new OverShards<Name, Result, Failure>(named(results), named(errors));
}

function toPromoCodesError(error: unknown): PromoCodesError {
  return error instanceof PromoCodesError ? error : translateError(error);
}

/** What a function of the host throws. */
export function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error), { cause: error });
}

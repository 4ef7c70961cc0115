import { ValidationError, type ValidationIssue } from '../errors.js';
import type { RedeemResult } from '../redemption/results.js';
import type { RedeemInput } from '../repository/input-types.js';
import type { CallOptions } from '../repository/options.js';
import { workOf } from '../repository/work.js';
import { type OverShards, overShards, shardsError } from './over-shards.js';
import { type Routes, refuseClient, type Shard } from './routes.js';

/** The requests of one database. */
interface Part {
  shard: Shard;
  requests: RedeemInput[];
  /** Where each of them stood. */
  places: number[];
}

/** Splits requests by their databases, and answers in their order. */
export async function redeemOver(
  routes: Routes,
  requests: readonly RedeemInput[],
  options: CallOptions | undefined,
): Promise<RedeemResult[]> {
  return routes.whileOpen(() => redeemParts(routes, requests, options));
}

async function redeemParts(
  routes: Routes,
  requests: readonly RedeemInput[],
  options: CallOptions | undefined,
): Promise<RedeemResult[]> {
  // What is no array is refused by any of them, with its message.
  if (!Array.isArray(requests) || requests.length === 0) return routes.all[0]!.repository.redeemMany(requests, options);
  const parts = split(routes, requests);
  const [first] = parts.values();
  if (parts.size === 1 && first) return first.shard.repository.redeemMany(requests, options);
  refuseClient(options, 'redeemMany() with requests of several databases');
  const shards = [...parts.keys()];
  const partOf = (shard: Shard) => parts.get(shard)!;
  const issues: ValidationIssue[] = [];
  const checked = await overAll(shards, async (shard) => void issues.push(...(await issuesOf(partOf(shard)))));
  if (issues.length > 0) throw new ValidationError(issues);
  const able = shards.filter(({ name }) => checked.errors[name] === undefined);
  const sent = await overAll(able, (shard) => shard.repository.redeemMany(partOf(shard).requests, options));

  const results: (RedeemResult | undefined)[] = new Array(requests.length).fill(undefined);
  for (const shard of able) {
    for (const [place, result] of (sent.results[shard.name] ?? []).entries())
      results[partOf(shard).places[place]!] = result;
  }
  const errors = { ...checked.errors, ...sent.errors } as Record<string, Error>;
  const failed = Object.keys(errors).length;
  if (failed > 0) throw shardsError(errors, shards.length - failed, results);
  return results as RedeemResult[];
}

/** What is wrong with the requests, under the places where they stood. */
async function issuesOf({ shard, requests, places }: Part): Promise<ValidationIssue[]> {
  try {
    const work = workOf(shard.repository);
    await work.run(
      'redeemMany()',
      undefined,
      (schemas, parse) => parse(schemas.redeemMany, requests, 'requests'),
      async () => undefined,
    );
    return [];
  } catch (error) {
    if (!(error instanceof ValidationError)) throw error;
    return error.issues.map((issue) => ({
      ...issue,
      path: issue.path.replace(/^\d+/, (place) => String(places[Number(place)] ?? place)),
    }));
  }
}

/** All of them at once: each waits for its own database only. */
function overAll<Result>(
  shards: readonly Shard[],
  work: (shard: Shard) => Promise<Result>,
): Promise<OverShards<string, Result>> {
  return overShards(shards, shards.length, work);
}

/** @throws ValidationError with every request whose database is not known */
function split(routes: Routes, requests: readonly RedeemInput[]): Map<Shard, Part> {
  const parts = new Map<Shard, Part>();
  const issues: ValidationIssue[] = [];
  for (const [place, request] of requests.entries()) {
    try {
      const shard = routes.ofInput(request, `${place}.shopId`);
      const part = parts.get(shard) ?? { shard, requests: [], places: [] };
      parts.set(shard, part);
      part.requests.push(request);
      part.places.push(place);
    } catch (error) {
      if (!(error instanceof ValidationError)) throw error;
      issues.push(...error.issues);
    }
  }
  if (issues.length > 0) throw new ValidationError(issues);
  return parts;
}

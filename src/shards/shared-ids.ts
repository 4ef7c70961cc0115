import type { PromoCodesError } from '../errors.js';
import { doMeet, type IdSources } from '../inspect/id-numbers.js';
import type { InstallationState } from '../inspect/inspect-triggers.js';
import { OverShards } from './over-shards.js';

/** Ids of one kind that two databases may both give. */
export interface SharedIds<Name extends string = string> {
  /** Ids of codes, or of uses. */
  of: keyof IdSources;
  /** The two databases. */
  shards: [Name, Name];
}

/** What is installed in several databases. */
export class ShardsState<Name extends string> extends OverShards<Name, InstallationState> {
  /** Whether every database answered, and every installation is in order. */
  override readonly ok: boolean;
  /**
   * Ids that may be the same in two databases. Nothing counts wrong for it, as each call names its shop; but where rows of several
   * databases come together (a report, a shop that moves), they cannot be told apart. See the option `ids` of `installSchema`.
   */
  readonly sharedIds: SharedIds<Name>[];

  constructor(
    results: { readonly [Each in Name]?: InstallationState },
    errors: { readonly [Each in Name]?: PromoCodesError },
    shared: SharedIds<Name>[],
  ) {
    super(results, errors);
    const states = Object.values(results) as InstallationState[];
    this.ok = Object.keys(errors).length === 0 && states.every(({ ok }) => ok);
    this.sharedIds = shared;
  }
}

/** Compares where ids come from, database by database. */
export function sharedIds<Name extends string>(states: Record<Name, InstallationState>): SharedIds<Name>[] {
  const named = Object.entries(states) as [Name, InstallationState][];
  const shared: SharedIds<Name>[] = [];
  for (const of of ['codes', 'uses'] as const) {
    for (const [place, [one, { ids }]] of named.entries()) {
      for (const [other, { ids: others }] of named.slice(place + 1)) {
        const [here, there] = [ids[of], others[of]];
        if (!here || !there || !doMeet(here, there)) continue;
        shared.push({ of, shards: [one, other] });
      }
    }
  }
  return shared;
}

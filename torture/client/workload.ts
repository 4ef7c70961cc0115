import { setTimeout as sleep } from 'node:timers/promises';
import { BONUSES, SHOP } from '../host.js';
import type { CallArgs, CallKind, CallResult, Request } from '../log.js';
import type { Random } from '../random.js';
import { Known, type KnownUse } from './known.js';
import type { HostTransaction, Process } from './process.js';
import { anyRequest } from './requests.js';

/** How often each kind is called. */
const WEIGHTS: Record<CallKind, number> = {
  redeem: 40,
  redeemMany: 6,
  reserve: 12,
  confirm: 9,
  rollbackUse: 8,
  amendUse: 8,
  releaseExpired: 1,
  create: 3,
  ensure: 1,
  update: 6,
  activate: 4,
  deactivate: 3,
  delete: 1,
  validate: 5,
  findById: 2,
  list: 1,
  usesByCode: 4,
  usesByCustomer: 1,
  usageStats: 1,
  checkDrift: 0.4,
  repairDrift: 0.1,
  installTriggers: 0.1,
};

/** What may be a part of a transaction of the host. */
const HOSTED: readonly CallKind[] = [
  'redeem',
  'redeemMany',
  'reserve',
  'confirm',
  'rollbackUse',
  'amendUse',
  'create',
  'update',
  'activate',
  'deactivate',
  'validate',
];

/** The codes that `update`, `activate` and `deactivate` change. */
export interface ChangedCodes {
  switched: readonly string[];
  updated: readonly string[];
}

/** One after another, whatever a process may call; each call is chosen by chance. */
export class Workload {
  readonly #process: Process;
  readonly #random: Random;
  readonly #seed: number;
  readonly #codes: ChangedCodes;
  readonly #known = new Known();
  readonly #kinds: CallKind[];
  readonly #hosted: CallKind[];

  constructor(process: Process, random: Random, seed: number, codes: ChangedCodes) {
    this.#process = process;
    this.#random = random;
    this.#seed = seed;
    this.#codes = codes;
    this.#kinds = (Object.keys(WEIGHTS) as CallKind[]).filter((kind) => process.offers(kind));
    this.#hosted = HOSTED.filter((kind) => process.offers(kind));
  }

  /** One call, or one transaction of the host with a few of them. */
  async step(): Promise<void> {
    if (this.#process.offers('create') && this.#random.chance(0.12)) await this.#hostTransaction();
    else await this.#call(this.#anyKind(this.#kinds));
  }

  /** Of one kind, for whoever wants to see that one. */
  async only(kind: CallKind): Promise<void> {
    await this.#call(kind);
  }

  async #call(kind: CallKind): Promise<void> {
    const call = this.#choose(kind);
    if (!call) return;
    const { args, result } = await this.#send(kind, call);
    if (result) this.#remember(kind, args, result);
  }

  async #hostTransaction(): Promise<void> {
    const random = this.#random;
    const seen: (() => void)[] = [];
    const fate = await this.#process.inHostTransaction(async (transaction) => {
      for (let left = random.between(1, 3); left > 0; left -= 1) {
        const kind = this.#anyKind(this.#hosted);
        const call = this.#choose(kind);
        if (!call) continue;
        const { args, result } = await this.#send(kind, call, transaction);
        if (!result) return false;
        seen.push(() => this.#remember(kind, args, result));
      }
      // Whoever else wants these codes has to wait.
      if (random.chance(0.3)) await sleep(random.between(20, 400));
      return random.chance(0.7);
    });
    if (fate === 'committed') for (const remember of seen) remember();
  }

  async #send(
    kind: CallKind,
    argsOf: (id: string) => CallArgs,
    transaction?: HostTransaction,
  ): Promise<{ args: CallArgs; result: CallResult | undefined }> {
    let args: CallArgs = {};
    const keep = (id: string) => {
      args = argsOf(id);
      return args;
    };
    return { result: await this.#process.call(kind, keep, transaction), args };
  }

  /** @returns nothing when there is nothing yet that it could be called with */
  #choose(kind: CallKind): ((id: string) => CallArgs) | undefined {
    const random = this.#random;
    switch (kind) {
      case 'redeem':
      case 'validate':
        return (id) => ({ requests: [this.#request(id, false)] });
      case 'reserve':
        return (id) => ({ requests: [this.#request(id, true)] });
      case 'redeemMany': {
        const count = random.between(2, 12);
        return (id) => ({
          requests: Array.from({ length: count }, (_, place) => this.#request(`${id}-${place}`, false)),
        });
      }
      case 'confirm':
        return onUse(this.#known.use(random, true), (id, use) => ({ mark: `${use.origin}/${id}` }));
      case 'rollbackUse':
        return onUse(this.#known.use(random), () => ({}));
      case 'amendUse':
        return onUse(this.#known.use(random), (id, use) => ({
          mark: `${use.origin}/${id}`,
          base: `${random.between(1, 90)}.${random.between(10, 99)}`,
          bonus: `${random.between(1, 9)}.${random.between(10, 99)}`,
        }));
      case 'create':
      case 'ensure':
        return (id) => ({ code: `NEW-${id}`, shop: SHOP, bonus: random.pick(BONUSES), mark: id });
      case 'update':
        return onCode(this.#changedCode('updated'), (id) => ({ mark: id, bonus: random.pick(BONUSES) }));
      case 'activate':
      case 'deactivate':
        return onCode(this.#changedCode('switched'), () => ({}));
      case 'delete':
        return onCode(this.#known.code(random)?.id, () => ({}));
      case 'findById':
      case 'usageStats':
      case 'usesByCode':
        return onCode(this.#known.use(random)?.codeId, () => ({}));
      case 'usesByCustomer':
        return () => ({ customer: `customer-${random.between(1, 100)}` });
      case 'list':
        return () => ({ shop: SHOP });
      case 'installTriggers':
        return () => ({ granularity: random.pick(['statement', 'row'] as const) });
      case 'releaseExpired':
      case 'checkDrift':
      case 'repairDrift':
        return () => ({});
    }
  }

  #request(origin: string, isHold: boolean): Request {
    return anyRequest(this.#random, this.#seed, this.#known, origin, isHold, this.#process.offers('reserve'));
  }

  #changedCode(kind: keyof ChangedCodes): string | undefined {
    const own = this.#random.chance(0.3) ? this.#known.code(this.#random) : undefined;
    return own?.id ?? this.#random.pick(this.#codes[kind]);
  }

  #remember(kind: CallKind, { requests, code }: CallArgs, { answers, use, codeId }: CallResult): void {
    if (kind === 'usesByCode') for (const { use: seen } of answers ?? []) this.#known.addUse(seen!, false);
    else for (const [place, answer] of (answers ?? []).entries()) this.#known.add(requests![place]!, answer);
    if (use) this.#known.addUse(use, false);
    if (kind === 'create' && codeId !== undefined) this.#known.addCode(codeId, code!);
  }

  #anyKind(kinds: readonly CallKind[]): CallKind {
    let left = this.#random.next() * kinds.reduce((sum, kind) => sum + WEIGHTS[kind], 0);
    for (const kind of kinds) {
      left -= WEIGHTS[kind];
      if (left < 0) return kind;
    }
    return kinds[0]!;
  }
}

function onUse(
  use: KnownUse | undefined,
  more: (id: string, use: KnownUse) => CallArgs,
): ((id: string) => CallArgs) | undefined {
  return use && ((id) => ({ useId: use.id, origin: use.origin, ...more(id, use) }));
}

function onCode(codeId: string | undefined, more: (id: string) => CallArgs): ((id: string) => CallArgs) | undefined {
  return codeId === undefined ? undefined : (id) => ({ codeId, ...more(id) });
}

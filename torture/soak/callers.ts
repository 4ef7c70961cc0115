import type { PromoCodeRepository } from '../../src/index.js';
import { type Random, seededRandom } from '../random.js';
import { CODES, HOLD_SECONDS, SHOP } from './settings.js';

/** What callers have done since it was last asked. */
interface Tally {
  calls: number;
  longestMs: number;
}

/** Callers that ask again as soon as they have their answer. */
export interface Callers {
  /** What was done since the last time. */
  take(): Tally;
  /** Failures by their code or name; a refusal is none. */
  readonly errors: ReadonlyMap<string, number>;
  /** Lets each come to the end of its call. */
  stop(): Promise<void>;
}

export function startCallers(repository: PromoCodeRepository, count: number): Callers {
  let tally: Tally = { calls: 0, longestMs: 0 };
  let isOver = false;
  const errors = new Map<string, number>();
  const timed = async <Answer>(call: Promise<Answer>): Promise<Answer> => {
    const begun = performance.now();
    const answer = await call;
    tally.calls += 1;
    tally.longestMs = Math.max(tally.longestMs, performance.now() - begun);
    return answer;
  };
  const caller = async (name: string) => {
    const random = seededRandom('soak', name);
    for (let number = 1; !isOver; number += 1) {
      try {
        await errand(repository, { name, number, random }, timed);
      } catch (error) {
        const what = String((error as { code?: unknown }).code ?? (error as Error).name ?? error);
        errors.set(what, (errors.get(what) ?? 0) + 1);
      }
    }
  };
  const working = Array.from({ length: count }, (_, index) => caller(String(index + 1)));
  return {
    errors,
    take() {
      const taken = tally;
      tally = { calls: 0, longestMs: 0 };
      return taken;
    },
    async stop() {
      isOver = true;
      await Promise.all(working);
    },
  };
}

interface Errand {
  /** Of the caller. */
  name: string;
  number: number;
  random: Random;
}

type Timed = <Answer>(call: Promise<Answer>) => Promise<Answer>;

/** What a customer or a back office does, with what follows from it. */
async function errand(repository: PromoCodeRepository, { name, number, random }: Errand, timed: Timed): Promise<void> {
  const code = random.chance(0.5) ? 'C1' : `C${random.between(1, CODES)}`;
  const request = {
    code,
    shopId: SHOP,
    customerAddress: `customer-${random.between(1, 100_000)}`,
    baseReward: `${random.between(1, 99)}.50`,
  };
  const key = { rateLimitKey: `caller-${name}` };
  const what = random.between(1, 100);
  if (what <= 60) {
    const idempotencyKey = what <= 20 ? `${name}-${number}` : undefined;
    const result = await timed(repository.redeem({ ...request, idempotencyKey }, key));
    if (what <= 5) await timed(repository.redeem({ ...request, idempotencyKey }, key));
    else if (result.ok && what <= 30) await timed(repository.rollbackUse(result.use.id));
    else if (result.ok && what <= 35) await timed(repository.amendUse(result.use.id, { bonusAmount: '1.25' }));
  } else if (what <= 75) {
    const hold = await timed(repository.reserve({ ...request, ttlSeconds: HOLD_SECONDS * 60 }, key));
    if (hold.ok && what <= 70) await timed(repository.confirm(hold.use.id, { transactionId: `${name}-${number}` }));
    else if (hold.ok) await timed(repository.rollbackUse(hold.use.id));
  } else if (what <= 80) {
    await timed(repository.reserve({ ...request, ttlSeconds: HOLD_SECONDS }, key));
  } else if (what <= 88) {
    const { baseReward: _, ...asked } = request;
    await timed(repository.validate(asked, key));
  } else if (what <= 91) {
    await timed(repository.redeem({ ...request, code: `NO-${number}` }, key));
  } else if (what <= 93) {
    await timed(
      repository.redeemMany(Array.from({ length: 20 }, (_, place) => ({ ...request, code: `C${place + 1}` }))),
    );
  } else if (what <= 97) {
    const found = await timed(repository.findByCode(`C${random.between(1, CODES)}`, SHOP));
    if (found) await timed(repository.update(found.id, { name: `by ${name}` }));
  } else if (what <= 99) {
    await timed(repository.usesByCustomer(request.customerAddress, { limit: 20 }));
  } else {
    await timed(repository.list({ shopId: SHOP, limit: 20 }));
  }
}

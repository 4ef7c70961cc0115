import { hostCodes, SHOP } from '../host.js';
import type { Request } from '../log.js';
import { type Random, seededRandom } from '../random.js';
import type { Known } from './known.js';

/** How long a hold lasts: some run out, some are confirmed. */
const TTL_SECONDS = [1, 2, 8] as const;
const CUSTOMERS = 150;
/** All processes send the same requests under the same keys at about the same time. */
const SHARED_EVERY_MS = 250;

function anyCode(random: Random): string {
  const kinds = ['hot', 'hot', 'hot', 'hot', 'limited', 'percentage', 'cold', 'cold', 'switched', 'updated'] as const;
  return random.pick(hostCodes[random.pick(kinds)]).code;
}

/** The same customer is written in several ways. */
function anyCustomer(random: Random, origin: string): string {
  if (random.chance(0.3)) return `new-${origin}`;
  const customer = `customer-${random.between(1, CUSTOMERS)}`;
  if (random.chance(0.1)) return ` ${customer.toUpperCase()}`;
  return customer;
}

function newRequest(random: Random, origin: string, known?: Known): Request {
  // One that was created meanwhile, and may be deleted.
  const created = known && random.chance(0.05) ? known.code(random)?.name : undefined;
  return {
    origin,
    code: created ?? anyCode(random),
    shop: SHOP,
    customer: anyCustomer(random, origin),
    base: `${random.between(1, 90)}.${random.between(10, 99)}`,
  };
}

function withTtl(random: Random, request: Request, isHold: boolean): Request {
  return isHold ? { ...request, ttlSeconds: random.pick(TTL_SECONDS) } : request;
}

/** A request that others send as well, under the same key. */
function sharedRequest(seed: number, slot: number, isHold: boolean): Request {
  const random = seededRandom(seed, 'shared', slot, String(isHold));
  const key = `shared-${isHold ? 'hold' : 'use'}-${slot}`;
  return withTtl(random, { ...newRequest(random, key), key }, isHold);
}

/** A request for one call. The origin of a request without a key is that call's own. */
export function anyRequest(
  random: Random,
  seed: number,
  known: Known,
  origin: string,
  isHold: boolean,
  withKeys: boolean,
): Request {
  if (!withKeys || random.chance(0.5)) return withTtl(random, newRequest(random, origin, known), isHold);
  const kind = random.next();
  if (kind < 0.3) {
    const earlier = known.request(random);
    if (earlier && (earlier.ttlSeconds !== undefined) === isHold) return earlier;
  }
  if (kind < 0.6) {
    const slot = Math.floor(Date.now() / SHARED_EVERY_MS) - random.between(0, 2);
    const shared = sharedRequest(seed, slot, isHold);
    // The same key for something else is a conflict, whoever comes first.
    return kind < 0.57 ? shared : { ...shared, origin, base: '99.99' };
  }
  return withTtl(random, { ...newRequest(random, origin), key: `own-${origin}` }, isHold);
}

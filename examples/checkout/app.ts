import Fastify, { type FastifyError, type FastifyInstance } from 'fastify';
import type pg from 'pg';
import {
  IdempotencyConflictError,
  PromoCodeRepository,
  RateLimitedError,
  RetryableTransactionError,
  ValidationError,
} from 'pg-promo-codes';

/** What a checkout sends. */
interface Purchase {
  orderId: string;
  customer: string;
  /** Empty for none. */
  promoCode: string;
  /** As a decimal string: amounts never pass through a float. */
  reward: string;
}

const purchase = {
  type: 'object',
  required: ['orderId', 'customer', 'promoCode', 'reward'],
  properties: {
    orderId: { type: 'string', pattern: '^[\\w-]{1,64}$' },
    customer: { type: 'string', pattern: '^[^\\0]*[^\\0\\s][^\\0]*$' },
    promoCode: { type: 'string' },
    reward: { type: 'string', pattern: '^\\d{1,16}(\\.\\d{1,2})?$' },
  },
};

/** An order that was sent before, with other contents. */
class OrderConflictError extends Error {}

const ATTEMPTS = 5;

/** A shop whose orders and promo codes live in one database: an order and its promo code are one transaction. */
export function buildCheckout(pool: pg.Pool, schema: string, shopId: string): FastifyInstance {
  const app = Fastify();
  const promoCodes = new PromoCodeRepository(pool, { schema, uniformRefusals: true, rateLimit: true });
  app.addHook('onClose', () => promoCodes.close());

  /** The library repeats transactions of its own; this one is ours, so we do. */
  async function inTransaction<Result>(work: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt += 1) {
      const client = await pool.connect();
      let broken: Error | undefined;
      try {
        await client.query('BEGIN');
        const result = await work(client);
        await client.query('COMMIT');
        return result;
      } catch (error) {
        await client.query('ROLLBACK').catch((lost: Error) => {
          broken = lost;
        });
        if (!(error instanceof RetryableTransactionError) || attempt === ATTEMPTS) throw error;
      } finally {
        client.release(broken);
      }
    }
  }

  /** The bonus of an order, or why there is none: whatever is wrong with the code, the order goes on without it. */
  async function bonusOf(
    order: Purchase,
    isNew: boolean,
    ip: string,
    client: pg.PoolClient,
  ): Promise<Record<string, string>> {
    const { orderId, customer, promoCode, reward } = order;
    const without = (message?: string) => ({ total: reward, bonus: '0.00', ...(message && { promoCode: message }) });
    if (promoCode.trim() === '') return without();
    try {
      const outcome = await promoCodes.redeem(
        {
          code: promoCode,
          shopId,
          customerAddress: customer,
          baseReward: reward,
          transactionId: orderId,
          // Makes a repeated request harmless.
          idempotencyKey: orderId,
        },
        { client, rateLimitKey: ip },
      );
      if (!outcome.ok) return without(outcome.message);
      return { total: outcome.use.totalReward, bonus: outcome.use.bonusAmount };
    } catch (error) {
      // Both are thrown before the code is looked up, so the transaction is still good.
      // An order that is there already may have its bonus, so only a new one is answered without.
      if (error instanceof RateLimitedError && isNew) return without(error.message);
      if (error instanceof ValidationError && error.issues.every(({ path }) => path === 'code')) {
        return without('This promo code is not valid.');
      }
      throw error;
    }
  }

  app.post<{ Body: Purchase }>('/orders', { schema: { body: purchase } }, async (request, reply) => {
    const { orderId, customer } = request.body;
    const answer = await inTransaction(async (client) => {
      const { rowCount } = await client.query(
        `INSERT INTO ${quote(schema)}.orders (id, customer) VALUES ($1, $2) ON CONFLICT DO NOTHING`,
        [orderId, customer],
      );
      const { rows } = await client.query(`SELECT customer FROM ${quote(schema)}.orders WHERE id = $1`, [orderId]);
      if (rows[0]?.customer !== customer) throw new OrderConflictError(`The order ${orderId} is of another customer.`);
      return bonusOf(request.body, rowCount === 1, request.ip, client);
    });
    return reply.code(201).send({ orderId, ...answer });
  });

  app.setErrorHandler<FastifyError>((error, _, reply) => {
    if (error instanceof ValidationError) return reply.code(400).send({ message: error.message });
    if (error instanceof IdempotencyConflictError || error instanceof OrderConflictError) {
      return reply.code(409).send({ message: error.message });
    }
    if (error instanceof RateLimitedError) {
      const seconds = Math.ceil(error.retryAfterMs / 1_000);
      return reply.code(429).header('retry-after', seconds).send({ message: error.message });
    }
    return reply.send(error);
  });

  return app;
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

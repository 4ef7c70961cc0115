import Fastify, { type FastifyInstance } from 'fastify';
import type pg from 'pg';
import { PromoCodeRepository, RetryableTransactionError } from '../../src/index.js';

/** What a checkout sends. */
interface Purchase {
  orderId: string;
  customer: string;
  promoCode: string;
  /** As a decimal string: amounts never pass through a float. */
  reward: string;
}

const purchase = {
  type: 'object',
  required: ['orderId', 'customer', 'promoCode', 'reward'],
  properties: {
    orderId: { type: 'string' },
    customer: { type: 'string' },
    promoCode: { type: 'string' },
    reward: { type: 'string' },
  },
};

const ATTEMPTS = 5;

/** A shop whose orders and promo codes live in one database: an order and its promo code are one transaction. */
export function buildCheckout(pool: pg.Pool, schema: string, shopId: string): FastifyInstance {
  const app = Fastify();
  const promoCodes = new PromoCodeRepository(pool, { schema, uniformRefusals: true, rateLimit: true });

  /** The library repeats transactions of its own; this one is ours, so we do. */
  async function inTransaction<Result>(work: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt += 1) {
      const client = await pool.connect();
      try {
        await client.query('BEGIN');
        const result = await work(client);
        await client.query('COMMIT');
        return result;
      } catch (error) {
        await client.query('ROLLBACK');
        if (!(error instanceof RetryableTransactionError) || attempt === ATTEMPTS) throw error;
      } finally {
        client.release();
      }
    }
  }

  app.post<{ Body: Purchase }>('/orders', { schema: { body: purchase } }, async (request, reply) => {
    const { orderId, customer, promoCode, reward } = request.body;
    const outcome = await inTransaction(async (client) => {
      await client.query(`INSERT INTO ${quote(schema)}.orders (id, customer) VALUES ($1, $2) ON CONFLICT DO NOTHING`, [
        orderId,
        customer,
      ]);
      // A refusal is a value: the order goes on without the bonus. The key makes a repeated request harmless.
      return promoCodes.redeem(
        {
          code: promoCode,
          shopId,
          customerAddress: customer,
          baseReward: reward,
          transactionId: orderId,
          idempotencyKey: orderId,
        },
        { client, rateLimitKey: request.ip },
      );
    });
    if (outcome.ok)
      return reply.code(201).send({ orderId, total: outcome.use.totalReward, bonus: outcome.use.bonusAmount });
    return reply.code(201).send({ orderId, total: reward, bonus: '0.00', promoCode: outcome.message });
  });

  return app;
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

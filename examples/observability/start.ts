/**
 * A service that redeems promo codes and shows what it does. It needs a PostgreSQL in DATABASE_URL (`npm run server` gives
 * one), creates its tables in the schema "observability_example" and a code WELCOME, and listens on PORT (9464):
 *
 *   npx tsx examples/observability/start.ts
 *
 * Then, as often as you like:
 *
 *   curl 'localhost:9464/redeem?code=WELCOME&customer=ann'
 *   curl localhost:9464/metrics
 *
 * With SPANS=1 it prints each span.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { BasicTracerProvider, ConsoleSpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import pg from 'pg';
import { checkDrift, installSchema, PromoCodeRepository, scrubDrift } from 'pg-promo-codes';
import { Registry } from 'prom-client';
import { collectMetrics } from './metrics.js';
import { recordSpans } from './spans.js';

const schema = 'observability_example';
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
// An idle connection that breaks is replaced. Without a listener Node.js would end the process.
pool.on('error', (error) => console.error(error.message));
const promoCodes = new PromoCodeRepository(pool, { schema });

// Before the first call, so that the installation is seen as well.
const register = new Registry();
collectMetrics(register, [promoCodes]);
if (process.env.SPANS) {
  const spanProcessors = [new SimpleSpanProcessor(new ConsoleSpanExporter())];
  recordSpans(new BasicTracerProvider({ spanProcessors }).getTracer('pg-promo-codes'));
}

await installSchema(pool, { schema });
await promoCodes.ensure({ code: 'WELCOME', shopId: 'shop', bonusValue: '5.00', perCustomerLimit: null });

/** The gauge is as old as the last check, which `pg_promo_codes_drift_check_timestamp_seconds` says. */
const check = () => checkDrift(pool, { schema }).catch((error: Error) => console.error(error.message));
await check();
const timer = setInterval(check, 60_000);

/** For tables that are too big for such checks: one walk over all codes in ten minutes, and then the next one. */
const ending = new AbortController();
const pace = { duration: 600_000, signal: ending.signal };
async function scrub(): Promise<void> {
  while (!ending.signal.aborted) {
    await scrubDrift(pool, { schema, ...pace }).catch((error: Error) => console.error(error.message));
    // Few codes are compared at once, however long it may take.
    await setTimeout(60_000, undefined, { signal: ending.signal }).catch(() => undefined);
  }
}
const scrubbing = scrub();

const server = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
  if (pathname === '/metrics') {
    response.setHeader('content-type', register.contentType).end(await register.metrics());
    return;
  }
  const [code, customerAddress] = [searchParams.get('code') ?? '', searchParams.get('customer') ?? ''];
  const answer = await promoCodes
    .redeem({ code, shopId: 'shop', customerAddress, baseReward: '10.00' })
    .then((result) => (result.ok ? { bonus: result.use.bonusAmount } : { refused: result.reason }))
    .catch((error: Error) => ({ error: error.message }));
  response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
});
server.listen(Number(process.env.PORT ?? 9464), () => {
  console.log(`Listening on http://localhost:${(server.address() as AddressInfo).port}`);
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    clearInterval(timer);
    ending.abort();
    server.closeAllConnections();
    server.close(async () => {
      await scrubbing;
      await promoCodes.close();
      await pool.end();
    });
  });
}

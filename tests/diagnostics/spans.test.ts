import { context, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { recordSpans } from '../../examples/observability/spans';
import { checkDrift, installTriggers, PromoCodeRepository } from '../../src/index';
import { intercepted } from '../support/intercepted';
import { useRepository } from '../support/repository';
import { failureOf } from './fixture';

const t = useRepository('spans');
const { newCode, request, repository, schema } = t;
const exporter = new InMemorySpanExporter();
const tracer = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }).getTracer('host');
let stop: () => void;
beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  stop = recordSpans(tracer);
});
afterAll(() => {
  stop();
  context.disable();
});
beforeEach(() => exporter.reset());

const spans = (operation: string) =>
  exporter.getFinishedSpans().filter(({ name }) => name === `pg-promo-codes.${operation}`);

/** Runs a piece of the host's work within a span of the host's. */
async function within<Result>(name: string, work: () => Promise<Result>): Promise<{ id: string; result: Result }> {
  const span = tracer.startSpan(name);
  const result = await context.with(trace.setSpan(context.active(), span), work);
  span.end();
  return { id: span.spanContext().spanId, result };
}

it('a redemption is a child of the span that its caller is in, also where callers share a statement', async () => {
  const code = await newCode({ perCustomerLimit: null });
  await repository.redeem(request(code));
  exporter.reset();
  const requests = await Promise.all(
    Array.from({ length: 6 }, (_, place) => within(`request ${place}`, () => repository.redeem(request(code)))),
  );
  expect(spans('redeem').map(({ parentSpanContext }) => parentSpanContext?.spanId)).toEqual(
    requests.map(({ id }) => id),
  );
  expect(spans('redeem')[1]!.attributes).toEqual({
    'pg_promo_codes.method': 'redeem',
    'pg_promo_codes.schema': schema,
    'pg_promo_codes.shopId': 'shop',
    'pg_promo_codes.size': 1,
    'pg_promo_codes.inTransaction': false,
    'pg_promo_codes.outcomes': ['redeemed'],
    'pg_promo_codes.batchSize': 5,
    'pg_promo_codes.attempts': 1,
    'pg_promo_codes.waitedMs': expect.any(Number),
  });
  expect(spans('batch').map(({ attributes }) => attributes['pg_promo_codes.size'])).toEqual([1, 5]);
  for (const { parentSpanContext } of spans('batch')) expect(parentSpanContext).toBeUndefined();
});

it('a refusal is no error; an error has its code', async () => {
  await repository.redeem({ ...request(await newCode()), code: 'NOSUCH' });
  await failureOf(repository.redeem({ ...request(await newCode()), baseReward: 'ten' }));
  const [refused, failed] = spans('redeem');
  expect(refused).toMatchObject({ status: { code: SpanStatusCode.UNSET } });
  expect(refused!.attributes['pg_promo_codes.outcomes']).toEqual(['not_found']);
  expect(failed).toMatchObject({
    status: { code: SpanStatusCode.ERROR, message: 'VALIDATION' },
    attributes: { 'error.type': 'VALIDATION' },
  });
});

it('a retry is a child of what is retried', async () => {
  let failed = false;
  const pool = intercepted(t.pool, async (text, values, send) => {
    if (failed || !text.includes('redeem_promo_code')) return send(text, values);
    failed = true;
    throw Object.assign(new Error('conflict'), { code: '40001' });
  });
  const alone = new PromoCodeRepository(pool, { schema, batching: false });
  const code = await newCode();
  const { id } = await within('request', () => alone.redeem(request(code)));
  const [redeem] = spans('redeem');
  expect(redeem!.parentSpanContext?.spanId).toBe(id);
  expect(spans('retry')).toMatchObject([
    {
      parentSpanContext: { spanId: redeem!.spanContext().spanId },
      attributes: { 'pg_promo_codes.failure': 'RETRYABLE_TRANSACTION', 'pg_promo_codes.attempt': 1 },
      status: { code: SpanStatusCode.UNSET },
    },
  ]);
});

it('installations, checks, previews and rollbacks have spans as well', async () => {
  const made = await repository.redeem(request(await newCode()));
  await repository.validate(request(await newCode()));
  await repository.rollbackUse(made.ok ? made.use.id : '');
  await checkDrift(t.pool, { schema });
  await installTriggers(t.pool, { schema });
  for (const operation of ['validate', 'rollback', 'drift', 'install']) expect(spans(operation)).toHaveLength(1);
  expect(spans('drift')[0]!.attributes).toMatchObject({ 'pg_promo_codes.drifted': 0, 'pg_promo_codes.schema': schema });
  expect(spans('install')[0]!.attributes).toMatchObject({ 'pg_promo_codes.changed': false });
});

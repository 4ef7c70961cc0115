import { AsyncLocalStorage } from 'node:async_hooks';
import { tracingChannel } from 'node:diagnostics_channel';
import { type Attributes, context, type Span, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api';
import type { DiagnosticEvent } from 'pg-promo-codes';

const OPERATIONS = ['redeem', 'batch', 'validate', 'rollback', 'install', 'drift', 'retry'];

/**
 * OpenTelemetry spans of all that the library does in this process. A redemption is a child of the span that is active where
 * it is called, a retry one of what is retried. A statement that several callers share is in the trace of none of them.
 *
 * @returns what ends it
 */
export function recordSpans(tracer: Tracer): () => void {
  const current = new AsyncLocalStorage<Span>();
  const spans = new WeakMap<object, Span>();
  const stops = OPERATIONS.map((operation) => {
    const { start, asyncEnd } = tracingChannel<Span, DiagnosticEvent>(`pg-promo-codes:${operation}`);
    start.bindStore(current, (event) => {
      const outer = current.getStore();
      const parent = outer ? trace.setSpan(context.active(), outer) : context.active();
      const span = tracer.startSpan(`pg-promo-codes.${operation}`, {}, parent);
      spans.set(event, span);
      return span;
    });
    const onEnd = (message: unknown) => {
      const event = message as DiagnosticEvent;
      const span = spans.get(event);
      span?.setAttributes(attributesOf(event));
      if (event.error) span?.setStatus({ code: SpanStatusCode.ERROR, message: event.error.code });
      span?.end();
    };
    asyncEnd.subscribe(onEnd);
    return () => {
      start.unbindStore(current);
      asyncEnd.unsubscribe(onEnd);
    };
  });
  return () => {
    for (const stop of stops) stop();
  };
}

/** Numbers, words and lists as they are; the duration is that of the span. */
function attributesOf({ durationMs: _, error, ...fields }: DiagnosticEvent): Attributes {
  const attributes: Attributes = {};
  for (const [name, value] of Object.entries(fields)) {
    if (typeof value !== 'object' || Array.isArray(value)) attributes[`pg_promo_codes.${name}`] = value as string;
  }
  const { outcomes, failure } = fields as { outcomes?: object; failure?: { code: string } };
  // A redemption that failed has the code of the error as its outcome.
  if (outcomes) attributes['pg_promo_codes.outcomes'] = Object.keys(outcomes);
  if (failure) attributes['pg_promo_codes.failure'] = failure.code;
  if (error) attributes['error.type'] = error.code;
  if (error?.sqlState) attributes['db.response.status_code'] = error.sqlState;
  return attributes;
}

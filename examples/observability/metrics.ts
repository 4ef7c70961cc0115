import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type {
  BatchEvent,
  DiagnosticEvent,
  DriftEvent,
  InstallEvent,
  PromoCodeRepository,
  RedeemEvent,
  RetryEvent,
  RollbackEvent,
  ValidateEvent,
} from 'pg-promo-codes';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const SIZES = [1, 2, 5, 10, 20, 50, 100, 200, 500];

/**
 * Prometheus metrics of all that the library does in this process, and of the queues of these repositories. No label is made
 * of what a caller sends, not even of the shop: each value of a label is a time series.
 *
 * @returns what ends it
 */
export function collectMetrics(register: Registry, repositories: readonly PromoCodeRepository[] = []): () => void {
  const registers = [register];
  const counter = <Label extends string>(name: string, help: string, labelNames: Label[]) =>
    new Counter({ name: `pg_promo_codes_${name}`, help, labelNames, registers });
  const gauge = <Label extends string>(name: string, help: string, labelNames: Label[]) =>
    new Gauge({ name: `pg_promo_codes_${name}`, help, labelNames, registers });
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ name: `pg_promo_codes_${name}`, help, buckets, registers });

  const redemptions = counter('redemptions_total', 'Redemptions and replays', ['method', 'outcome']);
  const refusals = counter('refusals_total', 'Redemptions that were refused', ['method', 'reason']);
  const previews = counter('previews_total', 'Answers of validate()', ['outcome']);
  const rollbacks = counter('rollbacks_total', 'Answers of rollbackUse()', ['outcome']);
  const errors = counter('errors_total', 'Calls and statements that failed', ['operation', 'code']);
  const retries = counter('retries_total', 'Retries by the error before them', ['code']);
  const installations = counter('installations_total', 'Calls of installTriggers() and its like', [
    'method',
    'changed',
  ]);
  const redeemSeconds = histogram('redeem_duration_seconds', 'From a call to its answer', SECONDS);
  const waitSeconds = histogram('redeem_wait_seconds', 'From a call until it was first sent to the server', SECONDS);
  const batchSize = histogram('batch_size', 'Redemptions in one statement', SIZES);
  const batchSeconds = histogram('batch_duration_seconds', 'From sending a statement to its answer', SECONDS);
  const drifted = gauge('drifted_codes', 'Codes that differed from their uses when last all were checked', ['schema']);
  const checkedAt = gauge('drift_check_timestamp_seconds', 'When last all codes were checked', ['schema']);
  const oldestCheck = gauge('oldest_drift_check_timestamp_seconds', 'Since when every code was compared by a scrub', [
    'schema',
  ]);
  new Gauge({
    name: 'pg_promo_codes_queue_length',
    help: 'Redemptions that wait for a statement',
    registers,
    // Asked for at each scrape: a server that does not answer ends no statement, and would not be heard of.
    collect() {
      this.set(repositories.reduce((sum, { queueLength }) => sum + queueLength, 0));
    },
  });

  const listeners = {
    redeem({ method, outcomes, attempts, waitedMs, durationMs, error }: RedeemEvent) {
      redeemSeconds.observe(durationMs / 1_000);
      if (attempts > 0) waitSeconds.observe(waitedMs / 1_000);
      if (error) return;
      for (const [outcome, count] of Object.entries(outcomes)) {
        if (outcome === 'redeemed' || outcome === 'replayed') redemptions.inc({ method, outcome }, count);
        else refusals.inc({ method, reason: outcome }, count);
      }
    },
    batch({ size, durationMs }: BatchEvent) {
      batchSize.observe(size);
      batchSeconds.observe(durationMs / 1_000);
    },
    validate({ outcome, error }: ValidateEvent) {
      if (!error && outcome) previews.inc({ outcome });
    },
    rollback({ outcome, error }: RollbackEvent) {
      if (!error && outcome) rollbacks.inc({ outcome });
    },
    install({ method, changed, error }: InstallEvent) {
      if (!error) installations.inc({ method, changed: String(changed) });
    },
    drift({ schema = '', isPartial, drifted: found, repaired, oldestCheck: oldest, error }: DriftEvent) {
      if (oldest) oldestCheck.set({ schema }, oldest.getTime() / 1_000);
      if (isPartial || error) return;
      drifted.set({ schema }, found - repaired);
      checkedAt.setToCurrentTime({ schema });
    },
    retry({ failure }: RetryEvent) {
      retries.inc({ code: failure.code });
    },
  };

  const stops = Object.entries(listeners).map(([operation, count]) => {
    const listener = (message: unknown) => {
      const event = message as DiagnosticEvent;
      if (event.error) errors.inc({ operation, code: event.error.code });
      count(event as never);
    };
    subscribe(`pg-promo-codes:${operation}`, listener);
    return () => unsubscribe(`pg-promo-codes:${operation}`, listener);
  });
  return () => {
    for (const stop of stops) stop();
  };
}

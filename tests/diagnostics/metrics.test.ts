import { readFileSync } from 'node:fs';
import { parser } from '@prometheus-io/lezer-promql';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { collectMetrics } from '../../examples/observability/metrics';
import {
  checkDrift,
  installTriggers,
  type PromoCode,
  PromoCodeRepository,
  repairDrift,
  scrubDrift,
  uninstallTriggers,
} from '../../src/index';
import { intercepted } from '../support/intercepted';
import { useRepository, waitingRedemption } from '../support/repository';
import { failureOf } from './fixture';

const t = useRepository('metrics');
const { newCode, request, repository, schema } = t;
const register = new Registry();
let stop: () => void;
beforeAll(() => {
  stop = collectMetrics(register, [repository]);
});
afterAll(() => stop());

/** The samples of a scrape, as lines of it: `name{labels} value`. */
async function scrape(): Promise<string[]> {
  return (await register.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

async function holdLock(code: PromoCode) {
  const holder = await t.client();
  await holder.query('BEGIN');
  await holder.query(t.expand('SELECT FROM :"schema".promo_codes WHERE id = $1 FOR NO KEY UPDATE'), [code.id]);
  return { release: () => holder.query('COMMIT') };
}

it('redemptions, refusals by reason, previews, rollbacks and errors are counted', async () => {
  const code = await newCode({ totalUsageLimit: 2, perCustomerLimit: null });
  const asked = request(code, { idempotencyKey: 'once' });
  const made = await repository.redeem(asked);
  await repository.redeem(asked);
  await repository.redeemMany([request(code), request(code), { ...request(code), code: 'NOSUCH' }]);
  await repository.validate(request(code));
  await repository.rollbackUse(made.ok ? made.use.id : '');
  await failureOf(repository.redeem({ ...asked, baseReward: 'ten' }));
  expect(await scrape()).toEqual(
    expect.arrayContaining([
      'pg_promo_codes_redemptions_total{method="redeem",outcome="redeemed"} 1',
      'pg_promo_codes_redemptions_total{method="redeem",outcome="replayed"} 1',
      'pg_promo_codes_redemptions_total{method="redeemMany",outcome="redeemed"} 1',
      'pg_promo_codes_refusals_total{method="redeemMany",reason="usage_limit_reached"} 1',
      'pg_promo_codes_refusals_total{method="redeemMany",reason="not_found"} 1',
      'pg_promo_codes_previews_total{outcome="usage_limit_reached"} 1',
      'pg_promo_codes_rollbacks_total{outcome="rolled_back"} 1',
      'pg_promo_codes_errors_total{operation="redeem",code="VALIDATION"} 1',
      // The call that was not valid never waited.
      'pg_promo_codes_redeem_duration_seconds_count 4',
      'pg_promo_codes_redeem_wait_seconds_count 3',
    ]),
  );
});

it('the queue is as long as it is at the scrape, and batches have sizes', async () => {
  const code = await newCode({ perCustomerLimit: null });
  const lock = await holdLock(code);
  const first = repository.redeem(request(code));
  await waitingRedemption(t);
  const others = Array.from({ length: 30 }, () => repository.redeem(request(code)));
  expect(await scrape()).toContain('pg_promo_codes_queue_length 30');
  await lock.release();
  await Promise.all([first, ...others]);
  const samples = await scrape();
  expect(samples).toContain('pg_promo_codes_queue_length 0');
  const upTo = (size: number) =>
    Number(samples.find((line) => line.startsWith(`pg_promo_codes_batch_size_bucket{le="${size}"}`))?.split(' ')[1]);
  expect(upTo(50) - upTo(20)).toBe(1);
});

it('retries are counted by the error before them', async () => {
  let left = 2;
  const pool = intercepted(t.pool, async (text, values, send) => {
    if (!text.includes('redeem_promo_code') || left === 0) return send(text, values);
    left -= 1;
    throw Object.assign(new Error('conflict'), { code: '40001' });
  });
  await new PromoCodeRepository(pool, { schema }).redeem(request(await newCode()));
  expect(await scrape()).toContain('pg_promo_codes_retries_total{code="RETRYABLE_TRANSACTION"} 2');
});

it('the gauge of drift follows checks and repairs of all codes, and installations are counted', async () => {
  const [code] = [await newCode(), await newCode()];
  await t.sql('ALTER TABLE :"schema".promo_codes DISABLE TRIGGER USER');
  await t.sql('UPDATE :"schema".promo_codes SET times_used = 7 WHERE id = $1', [code.id]);
  await t.sql('ALTER TABLE :"schema".promo_codes ENABLE TRIGGER USER');
  const label = schema.replace(/[\\"]/g, '\\$&');
  const drifted = async () => (await scrape()).find((line) => line.startsWith('pg_promo_codes_drifted_codes{'));
  await checkDrift(t.pool, { schema });
  expect(await drifted()).toBe(`pg_promo_codes_drifted_codes{schema="${label}"} 1`);
  await checkDrift(t.pool, { schema, shopId: 'other' });
  await repairDrift(t.pool, { schema, dryRun: true });
  expect(await drifted()).toBe(`pg_promo_codes_drifted_codes{schema="${label}"} 1`);
  await repairDrift(t.pool, { schema });
  expect(await drifted()).toBe(`pg_promo_codes_drifted_codes{schema="${label}"} 0`);
  const { oldestCheck } = await scrubDrift(t.pool, { schema });
  expect(await scrape()).toContain(
    `pg_promo_codes_oldest_drift_check_timestamp_seconds{schema="${label}"} ${oldestCheck!.getTime() / 1_000}`,
  );

  await uninstallTriggers(t.pool, { schema });
  await installTriggers(t.pool, { schema });
  expect(await scrape()).toEqual(
    expect.arrayContaining([
      'pg_promo_codes_installations_total{method="uninstallTriggers",changed="true"} 1',
      'pg_promo_codes_installations_total{method="installTriggers",changed="true"} 1',
      expect.stringMatching(/^pg_promo_codes_drift_check_timestamp_seconds\{schema=".+"\} \d{10}/),
    ]),
  );
});

describe('what is shipped for Prometheus and Grafana', () => {
  interface Rule {
    alert: string;
    expr: string;
    labels: { severity: string };
    annotations: { summary: string; description: string };
  }
  const rules: Rule[] = parse(readFileSync('examples/observability/alert-rules.yml', 'utf8')).groups.flatMap(
    (group: { rules: Rule[] }) => group.rules,
  );
  interface Panel {
    title: string;
    gridPos: Record<'x' | 'y' | 'w' | 'h', number>;
    targets: { expr: string }[];
  }
  const dashboard: { panels: Panel[]; templating: { list: { definition?: string }[] } } = JSON.parse(
    readFileSync('examples/observability/grafana-dashboard.json', 'utf8'),
  );
  const expressions = [
    ...rules.map(({ alert, expr }) => [alert, expr]),
    ...dashboard.panels.flatMap(({ title, targets }) => targets.map(({ expr }) => [title, expr])),
  ] as [string, string][];

  /** The names of metrics in an expression with the labels that are asked for there. */
  function selectorsOf(expression: string): { metric: string; labels: string[] }[] {
    const text = expression.replaceAll('$__rate_interval', '5m');
    const found: { metric: string; labels: string[] }[] = [];
    parser.parse(text).iterate({
      enter: ({ name, type, from, to }) => {
        if (type.isError) throw new Error(`No PromQL at ${from}: ${text}`);
        const part = text.slice(from, to);
        if (name === 'VectorSelector') found.push({ metric: /^\w+/.exec(part)![0], labels: [] });
        if (name === 'LabelName') found.at(-1)?.labels.push(part);
      },
    });
    return found;
  }

  /** Every name under which a metric of the example appears in a scrape, and its labels. */
  async function exposed(): Promise<Map<string, string[]>> {
    const names = new Map<string, string[]>();
    for (const { name, type } of await register.getMetricsAsJSON()) {
      const { labelNames } = register.getSingleMetric(name) as unknown as { labelNames: string[] };
      const suffixes = `${type}` === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
      for (const suffix of suffixes) names.set(name + suffix, [...labelNames, ...(suffix === '_bucket' ? ['le'] : [])]);
    }
    return names;
  }

  it.each(expressions)('asks for metrics and labels that there are: %s', async (_, expression) => {
    const names = await exposed();
    const selectors = selectorsOf(expression);
    expect(selectors.length).toBeGreaterThan(0);
    for (const { metric, labels } of selectors) {
      expect([...names.keys()]).toContain(metric);
      for (const label of labels) expect(['instance', ...names.get(metric)!]).toContain(label);
    }
    // Labels of `by` are those of the metric as well.
    for (const [, list = ''] of expression.matchAll(/by \(([^)]*)\)/g)) {
      for (const label of list.split(', ')) expect(['instance', ...names.get(selectors[0]!.metric)!]).toContain(label);
    }
  });

  it('shows every metric, and panels do not overlap', async () => {
    const shown = dashboard.panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => selectorsOf(expr)));
    const families = (await register.getMetricsAsJSON()).map(({ name }) => name);
    for (const name of families) expect(shown.some(({ metric }) => metric.startsWith(name))).toBe(true);
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)} ${y + Math.floor(cell / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    const variable = dashboard.templating.list.find(({ definition }) => definition)!.definition!;
    expect(families).toContain(/label_values\((\w+),/.exec(variable)?.[1]);
  });

  it('every alert says how urgent it is and what to do', () => {
    for (const { alert, labels, annotations } of rules) {
      expect(alert).toMatch(/^PromoCode/);
      expect(['page', 'ticket']).toContain(labels.severity);
      expect(annotations.summary.length).toBeGreaterThan(20);
      expect(annotations.description.length).toBeGreaterThan(40);
    }
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  });
});

import { readFileSync } from 'node:fs';
import { Registry } from 'prom-client';
import { expect, it, vi } from 'vitest';
import { collectMetrics } from '../../examples/observability/metrics';
import { CHANNELS } from '../diagnostics/fixture';
import { useRepository } from '../support/repository';
import { blocksOf, pageText, printedBy, useModules } from './page';

const t = useRepository('observability_page');
const page = pageText('observability');
const source = readFileSync('src/diagnostics/events.ts', 'utf8');
const run = useModules();

/** The fields that a type has of its own. */
function fieldsOf(type: string): string[] {
  const body = new RegExp(`interface ${type} extends DiagnosticEvent \\{\\n([\\s\\S]*?)\\n\\}`).exec(source)?.[1] ?? '';
  return [...body.matchAll(/^ {2}(\w+)\??:/gm)].map(([, name]) => name!);
}

it.each(CHANNELS)('has a row for each channel, which names every field of its event: %s', (channel) => {
  const row = page.split('\n').find((line) => line.startsWith(`| \`pg-promo-codes:${channel}\` |`));
  const type = /`(\w+Event)`/.exec(row ?? '')?.[1] ?? '';
  const fields = fieldsOf(type).filter((name) => name !== 'personal');
  expect(fields.length).toBeGreaterThan(2);
  for (const name of fields) expect(row).toContain(`\`${name}\``);
});

it('has a row for each metric of the example, with its labels', async () => {
  const register = new Registry();
  collectMetrics(register)();
  const metrics = await register.getMetricsAsJSON();
  expect(metrics.length).toBeGreaterThan(10);
  for (const { name } of metrics) {
    const row = page.split('\n').find((line) => line.startsWith('| `pg_promo_codes_') && line.includes(`\`${name}\``));
    const { labelNames } = register.getSingleMetric(name) as unknown as { labelNames: string[] };
    for (const label of labelNames) expect(row).toContain(`\`${label}\``);
    expect(row).toBeDefined();
  }
});

// Their subscribers stay, so this file has a process of its own.
it('its examples run, and print what they say', async () => {
  const examples = blocksOf('observability', 'ts');
  expect(examples).toHaveLength(2);
  const failed = vi.spyOn(console, 'error').mockReturnValue();
  const printed = await printedBy(async () => {
    for (const example of examples) await run({ 'example.ts': example });
    await t.repository.redeem(t.request(await t.newCode()));
    await t.repository.redeem({ ...t.request(await t.newCode()), baseReward: 'ten' }).catch(() => undefined);
  });
  const complaints = failed.mock.calls;
  vi.restoreAllMocks();
  expect(printed).toEqual([['redeem', ['redeemed'], expect.any(Number), expect.any(Number)]]);
  expect(complaints).toEqual([['redeem', 'VALIDATION', undefined]]);
});

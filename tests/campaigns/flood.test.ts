import { execFile } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { beforeAll, expect, it } from 'vitest';
import type { PromoCode } from '../../src/index';
import { cases } from '../support';
import { useRepository } from '../support/repository';
import { type CampaignFields, expectCampaigns, newCampaign, put } from './fixture';
import type { Flood } from './flood-worker';

const PROCESSES = 3;
const CALLERS = 100;

const t = useRepository('campaign flood');
const here = fileURLToPath(new URL('.', import.meta.url));
/** Below node_modules, so that what stays outside the bundle is found. */
const program = path.join(here, '../../node_modules/.cache/pg-promo-codes-flood/worker.mjs');
const codes: PromoCode[] = [];

beforeAll(async () => {
  await build({
    entryPoints: [path.join(here, 'flood-worker.ts')],
    outfile: program,
    ...{ bundle: true, packages: 'external', platform: 'node', format: 'esm', target: 'node20' },
    loader: { '.sql': 'text' },
    logLevel: 'error',
  });
  for (let index = 0; index < 50; index += 1) codes.push(await t.newCode({ perCustomerLimit: null }));
});

/** A campaign over all codes, and what becomes of the callers of three processes. */
async function flood(fields: CampaignFields, of: Pick<Flood, 'customer'>) {
  await t.sql('DELETE FROM :"schema".promo_code_uses; DELETE FROM :"library".promo_code_campaigns');
  const id = await newCampaign(t, fields);
  await t.sql(put(id, ...codes.map((code) => code.id)));
  const all = await Promise.all(
    Array.from({ length: PROCESSES }, async (_, number) => {
      const told: Flood = {
        url: t.url,
        schema: t.schema,
        number,
        callers: CALLERS,
        codes: codes.map(({ code }) => code),
      };
      const { stdout } = await promisify(execFile)(process.execPath, [program, JSON.stringify({ ...told, ...of })]);
      return JSON.parse(stdout) as Record<string, number>;
    }),
  );
  const outcomes: Record<string, number> = {};
  for (const [outcome, count] of all.flatMap(Object.entries)) outcomes[outcome] = (outcomes[outcome] ?? 0) + count;
  return { id, outcomes };
}

const FLOODS: [string, CampaignFields, Pick<Flood, 'customer'>, Record<string, number>, [number, number]][] = [
  ['a limit of 50', { total_usage_limit: 50 }, {}, { ok: 50, campaign_limit_reached: 250 }, [50, 250]],
  [
    'a budget that ends in the middle, and pays what is left',
    { max_total_bonus: '103.01', budget_overrun: 'cap' },
    {},
    { ok: 21, campaign_budget_exhausted: 279 },
    [21, 103.01],
  ],
  [
    'a budget that ends in the middle',
    { max_total_bonus: '103.01' },
    {},
    { ok: 20, campaign_budget_exhausted: 280 },
    [20, 100],
  ],
  [
    'a limit of two for the one customer of all callers',
    { per_customer_limit: 2 },
    { customer: ' Ann' },
    { ok: 2, campaign_customer_limit_reached: 298 },
    [2, 10],
  ],
];

it.each(cases('floods of three processes', FLOODS, (_, index) => index < 2))(
  '300 callers over 50 codes of one campaign: %s',
  async (_, fields, of, expected, counters) => {
    const { id, outcomes } = await flood(fields, of);
    expect(outcomes).toEqual(expected);
    await expectCampaigns(t, { [id]: counters });
  },
);

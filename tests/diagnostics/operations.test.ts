import { beforeEach, describe, expect, it } from 'vitest';
import {
  checkDrift,
  type DriftEvent,
  type InstallEvent,
  installSchema,
  installTriggers,
  PromoCodeRepository,
  repairDrift,
  streamDrift,
  uninstallTriggers,
} from '../../src/index';
import { useDatabase } from '../support';
import { FAILURE, failureOf, SUCCESS, useEvents } from './fixture';

const t = useDatabase('operation_events');
const { schema } = t;
const installations = useEvents<InstallEvent>('install');
const checks = useEvents<DriftEvent>('drift');

/** Five codes of `shop`, and one of `other`. */
async function makeCodes(): Promise<void> {
  const repository = new PromoCodeRepository(t.pool, { schema });
  for (const code of ['A', 'B', 'C', 'D', 'E']) await repository.create({ code, shopId: 'shop', bonusValue: '1' });
  await repository.create({ code: 'F', shopId: 'other', bonusValue: '1' });
}

/** Two of the codes differ from their uses. */
async function drift(): Promise<void> {
  await t.sql('ALTER TABLE :"schema".promo_codes DISABLE TRIGGER USER');
  await t.sql(`UPDATE :"schema".promo_codes SET times_used = 7 WHERE code IN ('B', 'D')`);
  await t.sql('ALTER TABLE :"schema".promo_codes ENABLE TRIGGER USER');
}

describe('install', () => {
  it('reports what was created, that nothing was changed, and what was removed', async () => {
    const rehearsed = await installSchema(t.pool, { schema, dryRun: true });
    const installed = await installSchema(t.pool, { schema });
    await installTriggers(t.pool, { schema });
    const { removed } = await uninstallTriggers(t.pool, { schema });
    await uninstallTriggers(t.pool, { schema });
    await installTriggers(t.pool, { schema });
    const common = { schema, dryRun: false, replaced: [], removed: [], foreign: [], repaired: 0, warnings: 0 };
    expect(installed.created).toContain('promo_codes');
    expect(installations.events).toEqual(
      [
        { ...common, method: 'installSchema', dryRun: true, changed: true, created: rehearsed.created },
        { ...common, method: 'installSchema', changed: true, created: installed.created },
        { ...common, method: 'installTriggers', changed: false, created: [] },
        { ...common, method: 'uninstallTriggers', changed: true, created: [], removed },
        { ...common, method: 'uninstallTriggers', changed: false, created: [] },
        { ...common, method: 'installTriggers', changed: true, created: expect.arrayContaining(['redeem_promo_code']) },
      ].map((event) => ({ ...event, durationMs: expect.any(Number) })),
    );
    expect(installations.phases).toEqual(installations.events.flatMap(() => SUCCESS));
    // What a subscriber does to its lists does not reach the caller.
    expect(installations.events[1]!.created).not.toBe(installed.created);
  });

  it('reports how many codes were healed, and an error', async () => {
    await makeCodes();
    await drift();
    await uninstallTriggers(t.pool, { schema });
    installations.events = [];
    await installTriggers(t.pool, { schema });
    expect(installations.events).toMatchObject([{ changed: true, repaired: 2 }]);
    expect(checks.events.at(-1)).toMatchObject({ method: 'repairDrift', repaired: 2 });
    installations.phases = [];
    await failureOf(installTriggers(t.pool, { schema: 'nowhere' }));
    expect(installations.events[1]).toMatchObject({ changed: false, error: { code: 'NOT_INSTALLED' } });
    expect(installations.phases).toEqual(FAILURE);
  });
});

describe('drift', () => {
  beforeEach(async () => {
    await drift();
    checks.events = [];
    checks.phases = [];
  });

  it('reports how many codes were looked at, how many differ, and how many were corrected', async () => {
    const found = await checkDrift(t.pool, { schema });
    expect(found.map(({ code }) => code)).toEqual(['B', 'D']);
    await repairDrift(t.pool, { schema, dryRun: true });
    await repairDrift(t.pool, { schema });
    expect(await checkDrift(t.pool, { schema })).toEqual([]);
    const common = { schema, isPartial: false, codes: 6, repaired: 0, durationMs: expect.any(Number) };
    expect(checks.events).toEqual([
      { ...common, method: 'checkDrift', drifted: 2 },
      { ...common, method: 'repairDrift', drifted: 2 },
      { ...common, method: 'repairDrift', drifted: 2, repaired: 2 },
      { ...common, method: 'checkDrift', drifted: 0 },
    ]);
    expect(checks.phases).toEqual(checks.events.flatMap(() => SUCCESS));
  });

  it('reports that not all codes were looked at', async () => {
    const [drifted] = await checkDrift(t.pool, { schema, limit: 1 });
    await checkDrift(t.pool, { schema, shopId: 'other' });
    await checkDrift(t.pool, { schema, promoCodeIds: [drifted!.promoCodeId!] });
    expect(checks.events).toMatchObject([
      { isPartial: true, codes: 6, drifted: 1 },
      { isPartial: true, codes: 1, drifted: 0 },
      { isPartial: true, codes: 1, drifted: 1 },
    ]);
  });

  it('a loop is one event, also when it is left early', async () => {
    const found: string[] = [];
    for await (const { code } of streamDrift(t.pool, { schema, batchSize: 2 })) found.push(String(code));
    expect(found).toEqual(['B', 'D']);
    for await (const { code } of streamDrift(t.pool, { schema, batchSize: 2 })) if (code === 'B') break;
    expect(checks.events).toMatchObject([
      { method: 'streamDrift', isPartial: false, codes: 6, drifted: 2 },
      { method: 'streamDrift', isPartial: true, drifted: 1 },
    ]);
    expect(checks.phases).toEqual([...SUCCESS, ...SUCCESS]);
  });

  it('an error', async () => {
    await failureOf(checkDrift(t.pool, { schema: 'nowhere' }));
    await failureOf(repairDrift(t.pool, { schema: 'nowhere' }));
    await failureOf(streamDrift(t.pool, { schema: 'nowhere' }).next());
    expect(checks.events.map(({ error }) => error?.code)).toEqual(checks.events.map(() => 'NOT_INSTALLED'));
    expect(checks.phases).toEqual([...FAILURE, ...FAILURE, ...FAILURE]);
  });
});

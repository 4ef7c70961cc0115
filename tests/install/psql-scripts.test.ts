import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { inspectTriggers, installTriggers, PromoCodeRepository, uninstallTriggers } from '../../src/index';
import { clientToolOrSkip, runTool, useSchema } from '../support';
import { SEED_TABLES } from '../support/host-tables';

const psql = clientToolOrSkip('psql');

describe.skipIf(!psql)('the scripts run through psql', () => {
  const t = useSchema('psql scripts');
  const run = (script: string) =>
    runTool(psql!, [
      '-X',
      '-q',
      '-d',
      t.url,
      '-v',
      `schema=${t.schema}`,
      '-f',
      fileURLToPath(new URL(`../../sql/${script}`, import.meta.url)),
    ]);

  it('install what the library installs, twice without harm, and the repository works on it', async () => {
    await t.sql(SEED_TABLES);
    for (let time = 0; time < 2; time += 1) {
      expect(await run('triggers.sql')).toMatchObject({ code: 0, stderr: '' });
      expect(await inspectTriggers(t.pool, { schema: t.schema })).toMatchObject({ ok: true });
    }
    expect(await installTriggers(t.pool, { schema: t.schema })).toMatchObject({ created: [], replaced: [] });
    const repository = new PromoCodeRepository(t.pool, { schema: t.schema });
    await repository.create({ code: 'PSQL', shopId: 'shop', bonusValue: 1 });
    const asked = { code: 'psql', shopId: 'shop', customerAddress: 'ann', baseReward: 1, idempotencyKey: 'key' };
    expect(await repository.redeem(asked)).toMatchObject({ ok: true, replayed: false });

    expect(await run('uninstall.sql')).toMatchObject({ code: 0, stderr: '' });
    expect(await uninstallTriggers(t.pool, { schema: t.schema })).toEqual({ removed: [] });
    await installTriggers(t.pool, { schema: t.schema });
    expect(await repository.redeem(asked)).toMatchObject({ ok: true, replayed: true });
  });
});

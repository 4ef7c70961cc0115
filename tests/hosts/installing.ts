import { describe, expect, it } from 'vitest';
import { type InstallReport, inspectTriggers, installTriggers, uninstallTriggers } from '../../src/index';
import type { HostUnderTest } from './fixture';
import type { HostOptions } from './host';

/** What an installation leaves in the host's schema, what a second one does, and what goes with it. */
export function describeInstalling(h: HostUnderTest): void {
  const { hand } = h;

  describe('installing', () => {
    it('a second time changes nothing, with the same options and with none', async () => {
      for (const options of [h.options, h.where]) {
        expect(await installTriggers(h.pool, options)).toMatchObject({ changed: false, repaired: [], foreign: [] });
      }
    });

    it('leaves everything in order', async () => {
      const state = await inspectTriggers(h.pool, h.where);
      expect(state.objects.filter((object) => object.state !== 'ok')).toEqual([]);
      expect(state).toMatchObject({ ok: true, reconcilePending: false, warnings: [] });
    });

    it.skipIf(h.host.librarySchema === 'host')(
      'adds nothing but triggers and indexes to the schema of the host',
      async () => {
        const [library, ...others] = await h.librarySchemas();
        expect(others).toEqual([]);
        expect(library).not.toBe(h.schema);
        if (h.where.librarySchema !== undefined) expect(library).toBe(h.where.librarySchema);
        expect(await h.objects()).toEqual(h.objectsOfHost());
      },
    );

    it('keeps hand-written uses within the limits, where that is asked for', async () => {
      const code = await h.newCode({ totalUsageLimit: 3, perCustomerLimit: 2 });
      const [ann, bob, cid] = [h.newCustomer(), h.newCustomer(), h.newCustomer()];
      const insert = (customer: string) => hand.insertUses({ code: code.id, customer });
      let next: InstallReport | undefined;
      await h.install({ enforceLimits: true });
      try {
        await insert(ann);
        await insert(ann);
        await expect(insert(ann)).rejects.toMatchObject({ code: 'PC003' });
        await insert(bob);
        await expect(insert(cid)).rejects.toMatchObject({ code: 'PC002' });
        await h.expectCounts(code, 3);
        next = await installTriggers(h.pool, h.where);
      } finally {
        await h.install({ enforceLimits: false });
      }
      await insert(ann);
      await h.expectCounts(code, 4);
      // An option that is left out is as installed.
      expect(next).toMatchObject({ changed: false });
    });
  });
}

/** What goes when the library goes, and that it can come back. */
export function describeUninstalling(h: HostUnderTest): void {
  const { hand } = h;

  it('uninstalling keeps tables and rows, and what comes then is counted by the next installation', async () => {
    const code = await h.newCode({ perCustomerLimit: null });
    const { use } = await h.redeem(code);
    const before = await hand.tallies();
    const schemas = await h.librarySchemas();
    expect((await uninstallTriggers(h.pool, h.where)).removed.length).toBeGreaterThan(0);
    expect(await hand.tallies()).toEqual(before);
    expect(await hand.rowOf(use.id)).toBeDefined();
    expect(await h.librarySchemas()).toEqual([]);
    const { rows } = await h.sql('SELECT nspname FROM pg_namespace WHERE nspname = ANY ($1) AND nspname <> $2', [
      schemas,
      h.schema,
    ]);
    expect(rows).toEqual([]);
    const left = await h.objects();
    expect(await uninstallTriggers(h.pool, h.where)).toEqual({ removed: [] });

    await hand.insertUses({ code: code.id, customer: h.newCustomer() });
    const dryRun: HostOptions = { ...h.options, dryRun: true };
    for (const options of [dryRun, h.options]) {
      expect(await h.librarySchemas()).toEqual([]);
      const { changed, repaired } = await installTriggers(h.pool, options);
      expect({ changed, repaired: repaired.map(({ promoCodeId }) => promoCodeId) }).toEqual({
        changed: true,
        repaired: [code.id],
      });
    }
    expect(await installTriggers(h.pool, h.where)).toMatchObject({ changed: false });
    await h.expectCounts(code, 2);
    expect(left).toEqual(h.objectsOfHost());
  });
}

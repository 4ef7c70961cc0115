import { describe, expect, it } from 'vitest';
import { installSchema, uninstallTriggers } from '../../src/index';
import { useSchema } from '../support';
import { handOf } from './hand';
import { rolledBackOf } from './host';
import { HOSTS } from './hosts';

// What the contract is measured with: the tables can be made, and plain SQL counts on them, without the library's triggers.
describe.each(HOSTS.map((host) => [host.name, host] as const))('by hand, on %s', (_, host) => {
  const t = useSchema(`by hand ${host.name}`);
  const hand = handOf(t, host);

  it('uses are inserted, changed, taken back and added up', async () => {
    if (host.neighbour) await t.sql(host.neighbour.ddl!);
    if (host.ddl !== null) await t.sql(host.ddl);
    else {
      await installSchema(t.pool, { schema: t.schema });
      await uninstallTriggers(t.pool, { schema: t.schema });
    }
    const customer = (host.customer ?? ((n: number) => `customer-${n}`))(1);
    const code = await hand.insertCode('X');
    const [first, second] = await hand.insertUses({ code, customer, bonus: '1.25' }, { code, customer, bonus: '2.00' });
    const sum = async () => {
      const { uses, total } = (await hand.tallies()).get(code)!;
      return [uses, total];
    };
    const amounts = host.tables?.uses?.columns?.bonusAmount !== null;
    expect(await sum()).toEqual([2, amounts ? '3.25' : '0.00']);
    if (amounts) await hand.setUse(first!, 'bonusAmount', '1.00');
    if (rolledBackOf(host)) {
      await hand.takeBack(second!);
      expect(await sum()).toEqual([1, '1.00']);
      await hand.bringBack(second!);
    }
    expect(await sum()).toEqual([2, amounts ? '3.00' : '0.00']);
    await hand.setUse(first!, 'usedAt', `'2019-06-01 12:00'`);
    expect(await hand.rowOf(first!)).toBeDefined();
    const other = await hand.insertCode('Y');
    await hand.moveUse(first!, other);
    expect(await sum()).toEqual([1, amounts ? '2.00' : '0.00']);
    await hand.moveUse(first!, code);
    await hand.setCode(other, 'startDate', "now() - interval '9 days'");
    await hand.setCode(other, 'endDate', "now() - interval '2 days'");
    if (host.otherBonusType) await hand.setCode(other, 'bonusType', `'${host.otherBonusType}'`);
    await hand.deleteUse(second!);
    expect(await sum()).toEqual([1, amounts ? '1.00' : '0.00']);
    expect(await hand.rowOf(second!)).toBeUndefined();
  });
});

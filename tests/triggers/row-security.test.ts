import { beforeEach, describe, expect, it } from 'vitest';
import { installTriggers, renderSql } from '../../src/index';
import { cases, useRole, useSchema } from '../support';
import {
  counters,
  createHost,
  expectCounters,
  expectNoDrift,
  insert,
  USUAL_GRANULARITIES,
  unguarded,
  use,
} from './host';
import { type Session, session } from './session';

const t = useSchema('row security');
const owner = useRole({ label: 'owner', mayCreateSchemas: true });
const app = useRole({ label: 'app' });

const forced = (table: string, ...policies: string[]) =>
  [
    `ALTER TABLE :"schema".${table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY`,
    ...policies.map((policy, index) => `CREATE POLICY policy_${index} ON :"schema".${table} ${policy}`),
  ].join('; ');

/** As shops that share a database often have it: everybody sees the rows of the shop in a setting. */
const OWN_SHOP = `USING (shop_id = current_setting('app.shop', true))`;

describe.each(USUAL_GRANULARITIES)(
  'row-level security never makes a count wrong in silence (%s triggers)',
  (granularity) => {
    let role: Session;
    let asOwner: Session;

    beforeEach(async () => {
      await createHost(t, { granularity });
      await t.sql(renderSql('uninstall', { schema: t.schema }));
      await t.sql(
        `GRANT USAGE, CREATE ON SCHEMA :"schema" TO ${owner.quoted};
       ALTER TABLE :"schema".promo_codes OWNER TO ${owner.quoted};
       ALTER TABLE :"schema".promo_code_uses OWNER TO ${owner.quoted};
       GRANT USAGE ON SCHEMA :"schema" TO ${app.quoted};
       GRANT ALL ON ALL TABLES IN SCHEMA :"schema" TO ${app.quoted};
       GRANT ALL ON ALL SEQUENCES IN SCHEMA :"schema" TO ${app.quoted}`,
      );
      asOwner = await session(t, owner.login);
      await installTriggers(asOwner.client, { schema: t.schema, granularity, enforceLimits: true });
      await t.sql(insert(use(1, 1), use(2, 2)));
      role = await session(t, app.login);
    });

    it('a policy that hides every code from the application does not concern the triggers', async () => {
      await t.sql('ALTER TABLE :"schema".promo_codes ENABLE ROW LEVEL SECURITY');
      expect((await role.sql('SELECT FROM :"schema".promo_codes')).rowCount).toBe(0);
      await role.sql(insert(use(1, 10)));
      await role.sql('UPDATE :"schema".promo_code_uses SET bonus_amount = 3 WHERE bonus_amount = 2');
      await role.sql('DELETE FROM :"schema".promo_code_uses WHERE bonus_amount = 1');
      await expectCounters(t, { 1: [1, '10.00'], 2: [1, '3.00'] });
      await role.sql('TRUNCATE :"schema".promo_code_uses');
      await expectCounters(t, {});
    });

    it('a policy that shows the codes and lets them be updated, forced on the owner, does no harm', async () => {
      await installTriggers(asOwner.client, { schema: t.schema, enforceLimits: false });
      await t.sql(forced('promo_codes', OWN_SHOP));
      await role.sql(`SET app.shop = 'shop'`);
      await role.sql(insert(use(1, 10)));
      await role.sql('DELETE FROM :"schema".promo_code_uses WHERE bonus_amount = 1');
      await expectCounters(t, { 1: [1, '10.00'], 2: [1, '2.00'] });
    });

    const POLICIES: [name: string, policies: string[]][] = [
      ['no policy at all', []],
      ['a policy for another shop', [OWN_SHOP]],
      ['a policy that shows but does not let update', ['FOR SELECT USING (true)']],
      ['a policy that shows the update only', ['FOR UPDATE USING (true)']],
      ['a policy whose check refuses', ['USING (true) WITH CHECK (false)']],
    ];
    it.each(cases('policies that hide codes', POLICIES, (_, at) => at === 1))(
      'codes that are hidden from the owner by %s: every write is refused',
      async (_, policies) => {
        await t.sql(forced('promo_codes', ...policies));
        for (const statement of [
          insert(use(1, 10)),
          'UPDATE :"schema".promo_code_uses SET bonus_amount = 3 WHERE bonus_amount = 2',
          'UPDATE :"schema".promo_code_uses SET promo_code_id = 3 WHERE bonus_amount = 2',
          'DELETE FROM :"schema".promo_code_uses WHERE bonus_amount = 1',
        ]) {
          await expect(role.sql(statement), statement).rejects.toMatchObject({ code: '42501' });
        }
        await expectCounters(t, { 1: [1, '1.00'], 2: [1, '2.00'] });
      },
    );

    it('codes that are hidden from the owner: TRUNCATE is refused as well', async () => {
      await t.sql(forced('promo_codes', OWN_SHOP));
      await expect(role.sql('TRUNCATE :"schema".promo_code_uses')).rejects.toMatchObject({ code: '42501' });
      await expectCounters(t, { 1: [1, '1.00'], 2: [1, '2.00'] });
    });

    it('uses that are hidden from the owner: a recount is refused, not wrong', async () => {
      await t.sql(insert(use(1, 4)));
      await t.sql(unguarded('UPDATE :"schema".promo_codes SET times_used = 0 WHERE id = 1'));
      await t.sql(forced('promo_code_uses', 'FOR DELETE USING (true)', `FOR SELECT USING (bonus_amount = 4)`));
      const deletion = role.sql('DELETE FROM :"schema".promo_code_uses WHERE bonus_amount = 4');
      await expect(deletion).rejects.toMatchObject({ code: '42501' });
      expect(await counters(t)).toMatchObject({ 1: [0, '5.00'] });
    });

    it('uses that are hidden from the owner: they count towards the limit of a customer, or the write is refused', async () => {
      await t.sql(`UPDATE :"schema".promo_codes SET per_customer_limit = 1`);
      await t.sql(forced('promo_code_uses', 'FOR INSERT WITH CHECK (true)', OWN_SHOP));
      await role.sql(`SET app.shop = 'another shop'`);
      await expect(role.sql(insert(use(1, 4)))).rejects.toMatchObject({
        code: expect.stringMatching(/^(42501|PC003)$/),
      });
      await expectCounters(t, { 1: [1, '1.00'], 2: [1, '2.00'] });
    });

    it('uses that are hidden from the owner: a new code that would adopt them counts them, or is refused', async () => {
      await t.sql('ALTER TABLE :"schema".promo_code_uses DROP CONSTRAINT promo_code_uses_promo_code_id_fkey');
      await t.sql(insert(use(100, 4)));
      await t.sql(forced('promo_code_uses', OWN_SHOP));
      await role
        .sql(`INSERT INTO :"schema".promo_codes (id, code, shop_id) VALUES (100, 'N', 'shop')`)
        .catch((error) => expect(error).toMatchObject({ code: '42501' }));
      await t.sql(
        'DELETE FROM :"schema".promo_code_uses WHERE NOT EXISTS (SELECT FROM :"schema".promo_codes WHERE id = 100)',
      );
      await expectNoDrift(t);
    });
  },
);

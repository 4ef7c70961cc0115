import { beforeEach, describe, expect, it } from 'vitest';
import { installTriggers, renderSql } from '../../src/index';
import { useRole, useSchema } from '../support';
import { isIncluded } from '../support/scope';
import { createHost, expectCounters, insert, USUAL_GRANULARITIES, unguarded, use } from './host';
import { type Session, session } from './session';

const t = useSchema('privileges');
const app = useRole({ label: 'app' });
const owner = useRole({ label: 'owner', mayCreateSchemas: true });

/** A host whose tables and triggers belong to an ordinary role, as they should, and not to a superuser. */
async function createOwnedHost(granularity: 'row' | 'statement'): Promise<void> {
  await createHost(t, { granularity });
  await t.sql(renderSql('uninstall', { schema: t.schema }));
  await t.sql(
    `GRANT USAGE, CREATE ON SCHEMA :"schema" TO ${owner.quoted};
     ALTER TABLE :"schema".promo_codes OWNER TO ${owner.quoted};
     ALTER TABLE :"schema".promo_code_uses OWNER TO ${owner.quoted}`,
  );
  await installTriggers((await session(t, owner.login)).client, { schema: t.schema, granularity, enforceLimits: true });
}

const asApp = () => session(t, app.login);
const denied = { code: '42501' };

describe.each(USUAL_GRANULARITIES)(
  'an application role without any right on promo_codes (%s triggers)',
  (granularity) => {
    let role: Session;
    beforeEach(async () => {
      await createOwnedHost(granularity);
      await t.sql(
        `GRANT USAGE ON SCHEMA :"schema" TO ${app.quoted};
       GRANT INSERT, DELETE ON :"schema".promo_code_uses TO ${app.quoted};
       GRANT USAGE ON SEQUENCE :"schema".promo_code_uses_id_seq TO ${app.quoted}`,
      );
      role = await asApp();
    });

    it('is counted all the same', async () => {
      await expect(role.sql('SELECT FROM :"schema".promo_codes')).rejects.toMatchObject(denied);
      await role.sql(insert(use(1), use(2), use(1)));
      await expectCounters(t, { 1: [2, '10.00'], 2: [1, '5.00'] });
      await role.sql('DELETE FROM :"schema".promo_code_uses');
      await expectCounters(t, {});
    });

    it('is counted when it may update and truncate as well', async () => {
      await t.sql(`GRANT SELECT, UPDATE, TRUNCATE ON :"schema".promo_code_uses TO ${app.quoted}`);
      await role.sql(insert(use(1), use(2)));
      await role.sql(
        'UPDATE :"schema".promo_code_uses SET bonus_amount = 1, promo_code_id = 3 WHERE promo_code_id = 1',
      );
      await expectCounters(t, { 2: [1, '5.00'], 3: [1, '1.00'] });
      await role.sql('TRUNCATE :"schema".promo_code_uses');
      await expectCounters(t, {});
    });

    it('is counted with rights on single columns only', async () => {
      await t.sql(
        `REVOKE ALL ON :"schema".promo_code_uses FROM ${app.quoted};
       GRANT INSERT (promo_code_id, customer_address, shop_id, base_reward, bonus_amount, total_reward),
             SELECT (bonus_amount), UPDATE (bonus_amount) ON :"schema".promo_code_uses TO ${app.quoted};
       GRANT SELECT (id, code), UPDATE (name) ON :"schema".promo_codes TO ${app.quoted}`,
      );
      await role.sql(insert(use(1), use(2)));
      await role.sql('UPDATE :"schema".promo_code_uses SET bonus_amount = bonus_amount + 1');
      await role.sql(`UPDATE :"schema".promo_codes SET name = 'new'`);
      await expectCounters(t, { 1: [1, '6.00'], 2: [1, '6.00'] });
      await expect(role.sql('UPDATE :"schema".promo_codes SET times_used = 0')).rejects.toMatchObject(denied);
    });

    it('is counted by a recount, which reads uses that the role may not read', async () => {
      await role.sql(insert(use(1), use(1)));
      await t.sql(unguarded('UPDATE :"schema".promo_codes SET times_used = 0'));
      await t.sql(`GRANT SELECT (promo_code_id, id) ON :"schema".promo_code_uses TO ${app.quoted}`);
      await role.sql('DELETE FROM :"schema".promo_code_uses WHERE id = 1');
      await expectCounters(t, { 1: [1, '5.00'] });
    });

    it('is held to limits that it cannot read', async () => {
      await t.sql('UPDATE :"schema".promo_codes SET per_customer_limit = 1, total_usage_limit = 2');
      await role.sql(insert(use(1, 5, 'a'), use(1, 5, 'b')));
      await expect(role.sql(insert(use(1, 5, 'c')))).rejects.toMatchObject({ code: 'PC002' });
      await expect(role.sql(insert(use(2, 5, 'c'), use(2, 5, ' C')))).rejects.toMatchObject({ code: 'PC003' });
      await expectCounters(t, { 1: [2, '10.00'] });
    });

    it('cannot call any function that counts, nor hang one on a table of its own', async () => {
      const { rows } = await t.sql<{ call: string; may: boolean; trigger: boolean; name: string }>(
        `SELECT format('SELECT %s(%s)', p.oid::regproc, CASE WHEN proname = 'apply_promo_code_campaign_stats' THEN '''{}'', ''{}'', ''{}''' ELSE replace(array_to_string(proargtypes::oid[], ','), '1700', '1') END) AS call,
              has_function_privilege($1, p.oid, 'EXECUTE') AS may, prorettype = 'trigger'::regtype AS trigger, p.oid::regproc AS name
         FROM pg_proc AS p WHERE pronamespace = (SELECT oid FROM pg_namespace WHERE nspname = :'library')
          AND (prorettype = 'trigger'::regtype OR proname ~ 'promo_code_(campaign_)?stats')`,
        [app.role],
      );
      expect(rows).toHaveLength(17);
      expect(rows.filter(({ may }) => may)).toEqual([]);
      for (const { call, trigger, name } of rows) {
        if (!trigger) await expect(role.sql(call), call).rejects.toMatchObject(denied);
        else {
          await role.sql('CREATE TEMP TABLE IF NOT EXISTS own (promo_code_id int, bonus_amount numeric)');
          const create = `CREATE TRIGGER t AFTER INSERT ON own FOR EACH ROW EXECUTE FUNCTION ${name}()`;
          await expect(role.sql(create), create).rejects.toMatchObject(denied);
        }
      }
    });
  },
);

it.runIf(isIncluded('rights of a trigger of the owner'))(
  'a trigger of the owner of promo_codes gains no rights from counting, also where a superuser installed',
  async () => {
    await createOwnedHost('statement');
    await t.sql(renderSql('uninstall', { schema: t.schema }));
    await installTriggers(t.pool, { schema: t.schema });
    const own = await session(t, owner.login);
    await own.sql(
      `CREATE TABLE :"schema".seen (role text);
     CREATE FUNCTION :"schema".look() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN INSERT INTO :"schema".seen VALUES (current_user); RETURN NULL; END $$;
     CREATE TRIGGER look AFTER UPDATE ON :"schema".promo_codes FOR EACH ROW EXECUTE FUNCTION :"schema".look();
     ${insert(use(1))}`,
    );
    expect((await own.sql('SELECT role FROM :"schema".seen')).rows).toEqual([{ role: owner.role }]);
    await expectCounters(t, { 1: [1, '5.00'] });
  },
);

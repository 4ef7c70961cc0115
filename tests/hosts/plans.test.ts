import { describe, expect, it } from 'vitest';
import { withRules } from '../../src/host/rules';
import { readHost } from '../../src/redemption/host';
import { useHost } from './fixture';
import { characterIds, domainIds, reservedAlone, textIds } from './hosts';

/** What is looked for by ids, as the functions do it. */
const LOOKS = {
  'a code by its id': 'SELECT FROM :"codes" AS c WHERE c.:"code_id" = $1:::code_id_type',
  'codes by their ids': 'SELECT FROM :"codes" AS c WHERE c.:"code_id" = ANY (ARRAY[$1:::code_id_type])',
  'a use by its id': 'SELECT FROM :"uses" AS u WHERE u.:"use_id" = $1:::use_id_type',
  'uses by their ids': 'SELECT FROM :"uses" AS u WHERE u.:"use_id" = ANY (ARRAY[$1:::use_id_type])',
  'the code of a use':
    'SELECT FROM :"uses" AS u JOIN :"codes" AS c ON c.:"code_id" = u.:"promo_code_id" WHERE u.:"use_id" = $1:::use_id_type',
  'the use of a hold':
    'SELECT FROM :"library".promo_code_holds AS h JOIN :"uses" AS u ON :is_use_of_hold() WHERE h.use_id = $1:::use_id_type',
  "a customer's uses of a code": "SELECT :customer_uses($1:::code_id_type, 'ann', 5, true)",
};

describe.each([textIds, characterIds, domainIds, reservedAlone])('$name', (host) => {
  const h = useHost(host);

  it.each(Object.entries(LOOKS))('indexes find %s, in their order', async (_, look) => {
    const known = await readHost(h.pool, h.where);
    const client = await h.client();
    await client.query('SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan');
    await client.query(`PREPARE look AS ${known.sql(withRules(look))}`);
    const code = await h.newCode();
    const { use } = await h.redeem(code);
    const id = look.includes('$1:::use_id_type') ? use.id : code.id;
    const { rows } = await client.query<Record<string, string>>(`EXPLAIN EXECUTE look ('${id}')`);
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
    expect(plan).toMatch(/Index (?:Only )?Scan/);
    expect(plan).not.toMatch(/Seq Scan|Sort/);
  });
});

import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { installSchema } from '../../src/index';
import { Cluster } from '../../torture/server/cluster';
import { eventually, isWhole } from '../support';
import { useCommandLine } from './command-line';

// A server that can be stopped and started takes seconds; process.test.ts has the same with a proxy in between.
if (!isWhole)
  console.log('SKIPPED: a server that restarts under check --watch, which npm run test:matrix runs (TEST_SCOPE=whole)');

describe.skipIf(!isWhole)('check --watch on a server that restarts', () => {
  const cli = useCommandLine();
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await Cluster.start();
    const pool = new pg.Pool({ connectionString: cluster.url });
    await installSchema(pool);
    await pool.query(`INSERT INTO promo_codes (code, shop_id, bonus_type, bonus_value, end_date)
      VALUES ('SUMMER', 's', 'fixed', 5, 'infinity')`);
    await pool.end();
  }, 120_000);
  afterAll(() => cluster?.close());

  /** On a connection of its own: those from before the restart are gone. */
  async function drift(by: number): Promise<void> {
    const client = new pg.Client({ connectionString: cluster.url });
    await client.connect();
    await client.query(`ALTER TABLE promo_codes DISABLE TRIGGER USER;
      UPDATE promo_codes SET times_used = times_used + ${by};
      ALTER TABLE promo_codes ENABLE TRIGGER USER`);
    await client.end();
  }

  it.each(['restart', 'crash'] as const)('goes on after a %s, in the same process', async (how) => {
    const watching = cli.start(['check', '--watch', '1', '--url', cluster.url]);
    await watching.says('no drift');
    await cluster[how]();
    await drift(1);
    await eventually(() => watching.says('1 code drifted'), { timeoutMs: 30_000 });
    await drift(-1);
    watching.child.kill('SIGINT');
    const { code, stderr } = await watching.ended;
    expect(code).toBe(130);
    expect(stderr).not.toMatch(/\n {4}at /);
  });
});

import { it } from 'vitest';
import { renderSql } from '../../src/index';
import { useSchema } from '../support';
import { createHost, insert, use } from './host';
import { sessions, settledOrBlocked } from './session';
const t = useSchema('zz');
it('cost', { timeout: 200000 }, async () => {
  for (const installed of [true, false]) {
    await createHost(t);
    if (!installed) await t.sql(renderSql('uninstall', { schema: t.schema }));
    const t0 = performance.now();
    await t.sql(`INSERT INTO :"schema".promo_codes (code, shop_id) SELECT 'X' || n, 's' FROM generate_series(1, 100000) n`);
    console.log(installed, Math.round(performance.now() - t0), 'ms for 100,000 codes');
  }
});
it('deadlock', async () => {
  await createHost(t);
  await t.sql(insert(use(1, 1), use(1, 2)));
  await t.sql('UPDATE :"schema".promo_codes SET times_used = 0 WHERE id = 1');
  const [a, b, c] = await sessions(t, 3);
  for (const s of [b!, c!]) { await s.sql('BEGIN'); await s.sql('SELECT FROM :"schema".promo_codes WHERE id = 1 FOR KEY SHARE'); }
  const out = (p: Promise<unknown>) => p.then(() => 'done', (e) => e.code);
  const d = out(a!.sql('DELETE FROM :"schema".promo_code_uses WHERE bonus_amount = 1'));
  await settledOrBlocked(t, a!, d);
  const bi = out(b!.sql(insert(use(1, 4))).then(() => 0));
  await settledOrBlocked(t, b!, bi);
  const ci = out(c!.sql(insert(use(1, 8))));
  await settledOrBlocked(t, c!, ci);
  await b!.sql('COMMIT');
  console.log('delete', await d, 'insert', await ci, await bi);
});

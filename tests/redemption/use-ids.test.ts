import { expect, it } from 'vitest';
import { PromoCodeRepository } from '../../src/index';
import { intercepted } from '../support/intercepted';
import { useRepository } from '../support/repository';

const t = useRepository('use ids');
const { newCode, request, counts, schema } = t;

/** A pool on which reservations of ids wait for `gate`, and whether one was made. */
function gated(gate: () => Promise<unknown>) {
  const made: string[] = [];
  const pool = intercepted(t.pool, async (text, values, send) => {
    if (text.includes('reserve_promo_code_use_ids')) {
      made.push(text);
      await gate();
    }
    return send(text, values);
  });
  return { made, repository: new PromoCodeRepository(pool, { schema, retry: { attempts: 1 } }) };
}

it('are fetched ahead: nobody waits for them while some are left', async () => {
  const code = await newCode({ perCustomerLimit: null });
  let open = true;
  let openGate = () => {};
  const opened = new Promise<void>((resolve) => {
    openGate = resolve;
  });
  const { made, repository } = gated(async () => open || opened);
  await repository.redeem(request(code));
  open = false;
  for (let time = 1; time < 100; time += 1) await repository.redeem(request(code));
  expect(made).toHaveLength(2);
  const beyond = repository.redeem(request(code));
  openGate();
  expect(await beyond).toMatchObject({ ok: true });
  expect(await counts(code)).toMatchObject({ timesUsed: 101, uses: 101 });
});

it('that could not be fetched ahead are asked for by who needs them', async () => {
  const code = await newCode({ perCustomerLimit: null });
  let broken = false;
  const { made, repository } = gated(async () => {
    if (broken) throw new Error('no ids today');
  });
  await repository.redeem(request(code));
  broken = true;
  for (let time = 1; time < 100; time += 1) await repository.redeem(request(code));
  expect(made.length).toBeGreaterThan(1);
  await expect(repository.redeem(request(code))).rejects.toThrow('no ids today');
  broken = false;
  expect(await repository.redeem(request(code))).toMatchObject({ ok: true });
});

it('are given to one call each, however many come at once', async () => {
  const code = await newCode({ perCustomerLimit: null });
  const repository = new PromoCodeRepository(t.pool, { schema, batching: false });
  const results = await Promise.all([
    repository.redeemMany(Array.from({ length: 700 }, () => request(code))),
    ...Array.from({ length: 300 }, () => repository.redeem(request(code))),
  ]);
  expect(new Set(results.flat().map((result) => result.ok && result.use.id)).size).toBe(1_000);
});

import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it, vi } from 'vitest';
import { type PromoCode, PromoCodeRepository, type RepositoryOptions, ValidationError } from '../../src/index';
import { intercepted } from '../support/intercepted';
import { useRepository, waitingRedemption } from '../support/repository';

const t = useRepository('shared context');
const { newCode, request, schema } = t;

const tenant = new AsyncLocalStorage<string>();

/** A pool that notes in whose context each statement of the library runs. */
function watchedPool() {
  const seen: { tenant: string | undefined; customers: string }[] = [];
  const ids: (string | undefined)[] = [];
  const note = (text: string, values?: unknown[]) => {
    if (text.includes('reserve_promo_code_use_ids')) ids.push(tenant.getStore());
    else if (text.includes('.redeem_promo_code'))
      seen.push({ tenant: tenant.getStore(), customers: JSON.stringify(values) });
  };
  const pool = intercepted(t.pool, (text, values, send) => {
    note(text, values);
    return send(text, values);
  });
  return { ...pool, seen, ids };
}

async function holdLock(code: PromoCode): Promise<{ release(): Promise<unknown> }> {
  const holder = await t.client();
  await holder.query('BEGIN');
  await holder.query(t.expand('SELECT FROM :"schema".promo_codes WHERE id = $1 FOR NO KEY UPDATE'), [code.id]);
  return { release: () => holder.query('COMMIT') };
}

const as = (name: string, code: PromoCode, repository: PromoCodeRepository, place: number) =>
  tenant.run(name, () =>
    repository.redeem(request(code, { customerAddress: `${name}-${place}` })).then((result) => {
      // The caller goes on in a context of its own, whichever the statement ran in.
      expect(tenant.getStore()).toBe(name);
      return result;
    }),
  );

describe('statements that several callers share', () => {
  it('run in the context in which the repository was made, also those of a caller alone, and those that fetch ids', async () => {
    const pool = watchedPool();
    const repository = tenant.run('maker', () => new PromoCodeRepository(pool, { schema }));
    const code = await newCode({ perCustomerLimit: null });
    for (let time = 0; time < 60; time += 1) await as('a', code, repository, time);
    await Promise.all(['a', 'b', 'c'].map((name, place) => as(name, code, repository, place)));
    expect(pool.seen.length).toBeGreaterThan(60);
    expect(pool.ids.length).toBeGreaterThan(1);
    expect(new Set([...pool.seen.map((seen) => seen.tenant), ...pool.ids])).toEqual(new Set(['maker']));
  });

  it('with partitionBy hold callers of one answer, and run in the context of one of these', async () => {
    const pool = watchedPool();
    const options: RepositoryOptions = { schema, batching: { partitionBy: () => tenant.getStore() ?? '' } };
    const repository = tenant.run('maker', () => new PromoCodeRepository(pool, options));
    const code = await newCode({ perCustomerLimit: null });
    await as('a', code, repository, 0);
    const lock = await holdLock(code);
    const first = as('a', code, repository, 1);
    await waitingRedemption(t);
    const others = Array.from({ length: 30 }, (_, place) => as('abc'.charAt(place % 3), code, repository, place));
    await lock.release();
    for (const result of await Promise.all([first, ...others])) expect(result).toMatchObject({ ok: true });
    for (const { tenant: name, customers } of pool.seen) {
      const of = customers.match(/[abc](?=-\d+)/g);
      expect(of!.every((each) => each === name)).toBe(true);
    }
    // They do share statements, each tenant its own; and ids of one are not those of another.
    expect(pool.seen.length).toBeLessThan(15);
    expect(new Set(pool.ids)).toEqual(new Set(['a', 'b', 'c']));
    for (const name of 'abc') expect(pool.seen.some((seen) => seen.tenant === name)).toBe(true);
  });

  it('a partitionBy that throws, or does not answer with a string, fails its own caller', async () => {
    const partitionBy = () => {
      const name = tenant.getStore();
      if (name === 'none') throw new Error('no tenant here');
      return name as string;
    };
    const repository = new PromoCodeRepository(t.pool, { schema, batching: { partitionBy } });
    const code = await newCode();
    const outcomes = await Promise.all(
      ['a', 'none', 'b'].map((name, place) => as(name, code, repository, place).catch((error: unknown) => error)),
    );
    expect(outcomes[0]).toMatchObject({ ok: true });
    expect(outcomes[1]).toBeInstanceOf(ValidationError);
    expect(outcomes[1]).toMatchObject({ message: expect.stringMatching(/batching\.partitionBy.*no tenant here/) });
    expect(outcomes[2]).toMatchObject({ ok: true });
    await expect(repository.redeem(request(code))).rejects.toMatchObject({
      issues: [{ path: 'batching.partitionBy', received: 'undefined' }],
    });
    const asked = { schema, batching: { partitionBy: 'tenant' } } as unknown as RepositoryOptions;
    expect(() => new PromoCodeRepository(t.pool, asked)).toThrow(ValidationError);
  });
});

describe('timers that a test has faked', () => {
  it.each([
    ['by vitest', () => vi.useFakeTimers(), () => vi.useRealTimers()],
    ['by hand', () => vi.stubGlobal('setImmediate', () => undefined), () => vi.unstubAllGlobals()],
  ])('%s do not hang a code', async (_, fake, restore) => {
    const repository = new PromoCodeRepository(t.pool, { schema });
    const code = await newCode();
    await repository.redeem(request(code));
    fake();
    try {
      const together = await Promise.all([1, 2, 3].map(() => repository.redeem(request(code))));
      expect(together.map(({ ok }) => ok)).toEqual([true, true, true]);
      expect(await repository.redeem(request(code))).toMatchObject({ ok: true });
    } finally {
      restore();
    }
  });

  it('do not hang retries with pauses, and deadlines come', async () => {
    const code = await newCode();
    let isBroken = 4;
    const pool = intercepted(t.pool, (text, values, send) => {
      if (!text.includes('.redeem_promo_code') || isBroken === 0) return send(text, values);
      isBroken -= 1;
      return Promise.reject(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' }));
    });
    const repository = new PromoCodeRepository(pool, { schema, deadlineMs: 2_000 });
    vi.useFakeTimers();
    try {
      expect(await repository.redeem(request(code))).toMatchObject({ ok: true });
      isBroken = Number.POSITIVE_INFINITY;
      await expect(repository.redeem(request(code))).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    } finally {
      vi.useRealTimers();
    }
  });

  it('before the library was loaded do not hang it either', async () => {
    vi.useFakeTimers();
    vi.resetModules();
    try {
      const { PromoCodeRepository: Late } = await import('../../src/index');
      vi.useRealTimers();
      const code = await newCode();
      const repository = new Late(t.pool, { schema });
      await Promise.all([1, 2, 3].map(() => repository.redeem(request(code))));
      expect(await repository.redeem(request(code))).toMatchObject({ ok: true });
    } finally {
      vi.useRealTimers();
    }
  });
});

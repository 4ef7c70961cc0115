import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { type ConnectionPool, PromoCodeRepository } from '../../src/index';
import { hasOwnQuery } from '../../src/postgres/lease';
import { useRepository } from '../support/repository';

const t = useRepository('wrapped pools');
const { newCode, request, counts, schema } = t;

const isRedemption = (text: unknown) => /\.redeem_promo_code/.test(String(text));

/** A pool of the host's, whose `query` does something of its own with every statement. */
function withQuery(query: ConnectionPool['query']): ConnectionPool {
  return { connect: () => t.pool.connect(), query };
}

describe("a pool whose `query` is the host's own", () => {
  it('is asked through it for single statements, and through connect() for transactions', async () => {
    const seen: string[] = [];
    const pool = withQuery((text, values) => {
      seen.push(text);
      return t.pool.query(text, values);
    });
    const repository = new PromoCodeRepository(pool, { schema });
    const code = await newCode({ perCustomerLimit: null });
    expect(await repository.redeem(request(code))).toMatchObject({ ok: true });
    expect(await repository.redeem(request(code))).toMatchObject({ ok: true });
    expect(seen.filter(isRedemption)).toHaveLength(2);
    expect(await repository.deactivate(code.id)).toBeDefined();
    expect(seen.filter((text) => /^BEGIN|^UPDATE/.test(text))).toEqual([]);
  });

  it('is known by where its query comes from', () => {
    class Traced extends pg.Pool {
      override query = ((...statement: [string]) => super.query(...statement)) as unknown as pg.Pool['query'];
    }
    class Named extends pg.Pool {
      readonly name = 'shop';
    }
    expect(hasOwnQuery(new pg.Pool())).toBe(false);
    expect(hasOwnQuery(new Named())).toBe(false);
    expect(hasOwnQuery(new Traced())).toBe(true);
    expect(hasOwnQuery(Object.create(new pg.Pool()))).toBe(false);
    expect(hasOwnQuery(withQuery(t.pool.query.bind(t.pool)))).toBe(true);
  });

  it('makes one use when the connection breaks after the statement', async () => {
    let broken = 0;
    const pool = withQuery(async (text, values) => {
      const answer = await t.pool.query(text, values);
      if (!isRedemption(text) || broken === 2) return answer;
      broken += 1;
      throw Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' });
    });
    const repository = new PromoCodeRepository(pool, { schema });
    const code = await newCode({ perCustomerLimit: null });
    expect(await repository.redeem(request(code))).toMatchObject({ ok: true, replayed: false });
    expect(await counts(code)).toMatchObject({ timesUsed: 1, uses: 1 });
    expect(broken).toBeGreaterThan(0);
  });

  it('that gives no answer is waited for until the deadline', async () => {
    let isSilent = false;
    const pool = withQuery((text, values) => (isSilent ? new Promise(() => {}) : t.pool.query(text, values)));
    const repository = new PromoCodeRepository(pool, { schema, deadlineMs: 2_000 });
    const code = await newCode({ perCustomerLimit: null });
    expect(await repository.redeem(request(code))).toMatchObject({ ok: true });
    isSilent = true;
    await Promise.all([
      expect(repository.redeem(request(code))).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' }),
      expect(repository.findById(code.id)).rejects.toMatchObject({ code: 'TIMEOUT' }),
    ]);
  });

  it('that cannot connect says so', async () => {
    const nowhere = new pg.Pool({ host: '127.0.0.1', port: 1 });
    const pool = {
      connect: () => nowhere.connect(),
      query: (text: string, values?: unknown[]) => nowhere.query(text, values),
    };
    const repository = new PromoCodeRepository(pool, { schema, deadlineMs: 1_500 });
    await expect(repository.findById('1')).rejects.toMatchObject({ code: 'CONNECTION_FAILED' });
    await nowhere.end();
  });
});

import { spawn } from 'node:child_process';
import pg from 'pg';
import type { PromoCodeRepository, RepositoryOptions } from '../../src/index';
import { startProxy } from './proxy';

/** A network that loses one of the open connections every few milliseconds, and callers of one code behind it. */
export interface CutRun {
  url: string;
  schema: string;
  code: { code: string; shopId: string };
  callers: number;
  /** Milliseconds in which calls begin. */
  durationMs: number;
  /** Milliseconds from one cut to the next. */
  everyMs: number;
  /** Whether all open connections are cut each time, not one of them. */
  all?: boolean;
  /**
   * So many cuts at least, each after an answer: on a machine that is too busy for the pace no call would be answered. It takes
   * longer then.
   */
  leastCuts?: number;
  /** Processes that burn a processor each meanwhile. */
  burners: number;
  make(pool: pg.Pool, options: RepositoryOptions): PromoCodeRepository;
}

export interface CutFigures {
  calls: number;
  /** Calls that were answered, by the customer of each: the id of its use. */
  acknowledged: Map<string, string>;
  /** The codes of the errors of the others. */
  errors: Map<string, number>;
  cuts: number;
  /** Milliseconds that the slowest call took. */
  slowestMs: number;
}

const MORE_TIME_MS = 20_000;

export async function redeemUnderCuts(run: CutRun): Promise<CutFigures> {
  const proxy = await startProxy(run.url);
  const pool = new pg.Pool({ connectionString: proxy.url, max: 10 });
  pool.on('error', () => {});
  const repository = run.make(pool, { schema: run.schema });
  const figures: CutFigures = { calls: 0, acknowledged: new Map(), errors: new Map(), cuts: 0, slowestMs: 0 };
  // They end by themselves, should this process not live to end them.
  const burn = `const end = Date.now() + ${run.durationMs + MORE_TIME_MS}; while (Date.now() < end);`;
  const burners = Array.from({ length: run.burners }, () => spawn(process.execPath, ['-e', burn], { stdio: 'ignore' }));
  try {
    // One call beforehand: what a repository asks once is not what is looked at here.
    await repository.redeem({ ...run.code, customerAddress: 'before', baseReward: '1' });
    let answeredBefore = 0;
    const cutter = setInterval(() => {
      if (run.leastCuts !== undefined && figures.acknowledged.size === answeredBefore) return;
      answeredBefore = figures.acknowledged.size;
      if (run.all) proxy.cutAll();
      else proxy.cutOne(Math.random());
    }, run.everyMs);
    const until = performance.now() + run.durationMs;
    const isShort = () => proxy.cuts < (run.leastCuts ?? 0) && performance.now() < until + MORE_TIME_MS;
    const caller = async () => {
      while (performance.now() < until || isShort()) {
        figures.calls += 1;
        const customer = `customer-${figures.calls}`;
        const began = performance.now();
        try {
          const result = await repository.redeem({ ...run.code, customerAddress: customer, baseReward: '1' });
          if (!result.ok) throw new Error(result.reason);
          figures.acknowledged.set(customer, result.use.id);
        } catch (error) {
          const { code = String(error) } = error as { code?: string };
          figures.errors.set(code, (figures.errors.get(code) ?? 0) + 1);
        }
        figures.slowestMs = Math.max(figures.slowestMs, performance.now() - began);
      }
    };
    await Promise.all(Array.from({ length: run.callers }, caller)).finally(() => clearInterval(cutter));
    return { ...figures, cuts: proxy.cuts };
  } finally {
    for (const burner of burners) burner.kill('SIGKILL');
    await pool.end();
    await proxy.close();
  }
}

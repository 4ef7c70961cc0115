import fc from 'fast-check';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newCampaign } from '../campaigns/fixture';
import { eventually, isWhole, useSchema, waitUntilBlocked } from '../support';
import { type Counters, createHost, expectCounters, GRANULARITIES } from './host';
import { type ModelUses, type WriteKind, type WriteStep, writeOf } from './model';

const t = useSchema('property');

const CLIENTS = 3;
const CODES = 3;
/** Each kind of trigger gets so many milliseconds; the number of sequences is what fits. */
/** Also on a machine that is busy with other things. */
const FEWEST = 6;
const TIME_LIMIT_MS = isWhole ? 6_000 : 2_000;

type Step = { client: number } & (
  | ({ does: 'write' } & WriteStep)
  | { does: 'begin'; isolation: string }
  | { does: 'commit' | 'rollback' | 'savepoint' | 'rollback to savepoint' | 'fail' }
);

const kinds: WriteKind[] = ['insert', 'insert', 'select', 'amend', 'move', 'delete', 'upsert', 'replace', 'touch'];
kinds.push('join', 'join', 'leave');
if (t.version >= 15) kinds.push('merge');

const use = fc.record({ code: fc.integer({ min: 1, max: CODES }), cents: fc.option(fc.nat(1_000), { freq: 4 }) });
const client = fc.nat(CLIENTS - 1);
const write = fc.record({
  client,
  does: fc.constant('write' as const),
  kind: fc.constantFrom(...kinds),
  uses: fc.array(use, { minLength: 1, maxLength: 4 }),
  pick: fc.nat(2),
});
const begin = fc.record({
  client,
  does: fc.constant('begin' as const),
  isolation: fc.constantFrom('READ COMMITTED', 'READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE'),
});
const other = fc.record({
  client,
  does: fc.constantFrom('commit', 'commit', 'rollback', 'savepoint', 'rollback to savepoint', 'fail'),
} as const);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof({ arbitrary: write, weight: 6 }, { arbitrary: begin, weight: 3 }, { arbitrary: other, weight: 2 }),
  { minLength: 15, maxLength: 60 },
);

/** 40001: another was first. 40P01: row triggers lock in the order of the rows. PC009: the step that fails. */
const EXPECTED_ERRORS = ['40001', '40P01', 'PC009'];

/** A client, with what its uses are: as committed, as its transaction has them, and as its savepoint would. */
class Actor {
  committed: ModelUses = new Map();
  open: ModelUses | undefined;
  private saved: ModelUses | undefined;
  /** Whether a step is under way. */
  busy = false;
  /** What no step should meet. */
  fault: unknown;

  constructor(
    readonly client: pg.Client,
    private readonly nextId: () => number,
  ) {}

  async start(step: Step): Promise<void> {
    this.busy = true;
    await this.run(step).catch((error) => {
      this.fault ??= error;
    });
    this.busy = false;
  }

  /** To a state without uses and without a transaction. */
  reset(): void {
    this.committed = new Map();
    this.open = undefined;
    this.saved = undefined;
    this.fault = undefined;
  }

  /** What the server refuses takes the whole transaction with it. */
  private async run(step: Step): Promise<void> {
    if (step.does === 'write') {
      const { sql, after } = writeOf(step, this.open ?? this.committed, this.nextId);
      if (!(await this.query(sql))) return this.end('rollback');
      if (this.open) this.open = after;
      else this.committed = after;
    } else if (step.does === 'begin') {
      if (this.open) return;
      this.open = this.committed;
      await this.query(`BEGIN ISOLATION LEVEL ${step.isolation}`);
    } else if (step.does === 'commit' || step.does === 'rollback') {
      await this.end(step.does);
    } else if (this.open && step.does === 'savepoint') {
      this.saved = this.open;
      await this.query('SAVEPOINT s');
    } else if (this.open && this.saved) {
      this.open = this.saved;
      if (step.does === 'fail') await this.query(`DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = 'PC009'; END $$`);
      await this.query('ROLLBACK TO SAVEPOINT s');
    }
  }

  private async end(how: 'commit' | 'rollback'): Promise<void> {
    const { open } = this;
    this.open = undefined;
    this.saved = undefined;
    if ((await this.query(how)) && how === 'commit' && open) this.committed = open;
  }

  private async query(text: string): Promise<boolean> {
    try {
      await this.client.query(t.expand(text));
      return true;
    } catch (error) {
      if (EXPECTED_ERRORS.includes(String((error as { code?: string }).code))) return false;
      throw error;
    }
  }
}

describe.each(GRANULARITIES)('any sequence of statements (%s triggers)', (granularity) => {
  const actors: Actor[] = [];
  let lastId = 0;
  const nextId = () => {
    lastId += 1;
    return lastId;
  };

  beforeAll(async () => {
    await createHost(t, { granularity });
    for (let campaign = 1; campaign <= 2; campaign += 1) await newCampaign(t);
    for (let index = 0; index < CLIENTS; index += 1) {
      const connection = await t.client();
      await connection.query(`SET deadlock_timeout = '20ms'`);
      actors.push(new Actor(connection, nextId));
    }
  });

  afterAll(() => Promise.all(actors.map((actor) => actor.client.end())));

  /** Waits until nothing is under way but what waits for a lock of another client. */
  const settle = () =>
    eventually(
      async () => {
        for (const actor of actors) if (actor.busy) await waitUntilBlocked(t.pool, actor.client, { timeoutMs: 0 });
      },
      { intervalMs: 1 },
    );

  const clear = async () => {
    await Promise.all(actors.map((actor) => actor.client.query('ROLLBACK')));
    await t.sql('DELETE FROM :"schema".promo_code_uses; DELETE FROM :"library".promo_code_campaign_codes');
    for (const actor of actors) actor.reset();
  };

  it('by several clients leaves the counters that a simple model has, and no drift of codes or campaigns', {
    timeout: 60_000,
  }, async () => {
    let sequences = 0;
    const deadline = performance.now() + TIME_LIMIT_MS;
    const property = fc.asyncProperty(steps, async (sequence) => {
      if (performance.now() > deadline && sequences >= FEWEST) return;
      sequences += 1;
      await clear();
      await expectCounters(t, {});
      const running: Promise<void>[] = [];
      for (const step of sequence) {
        const actor = actors[step.client]!;
        // A client that waits cannot do anything else.
        if (actor.busy) continue;
        running.push(actor.start(step));
        await settle();
      }
      while (actors.some(({ busy, open }) => busy || open)) {
        for (const [index, actor] of actors.entries()) {
          if (!actor.busy && actor.open) running.push(actor.start({ client: index, does: 'commit' }));
        }
        await settle();
      }
      await Promise.all(running);
      expect(actors.map(({ fault }) => fault).filter(Boolean)).toEqual([]);
      await expectCounters(t, countersOf(actors.map(({ committed }) => committed)));
    });
    // A failure prints the seed and the shortest sequence that still fails.
    await fc.assert(property, { numRuns: 1_000 });
    expect(sequences).toBeGreaterThanOrEqual(FEWEST);
  });
});

function countersOf(models: readonly ModelUses[]): Counters {
  const sums = new Map<number, { uses: number; cents: number }>();
  for (const { code, cents } of models.flatMap((model) => [...model.values()])) {
    const { uses, cents: sum } = sums.get(code) ?? { uses: 0, cents: 0 };
    sums.set(code, { uses: uses + 1, cents: sum + (cents ?? 0) });
  }
  return Object.fromEntries(
    [...sums].map(([code, { uses, cents }]) => [code, [uses, (cents / 100).toFixed(2)] as [number, string]]),
  );
}

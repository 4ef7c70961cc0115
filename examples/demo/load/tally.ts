import { OPERATIONS, type Operation } from './operations';

/** What was done, and what came of it. */
export class Tally {
  /** Backends ended by pg_terminate_backend. */
  terminated = 0;
  /** Those of them that had written something in their transaction. */
  terminatedWriting = 0;
  /** Milliseconds in which the server recovered from its crash, where there was one. */
  recoveryMs: number | undefined;
  /** Connections that somebody found broken, by pg_terminate_backend or by the crash. */
  connectionsLost = 0;
  /** Uses of a code that was deleted at that moment: the foreign key refused them. */
  refused = 0;
  deadlocks = 0;
  readonly #checks = new Map<string, number>();
  readonly #done = new Map(OPERATIONS.map((operation) => [operation, { times: 0, uses: 0 }]));

  record(operation: Operation, uses: number): void {
    const sum = this.of(operation);
    sum.times += 1;
    sum.uses += uses;
  }

  of(operation: Operation): { times: number; uses: number } {
    return this.#done.get(operation)!;
  }

  get total(): { times: number; uses: number } {
    const sums = [...this.#done.values()];
    return { times: sumOf(sums.map(({ times }) => times)), uses: sumOf(sums.map(({ uses }) => uses)) };
  }

  recordTermination(writing: boolean): void {
    this.terminated += 1;
    if (writing) this.terminatedWriting += 1;
  }

  recordCheck(name: string): void {
    this.#checks.set(name, this.checksBy(name) + 1);
  }

  /** How often drift was looked for in this way. */
  checksBy(name: string): number {
    return this.#checks.get(name) ?? 0;
  }

  get checkCount(): number {
    return sumOf([...this.#checks.values()]);
  }
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}

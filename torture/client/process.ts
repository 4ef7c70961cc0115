import type pg from 'pg';
import type { CallArgs, CallKind, CallResult, Fate, Log, LoggedError } from '../log.js';
import { DEADLINE_MS, HOST_LIMIT_MS } from '../settings.js';
import { Standstill } from './standstill.js';
import type { Subject } from './subject.js';

/** A transaction of the host that a call is a part of. */
export interface HostTransaction {
  readonly id: string;
  readonly client: pg.PoolClient;
}

/** Makes calls and writes down each before and after. */
export class Process {
  readonly name: string;
  readonly #subject: Subject;
  readonly #hostPool: pg.Pool;
  readonly #log: Log;
  readonly #standstill = new Standstill();
  #calls = 0;
  #transactions = 0;

  constructor(name: string, subject: Subject, hostPool: pg.Pool, log: Log) {
    this.name = name;
    this.#subject = subject;
    this.#hostPool = hostPool;
    this.#log = log;
  }

  offers(kind: CallKind): boolean {
    return this.#subject[kind] !== undefined;
  }

  /** @returns nothing when it failed */
  async call(
    kind: CallKind,
    argsOf: (id: string) => CallArgs,
    transaction?: HostTransaction,
  ): Promise<CallResult | undefined> {
    this.#calls += 1;
    const id = `${this.name}.${this.#calls}`;
    const args = argsOf(id);
    const tx = transaction && { tx: transaction.id };
    const limitMs = transaction ? HOST_LIMIT_MS : limitOf(kind);
    this.#log.write({ t: 'begin', id, at: Date.now(), kind, args, limitMs, ...tx });
    const stoodBefore = this.#standstill.total();
    const end = () => ({ t: 'end', id, at: Date.now(), stoodMs: this.#standstill.total() - stoodBefore }) as const;
    try {
      const result = await this.#subject[kind]!(args, transaction?.client);
      this.#log.write({ ...end(), result });
      return result;
    } catch (error) {
      this.#log.write({ ...end(), error: describe(error) });
      return undefined;
    }
  }

  /**
   * Runs `work` in a transaction of the host and commits where it answers `true`. The host closes a connection that has not
   * come to an end in its time, as any host must that knows its network.
   */
  async inHostTransaction(work: (transaction: HostTransaction) => Promise<boolean>): Promise<Fate> {
    const client = await this.#hostPool.connect().catch(() => undefined);
    if (!client) return 'rolled_back';
    const tooLong = setTimeout(() => destroy(client), HOST_LIMIT_MS);
    this.#transactions += 1;
    const id = `${this.name}.t${this.#transactions}`;
    const { fate, isBroken } = await run({ id, client }, work);
    clearTimeout(tooLong);
    this.#log.write({ t: 'fate', tx: id, at: Date.now(), fate });
    client.release(isBroken);
    return fate;
  }
}

function destroy(client: pg.PoolClient): void {
  (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
}

async function run(
  transaction: HostTransaction,
  work: (transaction: HostTransaction) => Promise<boolean>,
): Promise<{ fate: Fate; isBroken: boolean }> {
  const { client } = transaction;
  try {
    await client.query('BEGIN');
    if (!(await work(transaction))) {
      await client.query('ROLLBACK');
      return { fate: 'rolled_back', isBroken: false };
    }
  } catch {
    // COMMIT was never sent.
    return { fate: 'rolled_back', isBroken: true };
  }
  try {
    // The server answers the COMMIT of a transaction that had failed with ROLLBACK.
    const { command } = await client.query('COMMIT');
    return { fate: command === 'COMMIT' ? 'committed' : 'rolled_back', isBroken: false };
  } catch (error) {
    return { fate: isRefused(error) ? 'rolled_back' : 'unknown', isBroken: true };
  }
}

function limitOf(kind: CallKind): number {
  // These have no deadline in the contract; the pool that they work on gives up, statement by statement.
  return kind === 'checkDrift' || kind === 'repairDrift' || kind === 'installTriggers' ? 60_000 : DEADLINE_MS;
}

/** Whether the server said no, and did not just end the connection. */
function isRefused(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && !/^(08|57P|EPIPE)/.test(code);
}

function describe(error: unknown): LoggedError {
  if (!(error instanceof Error)) return { class: 'not an error', code: '', message: String(error) };
  const { code, sqlState } = error as { code?: unknown; sqlState?: unknown };
  return {
    class: error.name,
    code: typeof code === 'string' ? code : '',
    ...(typeof sqlState === 'string' && { sqlState }),
    message: error.message.slice(0, 300),
  };
}

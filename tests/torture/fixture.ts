import { afterAll, beforeAll } from 'vitest';
import { installSchema } from '../../src/index';
import { check, type Findings, type Verdict } from '../../torture/checker/check';
import { findBreaches, readRows } from '../../torture/checker/rows';
import type { Rule } from '../../torture/checker/violation';
import { librarySubject } from '../../torture/client/library';
import { Process } from '../../torture/client/process';
import { allHostCodes, createHost, SHOP } from '../../torture/host';
import { type CallArgs, type CallKind, type CallResult, History, type Request } from '../../torture/log';
import { type TestSchema, useSchema } from '../support';

type Pg = Awaited<ReturnType<TestSchema['client']>>;

/** A bug that is put into what a run left. */
interface Bug {
  /** In SQL, undone afterwards. `:"schema"` is the schema, `:"library"` that of the library. */
  sql?: string;
  values?: unknown[];
  /** Triggers do not fire for it: for a write that the library knows nothing of. */
  behindTriggers?: boolean;
  /** What the processes wrote down. */
  log?: (history: History) => void;
  /** What else was found. */
  findings?: Partial<Findings>;
}

/** A host with the library, client processes in this process, and the checker over both. */
export interface Torture extends TestSchema {
  readonly history: History;
  readonly process: Process;
  /** Another process on the same host. */
  newProcess(name: string, history: History): Process;
  /** Makes a call that has to succeed, and gives its id and what was answered. */
  done(kind: CallKind, argsOf: (id: string) => CallArgs): Promise<{ id: string; result: CallResult }>;
  /** A redemption of a code, and the use that was made. */
  use(
    code: string,
    customer: string,
    more?: Partial<Request>,
  ): Promise<{ call: string; useId: string; origin: string }>;
  /** What the checker says when this bug is there. */
  verdictWith(bug: Bug, history?: History): Promise<Verdict>;
  /** The rules that are broken with this bug. */
  brokenBy(bug: Bug): Promise<Rule[]>;
}

export function useTorture(label: string): Torture {
  const t = useSchema(label);
  const history = new History();
  const pools = { main: t.pool, host: t.pool, patient: t.pool };
  const newProcess = (name: string, of: History) =>
    new Process(name, librarySubject(pools, t.schema), t.pool, { write: (line) => of.add(name, line) });
  const own = newProcess('1.1', history);
  let client: Pg;
  beforeAll(async () => {
    client = await t.client();
    await createHost(client, 'library', t.schema, (schema) => installSchema(t.pool, { schema }));
  });
  afterAll(() => client.end());

  const done: Torture['done'] = async (kind, argsOf) => {
    let id = '';
    const result = await own.call(kind, (given) => {
      id = given;
      return argsOf(given);
    });
    if (!result) throw new Error(`${kind} failed: ${JSON.stringify(history.calls.get(id)?.error)}`);
    return { id, result };
  };

  const verdictWith: Torture['verdictWith'] = async (bug, of = history) => {
    const seen = copyOf(of);
    bug.log?.(seen);
    await client.query('BEGIN');
    try {
      if (bug.behindTriggers) await client.query('SET LOCAL session_replication_role = replica');
      if (bug.sql !== undefined) await client.query(t.expand(bug.sql), bug.values);
      const breaches = (await findBreaches(client, t.schema)).map((breach) => ({ ...breach, at: Date.now() }));
      const rows = await readRows(client, t.schema);
      const rest = { ends: [], dueWereReleased: false, lastFault: undefined, hostCodes: allHostCodes };
      return check({ history: seen, rows, breaches, ...rest, ...bug.findings });
    } finally {
      await client.query('ROLLBACK');
    }
  };

  return {
    ...t,
    history,
    process: own,
    newProcess,
    done,
    async use(code, customer, more = {}) {
      const kind = more.ttlSeconds === undefined ? 'redeem' : 'reserve';
      const { id, result } = await done(kind, (call) => ({
        requests: [{ origin: call, code, shop: SHOP, customer, base: '10.00', ...more }],
      }));
      const use = result.answers?.[0]?.use;
      if (!use) throw new Error(`${code} was refused: ${result.answers?.[0]?.reason}`);
      return { call: id, useId: use.id, origin: more.origin ?? id };
    },
    verdictWith,
    brokenBy: async (bug) => [...new Set((await verdictWith(bug)).violations.map(({ rule }) => rule))].sort(),
  };
}

/** So that a bug in the log stays in the test that put it there. */
function copyOf(history: History): History {
  const copy = new History();
  for (const [id, call] of history.calls) copy.calls.set(id, structuredClone(call));
  for (const [id, fate] of history.fates) copy.fates.set(id, fate);
  for (const name of history.stopped) copy.stopped.add(name);
  return copy;
}

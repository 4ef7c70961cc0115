import type pg from 'pg';
import { type Comparison, compare, type Panel } from '../comparison.js';
import { count } from '../format.js';
import { designNames, freshHost, requireTrueCounters } from '../host.js';
import { alternate, type Contender, type Role } from '../side-by-side.js';
import type { Workbench } from '../workbench.js';
import type { Workload } from './workload.js';

const CLIENTS = [1, 8];
const CODES = [1, 1_000];
/** A number without a common divisor with the number of codes spreads the inserts over all of them. */
const STRIDE = 7_919;

const panel: Panel = { title: 'Single-row inserts, one transaction each', unit: '/s' };

const nameOf = (clients: number, codes: number) => `single-insert-${clients}-clients-${codes}-codes`;

/** Single-row inserts, each its own transaction, as an application without the library's repository writes them. */
export const singleInsert: Workload = {
  names: ['single-insert', ...CLIENTS.flatMap((clients) => CODES.map((codes) => nameOf(clients, codes)))],
  async run(bench) {
    const clients = await bench.connect(Math.max(...CLIENTS));
    const comparisons: Comparison[] = [];
    for (const size of CLIENTS) {
      for (const codes of CODES) comparisons.push(await measure(bench, clients.slice(0, size), codes));
    }
    return comparisons;
  },
};

async function measure(bench: Workbench, clients: pg.Client[], codes: number): Promise<Comparison> {
  // Many short rounds: a neighbour on the machine that becomes busy for a second then disturbs all designs alike.
  const [rounds, durationMs] = bench.quick ? [12, 100] : [80, 250];
  const who = `${clients.length} ${clients.length === 1 ? 'client' : 'clients'}`;
  const which = `${count(codes)} ${codes === 1 ? 'code' : 'codes'}`;
  bench.progress(`single-insert: ${rounds} rounds of ${durationMs} ms, ${who}, ${which}`);
  const hosts: Host[] = [];
  for (const design of ['plain', 'ours', 'seed'] as const) {
    // A thousand codes are there even when only one is used, so that the tables are the same.
    const schema = await freshHost(bench, { design, codes: Math.max(...CODES) });
    await bench.settle(schema);
    hosts.push({ design, schema });
  }
  const samples = await alternate(
    hosts.map((host) => insertsOf(host, { clients, codes, durationMs })),
    rounds,
  );
  for (const { design, schema } of hosts) if (design !== 'plain') await requireTrueCounters(bench, schema);
  return compare(
    {
      name: nameOf(clients.length, codes),
      shortName: `${who}, ${which}`,
      what: `${who} insert single uses of ${which} for ${durationMs} ms`,
      panel,
      reference: 'seed',
      labels: designNames,
      goal: { direction: 'at least', limit: 0.85 },
    },
    samples,
  );
}

interface Host {
  design: Role;
  schema: string;
}

interface Load {
  clients: pg.Client[];
  codes: number;
  durationMs: number;
}

/** The tables grow from round to round, by a few thousand rows in all, and so they do in every design. */
function insertsOf({ design, schema }: Host, { clients, codes, durationMs }: Load): Contender<number> {
  return {
    role: design,
    async round() {
      const start = performance.now();
      const inserted = await Promise.all(
        clients.map((client, turn) => insertUntil(client, schema, codes, turn, start + durationMs)),
      );
      const seconds = (performance.now() - start) / 1_000;
      return inserted.reduce((sum, rows) => sum + rows, 0) / seconds;
    },
  };
}

/** Inserts one use after the other until that time, but at least one. Gives their number. */
async function insertUntil(
  client: pg.Client,
  schema: string,
  codes: number,
  turn: number,
  until: number,
): Promise<number> {
  const text = `INSERT INTO ${schema}.promo_code_uses
                  (promo_code_id, customer_address, shop_id, base_reward, bonus_amount, total_reward)
                VALUES ($1, $2, $3, $4, $5, $6)`;
  let rows = 0;
  do {
    const code = 1 + (((rows + turn * 131) * STRIDE) % codes);
    await client.query(text, [code, `customer-${turn}-${rows}`, 'shop', '10', '5', '15']);
    rows += 1;
  } while (performance.now() < until);
  return rows;
}

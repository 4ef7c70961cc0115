import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Comparison } from './comparison.js';
import { readConfiguration } from './configuration.js';
import { endLoads } from './redemption/load.js';
import { type Report, terminalText, writeReport } from './report.js';
import { openWorkbench, type Workbench } from './workbench.js';
import { bigDrift } from './workloads/big-drift.js';
import { bulk } from './workloads/bulk.js';
import { campaigns } from './workloads/campaigns.js';
import { drift } from './workloads/drift.js';
import { guessing } from './workloads/guessing.js';
import { history } from './workloads/history.js';
import { partitions } from './workloads/partitions.js';
import { previews } from './workloads/previews.js';
import { redemption } from './workloads/redemption.js';
import { singleInsert } from './workloads/single-insert.js';
import { unchangedInstall } from './workloads/unchanged-install.js';
import type { Workload } from './workloads/workload.js';

interface WorkloadSet {
  name: string;
  title: string;
  notes: readonly string[];
  workloads: readonly Workload[];
}

/** Each set has its own files of results. */
const sets: readonly WorkloadSet[] = [
  {
    name: 'counters',
    title: 'What true counters cost',
    notes: [
      'The designs take turns, round by round, in rotated order; a first round is not counted. A ratio is the median of the ratios of single rounds, and the middle half of them lies in the range beside it.',
      'Before each round its tables are made anew or brought into the same state, vacuumed and analysed, and a checkpoint is done; autovacuum is off for them.',
      'Every design has the foreign key and the indexes of the host. The time of the row triggers for one statement grows with the square of its rows.',
      'The bare aggregate is SELECT promo_code_id, count(*), sum(bonus_amount) … GROUP BY 1, whose rows stay on the server.',
      "The seed's UPDATE writes every code and is not exact while others write; repairDrift locks and writes those that differ.",
    ],
    workloads: [bulk, singleInsert, drift, bigDrift, unchangedInstall],
  },
  {
    name: 'redemption',
    title: 'How many can redeem at once',
    notes: [
      'Callers ask again as soon as they have their answer. The designs take turns, round by round, in rotated order, each after a checkpoint; a first round is not counted, nor are the first 0.3 s of each (0.1 s with --quick). A ratio is the median of the ratios of single rounds.',
      'All designs have the same tables and indexes, and a pool of 10 connections in each process, the default of pg. Customers are new ones with a limit of one use each; the codes have no total limit.',
      'Every process that brings load is one of its own, on the same machine as the server. Latencies are those of an HDR histogram, over all callers of a round.',
      "The seed's design: BEGIN, SELECT … FOR UPDATE, count, INSERT with a row trigger, COMMIT. Counted on read: the same without triggers, with the uses of the code counted. Optimistic locking: the counter is the version; who finds it changed begins anew.",
      'Bare rows, inserts and updates check and count nothing: they bound what any design can reach on this server.',
      'The delay of 1 ms is added to every message to the server by a proxy.',
    ],
    workloads: [redemption],
  },
  {
    name: 'previews',
    title: 'How many can preview at once',
    notes: [
      'The loads take turns, round by round, in rotated order, each after a checkpoint; a first round is not counted. A ratio is the median of the ratios of single rounds.',
      'Calls of validate() with a pool of 10 connections, for customers who have not used the code and are limited to one use. A statement each: with batching: false, as every preview was sent before they shared statements.',
    ],
    workloads: [previews],
  },
  {
    name: 'history',
    title: 'What a history costs',
    notes: [
      'The same load on the same tables, in turns, round by round, in rotated order, each after a checkpoint; a first round is not counted. A ratio is the median of the ratios of single rounds.',
      'Every redemption adds one record, with what the use is since, to a table with four indexes.',
    ],
    workloads: [history],
  },
  {
    name: 'campaigns',
    title: 'What shared limits cost',
    notes: [
      'The loads take turns, round by round, in rotated order, each after a checkpoint; a first round is not counted. A ratio is the median of the ratios of single rounds.',
      'The campaign has a limit over all its codes and one per customer, and the index by which customers are counted; the one code has a limit per customer.',
      'Five round trips: BEGIN, the code, SELECT … FOR UPDATE of a row of the campaign, count, INSERT and counting, COMMIT; the counters of the codes are kept by row triggers.',
    ],
    workloads: [campaigns],
  },
  {
    name: 'guessing',
    title: 'What the time of an answer tells a guesser',
    notes: [
      'One caller asks for a code that is not there, and for one that cannot be used, in turns, round by round, in rotated order; a first round is not counted. The figure of a round is the median of its calls. A ratio is the median of the ratios of single rounds.',
      'With uniformRefusals; a code that is used up is named as such whatever its time.',
    ],
    workloads: [guessing],
  },
  {
    name: 'partitions',
    title: 'What partitions cost',
    notes: [
      'The tables take turns, round by round, in rotated order, each after a checkpoint; a first round is not counted. A ratio is the median of the ratios of single rounds.',
      'All have 500,000 uses of 1,000 codes before the load begins (100,000 with --quick), 64 partitions where they are partitioned, and the same indexes. The load is on one code, whose customers are new ones with a limit of one use each.',
      'Partitioned by hash: PRIMARY KEY (promo_code_id, id), which keeps an id from coming twice for a code. By time: PRIMARY KEY (id, used_at), so that each redemption looks for its id, and for the uses of its customer, in all partitions.',
    ],
    workloads: [partitions],
  },
];

const HELP = `npm run bench -- [options]

  --quick        smaller tables and fewer rounds, less than two minutes; writes no files
  --only name    one set (${sets.map(({ name }) => name).join(', ')}) or one workload; writes no files unless it is a set. Workloads:
                 ${sets.flatMap(({ workloads }) => workloads.flatMap(({ names }) => names.slice(0, 2))).join(', ')}
  --url url      measure on this server, in schemas that are dropped afterwards; default: a server that is started
  --out folder   write the files of results there; default: bench/results for a full run
  --strict       end with exit code 1 when a goal was missed
  --help
`;

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    url: { type: 'string' },
    out: { type: 'string' },
    strict: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (options.help) {
  process.stdout.write(HELP);
} else {
  await main();
}

async function main(): Promise<void> {
  const chosen = chooseSets(options.only);
  const bench = await openWorkbench({ url: options.url, quick: options.quick });
  let interrupted = false;
  const interrupt = (signal: NodeJS.Signals) => {
    if (!interrupted) process.stderr.write(`Interrupted by ${signal}; tidying up.\n`);
    interrupted = true;
    endLoads();
    void bench.close().finally(() => process.exit(130));
  };
  // Not once: a wrapper may pass the same Ctrl-C on a second time, which would end the program before it has tidied up.
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  try {
    for (const set of chosen) await runSet(bench, set);
  } catch (error) {
    // Tidying up ends the connections under the running statements, and their errors are no news then.
    if (!interrupted) throw error;
  } finally {
    await bench.close();
  }
}

function chooseSets(only: string | undefined): WorkloadSet[] {
  const chosen = sets
    .map((set) => ({
      ...set,
      workloads: set.workloads.filter(({ names }) => only === undefined || only === set.name || names.includes(only)),
    }))
    .filter(({ workloads }) => workloads.length > 0);
  if (chosen.length > 0) return chosen;
  process.stderr.write(`There is no benchmark called ${only}.\n\n${HELP}`);
  process.exit(2);
}

/** The one comparison of a workload that `--only` names. */
function chosenWithin({ names }: Workload): string | undefined {
  return options.only !== undefined && names.slice(1).includes(options.only) ? options.only : undefined;
}

async function runSet(bench: Workbench, { name, title, notes, workloads }: WorkloadSet): Promise<void> {
  const configuration = await readConfiguration(bench);
  const comparisons: Comparison[] = [];
  for (const workload of workloads) comparisons.push(...(await workload.run(bench, chosenWithin(workload))));
  if (!bench.checkpoints()) configuration.checkpoints = 'not between the rounds: this role may not run CHECKPOINT';

  const report: Report = { set: name, title, configuration, notes, comparisons };
  process.stdout.write(`\n${terminalText(report)}\n`);
  const isWhole = !bench.quick && (options.only === undefined || options.only === name);
  const folder = options.out ?? (isWhole ? fileURLToPath(new URL('./results', import.meta.url)) : undefined);
  if (folder !== undefined) {
    writeReport(folder, report);
    process.stdout.write(
      `\nWritten: ${name}.json, ${name}.svg and ${name}.md in ${path.relative('.', folder) || '.'}\n`,
    );
  }
  if (options.strict && comparisons.some(({ goals }) => goals.some(({ reached }) => !reached))) process.exitCode = 1;
}

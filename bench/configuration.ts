import { cpus, loadavg, totalmem } from 'node:os';
import type { Workbench } from './workbench.js';

/** What the figures depend on, in the order in which it is shown. It names no machine and no folder. */
export type Configuration = Record<string, string>;

const SETTINGS = [
  'fsync',
  'synchronous_commit',
  'full_page_writes',
  'wal_level',
  'shared_buffers',
  'work_mem',
  'max_parallel_workers_per_gather',
  'jit',
];

export async function readConfiguration({ client, quick }: Workbench): Promise<Configuration> {
  const { rows } = await client.query<{ name: string; value: string }>(
    'SELECT name, current_setting(name) AS value FROM unnest($1::text[]) AS name',
    [['server_version', ...SETTINGS]],
  );
  const setting = (wanted: string) => rows.find(({ name }) => name === wanted)!.value;
  const processors = cpus();
  return {
    date: new Date().toISOString().slice(0, 10),
    mode: quick ? 'quick' : 'full',
    PostgreSQL: setting('server_version'),
    ...Object.fromEntries(SETTINGS.map((name) => [name, setting(name)])),
    'Node.js': process.versions.node,
    CPU: `${processors[0]?.model ?? 'unknown'}, ${processors.length} cores`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    // Says how busy the machine already was, which the spread of the figures reflects.
    'load average at the start': loadavg()[0]!.toFixed(1),
  };
}

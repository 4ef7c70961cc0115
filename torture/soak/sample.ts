import v8 from 'node:v8';
import vm from 'node:vm';
import type pg from 'pg';

/** The tables that are watched, by what they are called in the figures. */
export const WATCHED = ['codes', 'campaigns', 'uses', 'keys', 'holds', 'limits'] as const;
export type Watched = (typeof WATCHED)[number];

/** What a table has come to. The counts of updates are since its creation. */
export interface TableFigures {
  rows: number;
  /** Versions of rows that no vacuum has removed yet. */
  dead: number;
  /** With its indexes. */
  bytes: number;
  updates: number;
  /** Those that wrote no index. */
  hot: number;
}

/** What was seen at one moment, and since the sample before. */
export interface Sample {
  /** Since the callers began. */
  atMs: number;
  /** Calls that were answered in a second. */
  rate: number;
  /** The longest of them. */
  longestMs: number;
  /** After a full garbage collection. */
  heapBytes: number;
  rssBytes: number;
  tables: Record<Watched, TableFigures>;
  /** Codes and campaigns whose counters differ from their uses. */
  drifted: number;
}

/** The names of the tables in SQL. */
export type TableNames = Record<Watched, string>;

export async function readTables(client: pg.ClientBase, names: TableNames): Promise<Sample['tables']> {
  const { rows } = await client.query<{ name: Watched } & Record<keyof TableFigures, string>>(
    `SELECT w.name, pg_total_relation_size(w.of) AS bytes, coalesce(s.n_dead_tup, 0) AS dead, coalesce(s.n_tup_upd, 0) AS updates,
            coalesce(s.n_tup_hot_upd, 0) AS hot,
            (xpath('/row/n/text()', query_to_xml('SELECT count(*) AS n FROM ' || w.of, false, true, '')))[1]::text AS rows
       FROM (SELECT name, of::regclass FROM unnest($1::text[], $2::text[]) AS w(name, of)) AS w
       LEFT JOIN pg_stat_user_tables AS s ON s.relid = w.of`,
    [WATCHED, WATCHED.map((name) => names[name])],
  );
  return Object.fromEntries(
    rows.map(({ name, ...figures }) => [
      name,
      Object.fromEntries(Object.entries(figures).map(([figure, value]) => [figure, Number(value)])),
    ]),
  ) as unknown as Sample['tables'];
}

let collect: (() => void) | undefined;

/** What is still held when everything that could be collected has been. */
export function heldMemory(): Pick<Sample, 'heapBytes' | 'rssBytes'> {
  if (!collect) {
    v8.setFlagsFromString('--expose-gc');
    collect = vm.runInNewContext('gc') as () => void;
  }
  collect();
  const { heapUsed, rss } = process.memoryUsage();
  return { heapBytes: heapUsed, rssBytes: rss };
}

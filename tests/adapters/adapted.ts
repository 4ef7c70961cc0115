import pg from 'pg';
import type { ClientLike } from '../../src/adapters/index';

export type Isolation = 'repeatable read' | 'serializable';

/** A transaction of a library, as a host has it in hand. */
export interface HostTransaction {
  /** What the adapter makes of it. */
  adapt(): ClientLike;
  /** A statement of the host's own, by the library's own means. */
  run(text: string): Promise<unknown>;
}

type Transact = <Result>(
  work: (transaction: HostTransaction) => Promise<Result>,
  isolation?: Isolation,
) => Promise<Result>;

/** A library, connected to the database of the test and set up as its users do. */
export interface Adapted {
  /** Commits when the work is done, and rolls back when it throws. */
  transaction: Transact;
  close(): Promise<unknown>;
}

/** What hosts set on node-postgres so that they get numbers, and dates as texts. */
export const parsers = {
  getTypeParser: ((oid: number, format: 'text') => {
    if ([20, 700, 701, 1700].includes(oid)) return Number;
    if ([1082, 1114, 1184].includes(oid)) return (text: string) => text;
    return pg.types.getTypeParser(oid, format);
  }) as typeof pg.types.getTypeParser,
};

/** A name as libraries that rename columns write it. */
export const camelCase = (name: string): string =>
  name.replace(/_([a-z0-9])/g, (_, next: string) => next.toUpperCase());

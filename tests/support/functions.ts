import {
  assertNoDrift,
  type ClientLike,
  type ConnectionPool,
  checkDrift,
  inspectTriggers,
  installSchema,
  installTriggers,
  repairDrift,
  streamDrift,
  uninstallTriggers,
} from '../../src/index';

/** A call of a function that takes a database, by its name. */
export type FunctionCall = [name: string, run: (db: ConnectionPool | ClientLike, schema: string) => Promise<unknown>];

/** Those that want tables which are there. */
export const ON_TABLES: FunctionCall[] = [
  ['installTriggers', (db, schema) => installTriggers(db, { schema })],
  ['inspectTriggers', (db, schema) => inspectTriggers(db, { schema })],
  ['checkDrift', (db, schema) => checkDrift(db, { schema })],
  ['streamDrift', (db, schema) => streamDrift(db, { schema }).next()],
  ['repairDrift', (db, schema) => repairDrift(db, { schema })],
  ['assertNoDrift', (db, schema) => assertNoDrift(db, { schema })],
];

export const INSTALL_SCHEMA: FunctionCall = ['installSchema', (db, schema) => installSchema(db, { schema })];
export const UNINSTALL: FunctionCall = ['uninstallTriggers', (db, schema) => uninstallTriggers(db, { schema })];

import { afterAll, beforeAll, inject } from 'vitest';
import { defaultLibrarySchema } from '../../src/host/library-schema';
import { openConnections, withAdmin } from './connections';
import { connectionTag, expandNames, uniqueName } from './names';
import type { TestSchema } from './schema';
import { changeUrl } from './urls';

/** A database of its own, with a schema in it, for what concerns a whole database: its settings, dumps, restores. */
export interface TestDatabase extends TestSchema {
  /** The name, unquoted. In SQL it is written `:"database"`. */
  readonly database: string;
}

/** As useSchema, with a database around the schema (with these options of CREATE DATABASE). It takes about a tenth of a second more. */
export function useDatabase(label = 'database', options = ''): TestDatabase {
  const database = uniqueName(label);
  const schema = uniqueName(label);
  const tag = connectionTag(database);
  const serverUrl = changeUrl(inject('postgresUrl'), { applicationName: tag });
  const url = changeUrl(serverUrl, { database });
  const library = defaultLibrarySchema(schema);
  const names = { database, schema, library };
  const { close, ...connections } = openConnections(url, tag, names);

  beforeAll(async () => {
    // From template0, because template1 cannot be copied while anybody is connected to it.
    const create = expandNames(`create database :"database" template template0 ${options}`, names);
    await withAdmin(serverUrl, (admin) => admin.query(create));
    await withAdmin(url, (admin) => admin.query(expandNames('create schema :"schema"', names)));
  });

  afterAll(() =>
    withAdmin(serverUrl, async (admin) => {
      const drop = expandNames('drop database if exists :"database" with (force)', names);
      await close(admin).finally(() => admin.query(drop));
    }),
  );

  return { ...connections, database, schema, library, version: inject('postgresMajor') };
}

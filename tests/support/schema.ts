import { afterAll, beforeAll, inject } from 'vitest';
import { defaultLibrarySchema } from '../../src/host/library-schema';
import { type Connections, openConnections, withAdmin } from './connections';
import { connectionTag, expandNames, uniqueName } from './names';
import { changeUrl } from './urls';

/** A schema of its own for a test file or a describe block. */
export interface TestSchema extends Connections {
  /** The name, unquoted. In SQL it is written `:"schema"`. */
  readonly schema: string;
  /** The schema of the library for it, which an installation creates. In SQL it is written `:"library"`. */
  readonly library: string;
  /** The major version of the server. */
  readonly version: number;
}

/**
 * Call it at the top of a file or of a describe block. The schema is there before the first test, and it and all
 * connections are gone after the last.
 */
export function useSchema(label = 'schema'): TestSchema {
  const schema = uniqueName(label);
  const tag = connectionTag(schema);
  const url = changeUrl(inject('postgresUrl'), { applicationName: tag });
  const library = defaultLibrarySchema(schema);
  const names = { schema, library };
  const { close, ...connections } = openConnections(url, tag, names);

  beforeAll(() => withAdmin(url, (admin) => admin.query(expandNames('create schema :"schema"', names))));

  afterAll(() =>
    withAdmin(url, async (admin) => {
      const drop = expandNames('drop schema if exists :"schema", :"library" cascade', names);
      await close(admin).finally(() => admin.query(drop));
    }),
  );

  return { ...connections, schema, library, version: inject('postgresMajor') };
}

import type { SchemaOption } from '../options.js';
import type { Connection } from './connection.js';
import type { Terminal } from './terminal.js';

/** The flags of every command. */
export interface CommonFlags {
  url?: string;
  schema?: string;
  librarySchema?: string;
  json?: boolean;
  debug?: boolean;
}

/** One run of the command line: where it writes, its flags, and its connections, which are made when they are needed. */
export class Session {
  #connection: Promise<Connection> | undefined;
  /** Words of the command line that are in no message. */
  hiddenValues: readonly string[] = [];

  constructor(
    readonly terminal: Terminal,
    /** Those of the command line, which are read after this is made. */
    readonly flags: CommonFlags = {},
  ) {}

  /** Which installation is meant. */
  get installation(): SchemaOption {
    const { schema, librarySchema } = this.flags;
    return { ...(schema !== undefined && { schema }), ...(librarySchema !== undefined && { librarySchema }) };
  }

  /** The connections of this run. */
  connection(): Promise<Connection> {
    const url = this.flags.url ?? (this.terminal.env.DATABASE_URL || undefined);
    this.#connection ??= import('./connection.js').then(({ openConnection }) => openConnection(url));
    return this.#connection;
  }

  /** What most commands work on. */
  async pool(): Promise<Connection['pool']> {
    return (await this.connection()).pool;
  }

  async close(): Promise<void> {
    const connection = await this.#connection?.catch(() => undefined);
    await connection?.close();
  }
}

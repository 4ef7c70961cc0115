import type * as v from 'valibot';
import { ofShard, ValidationError } from '../errors.js';
import { parseOptions, parseTogether } from '../options.js';
import { requireRows } from '../postgres/answers.js';
import type { Database } from '../postgres/database.js';
import { CLOCK_HANDLE, type ClockHandle } from './clock-handle.js';
import type { Guarded } from './codes.js';
import { type Call, Context } from './context.js';
import type { Id } from './fields.js';
import type { InputSchemas } from './inputs.js';
import { OpenCalls } from './open-calls.js';
import {
  type CallOptions,
  type CodeOptions,
  type GivenOptions,
  limitsOf,
  type OptionsKind,
  parseCallOptions,
  poolArgument,
  type RepositoryOptions,
  repositoryOptions,
} from './options.js';
import { createLimiter, type Limiter } from './rate-limit.js';

/** Checks an argument of the method that is running. */
export type Parse = <Schema extends v.GenericSchema>(
  schema: Schema,
  input: unknown,
  root?: string,
) => v.InferOutput<Schema>;

/** What the methods of a repository work with. */
export class Work {
  readonly context: Context;
  readonly #deadlineMs: number;
  readonly limiter: Limiter | undefined;
  readonly openCalls = new OpenCalls();

  constructor(pool: Database, options: RepositoryOptions | undefined) {
    const { parsed } = parseTogether({
      pool: () => parseOptions(poolArgument, { pool }, 'new PromoCodeRepository()'),
      parsed: () => parseOptions(repositoryOptions, options, 'new PromoCodeRepository()'),
    });
    this.#deadlineMs = limitsOf(parsed).deadlineMs;
    this.context = new Context(pool, parsed, (work) => this.openCalls.track(work));
    if (parsed.rateLimit !== false) {
      const { failures, windowSeconds } =
        parsed.rateLimit === true ? { failures: 20, windowSeconds: 900 } : parsed.rateLimit;
      this.limiter = createLimiter({
        db: pool,
        librarySchema: async () => {
          const { call } = await this.context.begin(undefined, () => undefined);
          return call.host.layout.librarySchema;
        },
        failures,
        windowSeconds,
        newCall: async () => (await this.context.begin(undefined, () => undefined)).call,
        track: (work) => this.openCalls.track(work),
      });
    }
  }

  /**
   * One call of a method, from its arguments to its answer.
   * @param callee the method as messages name it: `'create()'`
   * @param check is run on what is known of the host's columns, perhaps twice
   * @param access `'read'` for a method whose answer need not be fresh
   */
  run<Input, Result>(
    callee: string,
    options: CallOptions | undefined,
    check: (schemas: InputSchemas, parse: Parse) => Input,
    work: (call: Call, input: Input) => Promise<Result>,
    access: Access = 'write',
  ): Promise<Result> {
    return this.#begin(callee, options, KINDS[access].ofCall, check, work);
  }

  /** Checks arguments on what is known before the server is asked. */
  parse<Input>(callee: string, check: (schemas: InputSchemas, parse: Parse) => Input): Input {
    return check(this.context.schemas, (schema, input, root) => parseOptions(schema, input, callee, root));
  }

  /** The same as `run` for a method that works on a code, a use or a campaign by its id. */
  runOn<Input, Result>(
    what: 'codeById' | 'useById' | 'campaignById',
    callee: string,
    id: Id,
    options: CodeOptions | undefined,
    check: (schemas: InputSchemas, parse: Parse) => Input,
    work: (call: Call, found: Guarded, input: Input) => Promise<Result>,
    access: Access = 'write',
  ): Promise<Result> {
    return this.runGuarded(
      callee,
      options,
      (schemas, parse) => parseTogether({ of: () => parse(schemas[what], { id }), input: () => check(schemas, parse) }),
      (call, { of, input }, shopId) => work(call, { id: of.id, shopId }, input),
      access,
    );
  }

  /** The same for a method that has the id among its input. */
  runGuarded<Input, Result>(
    callee: string,
    options: CodeOptions | undefined,
    check: (schemas: InputSchemas, parse: Parse) => Input,
    work: (call: Call, input: Input, shopId: string | undefined) => Promise<Result>,
    access: Access = 'write',
  ): Promise<Result> {
    const checkAll = (schemas: InputSchemas, parse: Parse, { shopId }: { shopId?: unknown }) =>
      parseTogether({
        input: () => check(schemas, parse),
        guard: () => parse(schemas.guard, { shopId }),
      });
    return this.#begin(callee, options, KINDS[access].ofCode, checkAll, (call, { input, guard }) =>
      work(call, input, guard.shopId),
    );
  }

  /**
   * The same for a method in which codes can be guessed.
   * @param isGuess whether an answer is that to somebody who tries out codes
   */
  runLimited<Input, Result>(
    callee: string,
    options: CallOptions | undefined,
    check: (schemas: InputSchemas, parse: Parse) => Input,
    work: (call: Call, input: Input) => Promise<Result>,
    isGuess: (result: Result) => boolean,
    access: Access = 'write',
  ): Promise<Result> {
    const { limiter } = this;
    const kind = KINDS[access].ofCall;
    if (!limiter) return this.#begin(callee, options, kind, check, work);
    const checkAll = (schemas: InputSchemas, parse: Parse, { rateLimitKey }: CallOptions) =>
      parseTogether({ input: () => check(schemas, parse), key: () => requireKey(rateLimitKey) });
    return this.#begin(callee, options, kind, checkAll, (call, { input, key }) =>
      limiter.attempt(key, call, async () => {
        const result = await work(call, input);
        return { result, guessed: isGuess(result) };
      }),
    );
  }

  /** One asynchronous function from the arguments to the answer: each further one would cost every call. */
  async #begin<Input, Result>(
    callee: string,
    options: CallOptions | undefined,
    kind: OptionsKind,
    check: (schemas: InputSchemas, parse: Parse, options: GivenOptions) => Input,
    work: (call: Call, input: Input) => Promise<Result>,
  ): Promise<Result> {
    this.openCalls.enter();
    try {
      const given = options === undefined ? NO_OPTIONS[kind] : parseCallOptions(options, callee, kind);
      if (given.client) await requireRows(given.client, 'client', this.#deadlineMs);
      const parse: Parse = (schema, input, root) => parseOptions(schema, input, callee, root);
      const origin = given.fresh === false ? { ...given, mayBeStale: true } : given;
      const begun = this.context.begin(origin, (schemas) => check(schemas, parse, given));
      const { input, call } = begun instanceof Promise ? await begun : begun;
      return await work(call, input);
    } catch (error) {
      throw this.context.shard === undefined ? error : ofShard(error, this.context.shard);
    } finally {
      this.openCalls.leave();
    }
  }
}

const NO_OPTIONS: Record<OptionsKind, GivenOptions> = {
  ofCall: {},
  ofCode: {},
  ofRead: { fresh: false },
  ofCodeRead: { fresh: false },
};

/** Whether a method only reads what may be as old as a replica is. */
type Access = 'read' | 'write';
const KINDS = {
  write: { ofCall: 'ofCall', ofCode: 'ofCode' },
  read: { ofCall: 'ofRead', ofCode: 'ofCodeRead' },
} as const;

function requireKey(key: string | undefined): string {
  if (key !== undefined) return key;
  const message =
    'must be given, since the rate limiter is on: something that a guesser cannot choose, such as the IP address that ' +
    'the request came from';
  throw new ValidationError([{ path: 'rateLimitKey', message }]);
}

/** Beside the objects, so that a host has no access; and nothing runs when the class is made, so a bundler can leave it out. */
const works = new WeakMap<object, Work>();

/** The work of a repository, for its methods, which stand in several files. */
export function workOf(part: object): Work {
  return works.get(part)!;
}

/** Lets a part of a repository, which has methods of its own, work as the repository does. */
export function partOf<Part extends object>(repository: RepositoryBase, part: Part): Part {
  works.set(part, workOf(repository));
  return part;
}

/** What all repositories are made with. */
export abstract class RepositoryBase {
  /** @param pool a `pg.Pool`; with a single client the library takes that client's transactions for the host's */
  constructor(pool: Database, options?: RepositoryOptions) {
    const work = new Work(pool, options);
    works.set(this, work);
    const { schema, librarySchema } = work.context.options;
    const handle: ClockHandle = {
      db: pool,
      schema,
      librarySchema,
      set: (moment, prepare) => work.context.setClock(moment, prepare),
      ready: async () => void (await work.context.begin(undefined, () => undefined)),
    };
    Object.defineProperty(this, CLOCK_HANDLE, { value: handle });
  }
}

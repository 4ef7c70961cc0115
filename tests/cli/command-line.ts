import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { build } from 'esbuild';
import { afterAll, beforeAll } from 'vitest';
import { run } from '../../src/cli/run';
import type { Output, Terminal } from '../../src/cli/terminal';

/** What a run of the command line has left. */
export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** How it is run. */
interface Surroundings {
  env?: Record<string, string>;
  cwd?: string;
}

/** A run that has not ended yet. */
interface Running {
  child: ChildProcess;
  /** Waits until either stream has this. */
  says(text: string): Promise<string>;
  ended: Promise<Outcome>;
}

/** The command line as users have it: a program of its own. */
export interface CommandLine {
  /** A folder with a program `pg-promo-codes` in it, for the PATH of a shell. */
  folder: string;
  run(args: string[], surroundings?: Surroundings): Promise<Outcome>;
  start(args: string[], surroundings?: Surroundings): Running;
  /** A line of a shell in which `pg-promo-codes` is known. */
  shell(line: string, surroundings?: Surroundings): Promise<Outcome>;
}

/** Nothing of the machine leads it to another server, or changes its colours. */
function surroundingsOf({ env = {}, cwd }: Surroundings) {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(PG|DATABASE_URL|NO_COLOR|FORCE_COLOR|NODE_OPTIONS)/.test(name),
  );
  return { env: { ...Object.fromEntries(inherited), ...env }, cwd };
}

/** Builds it from the sources as they are now, for a test file. */
export function useCommandLine({ withDriver = true } = {}): CommandLine {
  const folder = mkdtempSync(path.join(tmpdir(), 'pg-promo-codes-cli-'));
  const file = path.join(folder, 'pg-promo-codes');
  const running = new Set<ChildProcess>();

  beforeAll(async () => {
    await build({
      ...{ entryPoints: ['src/cli/main.ts'], outfile: `${file}.mjs`, bundle: true, logLevel: 'error' },
      ...{
        platform: 'node',
        format: 'esm',
        target: 'node20',
        loader: { '.sql': 'text' },
        external: ['pg', 'pg-format'],
      },
      banner: { js: `import { createRequire as of } from 'node:module'; const require = of(import.meta.url);` },
    });
    symlinkSync(`${file}.mjs`, file);
    chmodSync(file, 0o755);
    if (withDriver) symlinkSync(path.resolve('node_modules'), path.join(folder, 'node_modules'));
  });
  afterAll(() => {
    for (const child of running) child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  });

  const launch = (program: string, args: string[], surroundings: Surroundings = {}): Running => {
    const child = spawn(program, args, { ...surroundingsOf(surroundings), stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(child);
    const outcome: Outcome = { code: null, stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (chunk: string) => {
        outcome[name] += chunk;
      });
    }
    const ended = once(child, 'close').then(([code]) => {
      running.delete(child);
      return { ...outcome, code: code as number | null };
    });
    return {
      child,
      ended,
      async says(text) {
        const said = () => outcome.stdout + outcome.stderr;
        while (!said().includes(text)) {
          const more = [once(child.stdout, 'data'), once(child.stderr, 'data'), ended.then(() => null)];
          if ((await Promise.race(more)) === null && !said().includes(text))
            throw new Error(`It ended, and said: ${said()}`);
        }
        return said();
      },
    };
  };

  return {
    folder,
    run: (args, surroundings) => launch(process.execPath, [`${file}.mjs`, ...args], surroundings).ended,
    start: (args, surroundings) => launch(process.execPath, [`${file}.mjs`, ...args], surroundings),
    shell: (line, { env = {}, ...rest } = {}) =>
      launch('sh', ['-c', line], { ...rest, env: { ...env, PATH: `${folder}:${process.env.PATH}` } }).ended,
  };
}

/** Somebody at a terminal, or a pipe. */
interface Somebody {
  env?: Record<string, string>;
  /** Whether all streams are a terminal. */
  isTerminal?: boolean;
  /** What is typed. */
  input?: string;
  columns?: number;
  signal?: AbortSignal;
}

/** The same without a process: the streams may be a terminal, and it is quick. */
export async function runHere(args: string[], somebody: Somebody = {}): Promise<Outcome> {
  const { env = {}, isTerminal = false, input, columns, signal = new AbortController().signal } = somebody;
  const outcome: Outcome = { code: null, stdout: '', stderr: '' };
  const stream = (name: 'stdout' | 'stderr'): Output => {
    const output: Output = new PassThrough().setEncoding('utf8').on('data', (chunk: string) => {
      outcome[name] += chunk;
    });
    return Object.assign(output, isTerminal ? { isTTY: true, columns: columns ?? 80 } : {});
  };
  const stdin = new PassThrough();
  if (input !== undefined) stdin.end(input);
  const terminal: Terminal = {
    stdin: Object.assign(stdin, { isTTY: isTerminal }),
    stdout: stream('stdout'),
    stderr: stream('stderr'),
    env,
    signal,
    isOutputGone: () => false,
  };
  outcome.code = await run(args, terminal);
  return outcome;
}

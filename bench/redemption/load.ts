import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { build, decodeFromCompressedBase64 } from 'hdr-histogram-js';
import { changeHost } from '../../tests/support/urls.js';
import { compiled } from './compiled.js';
import type { LoadResult, LoadSettings, Round } from './worker.js';

/** What a round came to. */
export interface RoundFigures {
  /** Redemptions per second. */
  rate: number;
  /** Milliseconds that 99 of 100 callers waited at the most. */
  p99: number;
  /** Milliseconds that half of the callers waited at the most. */
  median: number;
}

/** Processes that bring load, ready for rounds. */
export interface Load {
  round(times: Round): Promise<RoundFigures>;
  close(): void;
}

const children = new Set<ChildProcess>();

/** Ends what is left, when the benchmark is interrupted. */
export function endLoads(): void {
  for (const child of children) child.kill('SIGKILL');
}

async function start(program: 'worker' | 'delay-proxy', args: string[]): Promise<ChildProcess> {
  // Without what translates this process, which would cost the measured code time.
  const child = fork(await compiled(program), args, { execArgv: [] });
  children.add(child);
  child.on('exit', () => children.delete(child));
  return child;
}

async function answerOf(child: ChildProcess): Promise<unknown> {
  const over = new AbortController();
  const { signal } = over;
  const ended = once(child, 'exit', { signal }).then(() => {
    throw new Error('A process of the benchmark ended too early');
  });
  ended.catch(() => {});
  const [answer] = await Promise.race([once(child, 'message', { signal }), ended]);
  over.abort();
  if (typeof answer === 'object' && answer !== null && 'error' in answer) throw new Error(String(answer.error));
  return answer;
}

/** Starts the processes of one design; each has its own pool, and its own repository where the design is ours. */
export async function startLoad(settings: Omit<LoadSettings, 'number'>, processes: number): Promise<Load> {
  const workers = await Promise.all(
    Array.from({ length: processes }, (_, index) =>
      start('worker', [JSON.stringify({ ...settings, number: index + 1 } satisfies LoadSettings)]),
    ),
  );
  await Promise.all(workers.map(answerOf));
  return {
    async round(times) {
      const results = (await Promise.all(
        workers.map((worker) => {
          const answer = answerOf(worker);
          worker.send(times);
          return answer;
        }),
      )) as LoadResult[];
      const latencies = build({ highestTrackableValue: 120_000_000, numberOfSignificantValueDigits: 3 });
      for (const result of results) latencies.add(decodeFromCompressedBase64(result.latencies));
      return {
        rate: results.reduce((sum, { redeemed, seconds }) => sum + redeemed / seconds, 0),
        p99: latencies.getValueAtPercentile(99) / 1_000,
        median: latencies.getValueAtPercentile(50) / 1_000,
      };
    },
    close: () => {
      for (const worker of workers) worker.kill();
    },
  };
}

/** Puts a delay of that many milliseconds in front of the server. Gives the address through it. */
export async function startDelay(url: string, delayMs: number): Promise<{ url: string; close(): void }> {
  const { hostname, port } = new URL(url);
  const child = await start('delay-proxy', [hostname, port || '5432', String(delayMs)]);
  const own = (await answerOf(child)) as number;
  return { url: changeHost(url, '127.0.0.1', own), close: () => void child.kill() };
}

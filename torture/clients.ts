import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkerSettings } from './client/worker.js';

/** An end of a client process. */
export interface ProcessEnd {
  /** The process, with the number of its start. */
  name: string;
  at: number;
  /** Killed by the campaign, or ended by itself though nobody had asked it to. */
  how: 'killed' | 'died';
  detail: string;
}

/** What all processes have in common. */
export type CommonSettings = Omit<WorkerSettings, 'name' | 'logFile'>;

/** The client processes of a campaign. One that is killed, or dies, is started anew. */
export class Clients {
  readonly ends: ProcessEnd[] = [];
  readonly #program: string;
  readonly #logFolder: string;
  readonly #settings: CommonSettings;
  readonly #running = new Map<number, { name: string; child: ChildProcess }>();
  readonly #starts = new Map<number, number>();
  #isStopping = false;

  constructor(program: string, logFolder: string, settings: CommonSettings) {
    this.#program = program;
    this.#logFolder = logFolder;
    this.#settings = settings;
  }

  async start(processes: number): Promise<void> {
    await Promise.all(Array.from({ length: processes }, (_, index) => this.#start(index + 1)));
  }

  /** The names of those that run. */
  names(): string[] {
    return [...this.#running.values()].map(({ name }) => name);
  }

  /** SIGKILL, and a new start after a while. Returns when the new process works. */
  async kill(place: number, restartMs: number): Promise<void> {
    const running = [...this.#running.entries()];
    const [number, { name, child }] = running[place % running.length] ?? [0, { name: '', child: undefined }];
    if (!child) return;
    this.ends.push({ name, at: Date.now(), how: 'killed', detail: 'SIGKILL' });
    this.#running.delete(number);
    child.kill('SIGKILL');
    await sleep(restartMs);
    await this.#start(number);
  }

  /** Asks all of them to come to their end, and gives those that did not in time. */
  async stop(limitMs: number): Promise<string[]> {
    this.#isStopping = true;
    const late: string[] = [];
    await Promise.all(
      [...this.#running.values()].map(async ({ name, child }) => {
        const ended = once(child, 'exit', { signal: AbortSignal.timeout(limitMs) });
        child.send('stop', () => {});
        await ended.catch(() => late.push(name));
      }),
    );
    this.end();
    return late;
  }

  /** Ends them at once. */
  end(): void {
    this.#isStopping = true;
    for (const { child } of this.#running.values()) child.kill('SIGKILL');
  }

  async #start(number: number): Promise<void> {
    if (this.#isStopping) return;
    const start = (this.#starts.get(number) ?? 0) + 1;
    this.#starts.set(number, start);
    const name = `${number}.${start}`;
    const settings: WorkerSettings = { ...this.#settings, name, logFile: path.join(this.#logFolder, `${name}.jsonl`) };
    // Without what translates this process.
    const child = fork(this.#program, [JSON.stringify(settings)], {
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#running.set(number, { name, child });
    let said = '';
    child.stderr?.on('data', (data) => {
      said = (said + data).slice(-2_000);
    });
    child.on('error', () => {});
    child.once('exit', (code, signal) => {
      if (this.#running.get(number)?.child !== child) return;
      this.#running.delete(number);
      if (this.#isStopping) return;
      this.ends.push({ name, at: Date.now(), how: 'died', detail: `exit code ${code ?? signal}: ${said.trim()}` });
      void this.#start(number);
    });
    await Promise.race([once(child, 'message'), once(child, 'exit')]);
  }
}

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, inject, it } from 'vitest';
import { eventually, isWhole, useSchema } from '../support';

const root = fileURLToPath(new URL('../..', import.meta.url));
const t = useSchema('torture run');

/** The whole program, on the server of the tests, so that no other has to be started. */
function startRun(...args: string[]): ChildProcess {
  const { NODE_OPTIONS: _loader, NODE_V8_COVERAGE: _coverage, ...env } = process.env;
  return spawn(process.execPath, ['--import', 'tsx', 'torture/run.ts', '--seed', '1', ...args], {
    cwd: root,
    env: { ...env, TSX_DISABLE_CACHE: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function schemas(): Promise<string[]> {
  const { rows } = await t.sql<{ name: string }>(
    `SELECT nspname AS name FROM pg_namespace WHERE nspname ~ '^torture_[0-9a-f]{8}$'`,
  );
  return rows.map(({ name }) => name);
}

/** The processes that it has started: the guard, the client processes, what compiles them. */
function programsOf(child: ChildProcess): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return (
        readFileSync(path.join('/proc', pid, 'stat'), 'utf8')
          .split(') ')[1]
          ?.split(' ')[1] === String(child.pid)
      );
    } catch {
      return false;
    }
  });
}

/** With one that is at work something is done. */
async function whileAtWork(work: (child: ChildProcess) => Promise<void>): Promise<void> {
  const child = startRun('--minutes', '5', '--url', inject('postgresUrl'), '--processes', '1', '--callers', '2');
  let said = '';
  child.stdout?.resume();
  createInterface({ input: child.stderr! }).on('line', (line) => {
    said += `${line}\n`;
  });
  await eventually(
    async () => {
      if ((await schemas()).length === 0 || !said.includes('at work')) throw new Error(`Not yet: ${said}`);
    },
    { timeoutMs: 40_000 },
  );
  const helpers = process.platform === 'linux' ? programsOf(child) : [];
  await work(child);
  await eventually(
    async () => {
      expect(await schemas()).toEqual([]);
      expect(helpers.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
    },
    { timeoutMs: 20_000 },
  );
}

describe('npm run torture', () => {
  it('leaves nothing behind when it is interrupted', { timeout: 80_000 }, () =>
    whileAtWork(async (child) => {
      child.kill('SIGINT');
      const [code] = await once(child, 'exit');
      expect(code).toBe(130);
      expect(await schemas()).toEqual([]);
    }),
  );

  it.skipIf(!isWhole)('leaves nothing behind when it is killed', { timeout: 80_000 }, () =>
    whileAtWork(async (child) => {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }),
  );

  it('refuses what it does not understand', async () => {
    const child = startRun('--minutes', 'soon');
    const [code] = await once(child, 'exit');
    expect(code).toBe(2);
  });
});

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, inject, it } from 'vitest';
import { eventually, useSchema } from '../support';

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

const onOurServer = (minutes: string) => ['--minutes', minutes, '--url', inject('postgresUrl'), '--processes', '2'];

async function schemas(): Promise<string[]> {
  const { rows } = await t.sql<{ name: string }>(
    `SELECT nspname AS name FROM pg_namespace WHERE nspname ~ '^torture_[0-9a-f]{8}$'`,
  );
  return rows.map(({ name }) => name);
}

/** The folders of campaigns whose guard is still there are somebody else's. */
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

describe('npm run torture', () => {
  it('leaves nothing behind when it is interrupted', { timeout: 60_000 }, async () => {
    const child = startRun(...onOurServer('5'));
    let said = '';
    child.stdout?.resume();
    const lines = createInterface({ input: child.stderr! });
    lines.on('line', (line) => {
      said += `${line}\n`;
    });
    await eventually(
      async () => {
        if ((await schemas()).length === 0 || !/done|connections|backends/.test(said))
          throw new Error(`Not yet: ${said}`);
      },
      { timeoutMs: 40_000 },
    );
    const helpers = process.platform === 'linux' ? programsOf(child) : [];
    child.kill('SIGINT');
    const [code] = await once(child, 'exit');
    expect(code).toBe(130);
    expect(await schemas()).toEqual([]);
    await eventually(() => {
      expect(helpers.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
    });
  });

  it('refuses what it does not understand', async () => {
    const child = startRun('--minutes', 'soon');
    const [code] = await once(child, 'exit');
    expect(code).toBe(2);
  });
});

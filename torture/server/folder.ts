import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** Every folder of a campaign begins with this, so that a leftover can be recognised. */
const FOLDER_PREFIX = 'pg-promo-codes-torture-';
const REMOVE_LIMIT_MS = 20_000;

/** The account that PostgreSQL runs as, where this process is root. */
export type Account = { uid: number; gid: number } | Record<string, never>;

/** A folder that a guard removes, with the servers in it, when this process ends in whatever way. */
export interface GuardedFolder {
  readonly path: string;
  /** Stops the servers that are still there and removes everything. A second call waits for the first. */
  remove(): Promise<void>;
}

/** What the guard removes from a server that was there before. */
export interface GuardedSchema {
  url: string;
  schemas: string[];
  applicationName: string;
}

export function makeGuardedFolder(account: Account, schema?: GuardedSchema): GuardedFolder {
  const folder = makeFolder(account);
  // NODE_OPTIONS may carry the loader of this process, which the guard does without.
  const { NODE_OPTIONS: _loader, ...env } = process.env;
  const guard = spawn(process.execPath, [fileURLToPath(new URL('./guard.mjs', import.meta.url)), folder], {
    detached: true,
    env: { ...env, ...(schema && { GUARDED: JSON.stringify(schema) }) },
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  guard.unref();
  guard.stdin.on('error', () => {});
  let removed: Promise<void> | undefined;
  return {
    path: folder,
    remove: () => {
      removed ??= endGuard(guard);
      return removed;
    },
  };
}

async function endGuard(guard: ChildProcess): Promise<void> {
  if (guard.exitCode !== null || guard.signalCode !== null) return;
  guard.ref();
  const ended = once(guard, 'exit', { signal: AbortSignal.timeout(REMOVE_LIMIT_MS) });
  guard.stdin?.end();
  await ended;
}

/** The parent must be open to the account that PostgreSQL runs as: root's TMPDIR may not be. */
function makeFolder(account: Account): string {
  for (const parent of new Set([tmpdir(), '/tmp'])) {
    const folder = fs.mkdtempSync(path.join(parent, FOLDER_PREFIX));
    fs.chmodSync(folder, 0o755);
    if (spawnSync('sh', ['-c', 'cd "$1"', 'sh', folder], account).status === 0) return folder;
    fs.rmdirSync(folder);
  }
  throw new Error(`No folder that the account of PostgreSQL can enter: ${tmpdir()}, /tmp`);
}

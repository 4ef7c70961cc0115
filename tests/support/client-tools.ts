import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { inject } from 'vitest';

export type ToolName = 'psql' | 'pg_dump' | 'pg_restore' | 'pgbench' | 'pgbouncer';

/** A program around PostgreSQL that is installed on this machine; npm has none of them. */
export interface ClientTool {
  readonly name: ToolName;
  readonly file: string;
  readonly major: number;
}

export interface ToolResult {
  /** The exit code, or -1 when a signal ended the program. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The newest installed version of a client program, from PATH or from where Debian keeps it; null without any. */
export function clientTool(name: ToolName): ClientTool | null {
  const found = toolFolders()
    .map((folder) => path.join(folder, name))
    .filter((file) => existsSync(file))
    .map((file) => ({ name, file, major: askMajor(file) }))
    .filter((tool) => tool.major > 0);
  return found.sort((a, b) => b.major - a.major)[0] ?? null;
}

/**
 * As clientTool, and says on stderr why a test is left out when the program is missing or too old for the server, as
 * pg_dump is for a newer one. For `describe.skipIf(!tool)`.
 */
export function clientToolOrSkip(name: ToolName): ClientTool | null {
  const tool = clientTool(name);
  const server = inject('postgresMajor');
  const missing = !tool
    ? `it is not installed (apt-get install ${name === 'pgbouncer' ? name : 'postgresql-client'})`
    : name === 'pg_dump' && tool.major < server
      ? `it is version ${tool.major}, which refuses PostgreSQL ${server}`
      : null;
  if (missing === null) return tool;
  process.stderr.write(`SKIPPED: tests that need ${name}, because ${missing}\n`);
  return null;
}

/** Runs a client program to its end. It gets no variables that would lead it to another server than `args` say. */
export function runTool(
  tool: ClientTool,
  args: readonly string[],
  options: { input?: string; env?: Record<string, string> } = {},
): Promise<ToolResult> {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('PG'));
  const env = { ...Object.fromEntries(inherited), LC_ALL: 'C.UTF-8', ...options.env };
  return new Promise((resolve, reject) => {
    const child = spawn(tool.file, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk;
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk;
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
    // A program that ends before it has read everything breaks the pipe; its exit code says what was wrong.
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
  });
}

function toolFolders(): string[] {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian) : [];
  const searched = (process.env.PATH ?? '').split(':');
  // Debian's pgbouncer is where only root's PATH leads.
  return [...versions.map((version) => path.join(debian, version, 'bin')), ...searched, '/usr/sbin'];
}

function askMajor(file: string): number {
  const { stdout } = spawnSync(file, ['--version'], { encoding: 'utf8' });
  return Number(/(?:\)|PgBouncer) (\d+)/.exec(stdout ?? '')?.[1] ?? 0);
}

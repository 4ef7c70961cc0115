import { spawn } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { afterAll } from 'vitest';

/** What a command has left. */
export interface Outcome {
  code: number | null;
  /** Both streams, in the order in which they came. */
  said: string;
}

/** The project of a host: a folder with an example in it, and with the package as its sources are now. */
export interface Project {
  folder: string;
  read(file: string): string;
  write(file: string, text: string): void;
  /** Runs a line of a shell in which the programs of the project's packages are known, as they are behind `npx`. */
  run(line: string, databaseUrl: string): Promise<Outcome>;
}

/** A program takes a second to start, on a busy machine several, and a test may start six. */
export const SLOW = { timeout: 120_000 };

const page = readFileSync('docs/migrations.md', 'utf8');

/** What a reader of docs/migrations.md is told to run. */
export function commandOfPage(beginning: string): string {
  const line = page.split('\n').find((text) => text.startsWith(beginning));
  if (line === undefined) throw new Error(`docs/migrations.md says nowhere ${beginning}`);
  return line;
}

/** @param example the folder in `examples/migrations` */
export function useProject(example: string): Project {
  const root = mkdtempSync(path.join(tmpdir(), 'pg-promo-codes-host-'));
  const folder = path.join(root, example);
  const installed = path.join(folder, 'node_modules', 'pg-promo-codes');

  const manifest = (fields: object) => JSON.stringify({ type: 'module', ...fields });
  cpSync(path.join('examples/migrations', example), folder, { recursive: true });
  writeFileSync(path.join(folder, 'package.json'), manifest({ name: 'host', private: true }));
  // Node.js goes on looking in the folders above.
  symlinkSync(path.resolve('node_modules'), path.join(root, 'node_modules'));
  afterAll(() => rmSync(root, { recursive: true }));

  const installPackage = async () => {
    mkdirSync(path.join(folder, 'node_modules', '.bin'), { recursive: true });
    await build({
      entryPoints: { index: 'src/index.ts', cli: 'src/cli/main.ts' },
      ...{ outdir: installed, bundle: true, splitting: true, packages: 'external', logLevel: 'error' },
      ...{ platform: 'node', format: 'esm', target: 'node20', loader: { '.sql': 'text' } },
    });
    writeFileSync(path.join(installed, 'package.json'), manifest({ name: 'pg-promo-codes', exports: './index.js' }));
    chmodSync(path.join(installed, 'cli.js'), 0o755);
    symlinkSync('../pg-promo-codes/cli.js', path.join(folder, 'node_modules', '.bin', 'pg-promo-codes'));
  };
  let packageInstalled: Promise<void> | undefined;

  const programs = [folder, root].map((place) => path.join(place, 'node_modules', '.bin'));
  return {
    folder,
    read: (file) => readFileSync(path.join(folder, file), 'utf8'),
    write: (file, text) => writeFileSync(path.join(folder, file), text),
    async run(line, databaseUrl) {
      packageInstalled ??= installPackage();
      await packageInstalled;
      return runLine(line.replaceAll('npx ', ''), folder, programs, databaseUrl);
    },
  };
}

function runLine(line: string, cwd: string, programs: string[], databaseUrl: string): Promise<Outcome> {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(PG|NODE_|VITEST)/.test(name));
  const env = {
    ...Object.fromEntries(inherited),
    ...{ DATABASE_URL: databaseUrl, NO_COLOR: '1', PATH: [...programs, process.env.PATH].join(':') },
  };
  return new Promise((resolve, reject) => {
    const child = spawn('bash', ['-c', line], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        said += chunk;
      });
    }
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, said }));
  });
}

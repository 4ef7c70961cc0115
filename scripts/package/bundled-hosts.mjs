// Bundles a host with each bundler, moves what comes out to a folder where there is nothing else, and lets it redeem there.
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { bundlers } from './bundlers.mjs';
import { project, workplace } from './project.mjs';
import { CheckFailed, demand, folder, inParallel, root, run, step } from './shell.mjs';

const EXPECTED = JSON.stringify({
  total: '38.38',
  limited: { guess: 3, code: 'RATE_LIMITED', name: 'RateLimitedError' },
  drift: [],
});

export async function checkBundledHosts(databaseUrl) {
  const entry = path.join(workplace('host'), 'redeem.mjs');
  cpSync(path.join(root, 'scripts', 'package', 'hosts', 'redeem.mjs'), entry);
  await step('host without a bundler', () => redeem(entry, databaseUrl, 'plain', project));
  await inParallel(
    bundlers.map(({ name, bundle }, index) => async () => {
      await step(name, async () => {
        const out = path.join(project, `out-${index}`);
        const { file, warnings } = await bundle(entry, out);
        const alone = path.join(folder, `alone-${index}`);
        cpSync(out, alone, { recursive: true });
        await redeem(path.join(alone, path.basename(file)), databaseUrl, `host_${index}`, alone);
        const own = warnings.filter((text) => text.includes('pg-promo-codes'));
        if (own.length > 0) throw new CheckFailed(`warnings:\n${own.join('\n')}`);
        return `${Math.ceil(sizeOf(file) / 1024)} KiB`;
      });
    }),
  );
}

async function redeem(file, databaseUrl, schema, cwd) {
  const env = { DATABASE_URL: databaseUrl, HOST_SCHEMA: schema };
  const { stdout } = await run(process.execPath, [file], { cwd, env });
  demand(stdout.trim() === EXPECTED, `expected ${EXPECTED}\nreceived ${stdout}`);
}

function sizeOf(file) {
  return readFileSync(file).length;
}

/** A host that only checks drift carries no limiter. */
export async function checkTreeShaking(esbuild, name) {
  const place = workplace('drift-only');
  mkdirSync(place, { recursive: true });
  const entry = path.join(place, 'drift-only.mjs');
  writeFileSync(entry, `export { checkDrift } from '${name}';\n`);
  const { metafile, outputFiles } = await esbuild.build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    metafile: true,
    write: false,
    platform: 'node',
    format: 'esm',
  });
  const packages = new Set(Object.keys(Object.values(metafile.outputs)[0].inputs).map((file) => packageOf(file)));
  demand(!packages.has('rate-limiter-flexible'), 'checkDrift alone carries the library of the rate limiter');
  return `${Math.ceil(outputFiles[0].contents.length / 1024)} KiB`;
}

function packageOf(file) {
  return file.split('node_modules/').at(-1).split('/')[0];
}

// Packs the files of the repository as somebody has them who has cloned it, and looks into the tarball.
import { cpSync, readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { demand, folder, root, run } from './shell.mjs';

/** What it has may grow with what it can do, not by what slipped in. */
const MOST_KIBIBYTES = 1_200;

/** Without any file that git does not know, so what is built is built by `npm pack`. Gives the path of the tarball. */
export async function packCleanClone(manifest) {
  const clone = path.join(folder, 'clone');
  const { stdout: listed } = await run('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
  });
  for (const file of listed.split('\0').filter(Boolean)) {
    cpSync(path.join(root, file), path.join(clone, file), { recursive: true, force: true });
  }
  symlinkSync(path.join(root, 'node_modules'), path.join(clone, 'node_modules'), 'dir');
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: clone });
  // Scripts may print before the report. It is an array up to npm 11, an object by package name since.
  const report = JSON.parse(stdout.slice(stdout.search(/^[[{]/m)));
  const [packed] = Array.isArray(report) ? report : Object.values(report);
  const files = packed.files.map((file) => file.path);

  const expected = ['package.json', 'LICENSE', 'README.md', manifest.main, manifest.module, manifest.types];
  for (const entry of Object.values(manifest.exports)) {
    if (typeof entry === 'object') expected.push(...Object.values(entry).flatMap(Object.values));
  }
  const missing = expected.map((file) => path.normalize(file)).filter((file) => !files.includes(file));
  demand(missing.length === 0, `not in the tarball: ${missing.join(', ')}`);
  const stray = files.filter((file) => /^(src|tests|scripts|node_modules|docs\/api|examples\/demo)\//.test(file));
  demand(stray.length === 0, `should not be in the tarball: ${stray.join(', ')}`);
  const links = checkLinks(clone, files);
  for (const file of [manifest.main, manifest.module]) checkImports(path.join(clone, file), manifest);
  const kibibytes = Math.ceil(packed.size / 1024);
  demand(kibibytes <= MOST_KIBIBYTES, `the tarball has ${kibibytes} KiB, more than ${MOST_KIBIBYTES}`);
  const tarball = path.join(folder, packed.filename);
  return { tarball, said: `${files.length} files, ${kibibytes} KiB packed, ${links} links` };
}

/** What the bundle imports is built in, under its full name, or comes with the package; and it reads no file beside itself. */
function checkImports(file, { dependencies }) {
  const text = readFileSync(file, 'utf8');
  const imported = [...text.matchAll(/\b(?:from ?|require\(|import\(|import ?)"([\w@./:-]+)"/g)].map(
    ([, specifier]) => specifier,
  );
  demand(imported.length > 0, `${file} imports nothing, so this check is blind`);
  const strange = imported.filter((specifier) => !specifier.startsWith('node:') && !(specifier in dependencies));
  demand(strange.length === 0, `${path.basename(file)} imports ${strange.join(', ')}`);
  const beside = /__dirname|__filename|import\.meta/.exec(text)?.[0];
  demand(beside === undefined, `${path.basename(file)} uses ${beside}: it may read a file beside itself`);
}

/** Every link from a packed page to a file leads to a packed file. */
function checkLinks(clone, files) {
  let count = 0;
  for (const page of files.filter((file) => file.endsWith('.md'))) {
    const text = readFileSync(path.join(clone, page), 'utf8').replaceAll(/^```[\s\S]*?^```/gm, '');
    for (const [, link] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^(https?:|mailto:|#)/.test(link)) continue;
      const target = path.posix.join(path.posix.dirname(page), link.replace(/#.*$/, ''));
      const isFile = files.includes(target);
      const isFolder = files.some((file) => file.startsWith(`${target.replace(/\/$/, '')}/`));
      demand(isFile || isFolder, `${page} links to ${link}, which is not in the tarball`);
      count += 1;
    }
  }
  return count;
}

// Other lines of Node.js come from npm by `npm exec`, which keeps them in npm's own cache. In package.json they would hurt:
// the package exists once per platform, so as a devDependency `npm ci` would fail on the others, and as an
// optionalDependency everybody who installs the library would download a Node.js.
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { promisify } from 'node:util';

/** The path of a Node.js of this line, such as 22. */
export async function nodeOfLine(line) {
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  const from = ['exec', '--yes', `--package=node-${platform}-${process.arch}@${line}`, '--', 'node', '-p'];
  const { stdout } = await promisify(execFile)('npm', [...from, 'process.execPath'], { cwd: tmpdir() });
  const file = stdout.trim().split('\n').at(-1);
  const { stdout: version } = await promisify(execFile)(file, ['--version']);
  if (!version.startsWith(`v${line}.`)) throw new Error(`npm exec gave Node.js ${version.trim()} instead of ${line}`);
  return file;
}

import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

const folder = 'examples/migrations';
const page = readFileSync('docs/migrations.md', 'utf8');
const LANGUAGES: Record<string, string> = { '.ts': 'ts', '.sh': 'bash', '.prisma': 'prisma' };

const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
  (file) => LANGUAGES[path.extname(file)],
);

it.each(files)('%s stands in docs/migrations.md as it is', (file) => {
  const text = readFileSync(path.join(folder, file), 'utf8');
  expect(page).toContain(`\`\`\`${LANGUAGES[path.extname(file)]}\n${text}\`\`\`\n`);
});

it('names each file that it shows', () => {
  for (const file of files)
    expect(page).toContain(`\`${file.split('/').slice(1).join('/').replace('upgrade/', 'migrations/')}\``);
});

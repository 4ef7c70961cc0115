import { existsSync, readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { blocksOf, pageText } from './page';

/** The folders of a folder. */
const roomsOf = (folder: string) =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [`${entry.name}/`] : []));

it('the page has a line for each room', () => {
  const [tree = ''] = blocksOf('how-it-works', 'text');
  for (const folder of ['src', 'sql']) {
    const [, rooms = ''] = new RegExp(`^${folder}/\\n((?: {2}.*\\n)+)`, 'm').exec(tree) ?? [];
    expect([...rooms.matchAll(/(\w+\/)(?=\s)/g)].map(([room]) => room).sort(), folder).toEqual(roomsOf(folder).sort());
  }
});

it('every file that the tour passes is there', () => {
  const files = [...pageText('how-it-works').matchAll(/`(\w+\/[\w-]+\.ts)`/g)].map(([, file]) => file!);
  expect(files.length).toBeGreaterThan(10);
  for (const file of files) expect(existsSync(`src/${file}`), file).toBe(true);
});

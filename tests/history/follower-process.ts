// A follower that is killed: it notes each record in a file when it came, and then its place in another one.
import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import pg from 'pg';
import { PromoCodeRepository } from '../../src/index';

export interface FollowerSettings {
  url: string;
  schema: string;
  /** Where it begins, as long as it has no place. */
  after: string;
  /** The ids that came, one in a line, and the place. */
  came: string;
  place: string;
}

const { url, schema, after, came, place }: FollowerSettings = JSON.parse(process.argv[2]!);
process.on('disconnect', () => process.exit());
const pool = new pg.Pool({ connectionString: url, max: 2 });
pool.on('error', () => {});
const repository = new PromoCodeRepository(pool, { schema });
const begin = existsSync(place) ? readFileSync(place, 'utf8') : after;
for await (const { id } of repository.followHistory({ after: begin })) {
  appendFileSync(came, `${id}\n`);
  // The place is that before or this one, whenever the process is killed.
  writeFileSync(`${place}.new`, id);
  renameSync(`${place}.new`, place);
}

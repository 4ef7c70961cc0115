import fs from 'node:fs/promises';
import path from 'node:path';
import { Kysely, PostgresDialect } from 'kysely';
import { FileMigrationProvider, Migrator } from 'kysely/migration';
import pg from 'pg';

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
const migrationFolder = path.join(import.meta.dirname, 'migrations');
const migrator = new Migrator({ db, provider: new FileMigrationProvider({ fs, path, migrationFolder }) });

const { error, results = [] } = await (process.argv[2] === 'down'
  ? migrator.migrateDown()
  : migrator.migrateToLatest());
for (const { direction, migrationName, status } of results) console.log(direction, migrationName, status);
if (results.length === 0) console.log('Nothing to do');
await db.destroy();
if (error) throw error;

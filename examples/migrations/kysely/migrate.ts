import fs from 'node:fs/promises';
import path from 'node:path';
import { Kysely, PostgresDialect } from 'kysely';
import { FileMigrationProvider, Migrator } from 'kysely/migration';
import pg from 'pg';

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL });
const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
const migrationFolder = path.join(import.meta.dirname, 'migrations');
const migrator = new Migrator({ db, provider: new FileMigrationProvider({ fs, path, migrationFolder }) });

const { error, results } = process.argv[2] === 'down' ? await migrator.migrateDown() : await migrator.migrateToLatest();
for (const { migrationName, direction, status } of results ?? []) console.log(direction, migrationName, status);
await db.destroy();
if (error) throw error;
